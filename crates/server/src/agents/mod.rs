//! User agents: device, browser, operating system, and whether anyone is there at all.
//!
//! Recognition by two vendored lists: families by uap-core, automata by crawler-user-agents with a
//! few words for what no list can keep up with. The lists are compiled when the first agent is
//! seen, so that start-up does not wait for them; answers are cached.

mod automaton;
mod device;

use automaton::Automata;
use millstream_stitch::{Agent, Agents, DeviceClass};
use std::sync::{Arc, LazyLock};

/// Answers kept by default; real traffic has some thousand different agents.
pub const CACHE_ENTRIES: usize = 16_384;
/// Longest user agent looked at, in bytes; the rest is not read.
pub const AGENT_BYTES_MAX: usize = 512;

const FAMILIES: &str = include_str!("../../data/uap-core.json");

static LISTS: LazyLock<Result<Lists, ListError>> = LazyLock::new(|| {
    Lists::compile().inspect_err(|error| tracing::error!(%error, "user agents stay unrecognised"))
});

/// A vendored list that cannot be used: a fault of the build.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The rules are not the JSON they should be.
    #[error("the list of families cannot be read: {0}")]
    Read(#[from] serde_json::Error),
    /// A rule cannot be compiled.
    #[error("the list of families cannot be compiled: {0}")]
    Rule(#[from] ua_parser::Error),
    /// A rule of the list of automata cannot be compiled.
    #[error("the list of automata cannot be compiled: {0}")]
    Automata(#[from] automaton::AutomataError),
}

struct Lists {
    browsers: ua_parser::user_agent::Extractor<'static>,
    systems: ua_parser::os::Extractor<'static>,
    automata: Automata,
}

#[derive(serde::Deserialize)]
struct Families {
    user_agent_parsers: Vec<ua_parser::user_agent::Parser<'static>>,
    os_parsers: Vec<ua_parser::os::Parser<'static>>,
}

impl Lists {
    fn compile() -> Result<Self, ListError> {
        let families: Families = serde_json::from_str(FAMILIES)?;
        let browsers = ua_parser::user_agent::Builder::new()
            .push_all(families.user_agent_parsers)?
            .build()
            .map_err(ua_parser::Error::from)?;
        let systems = ua_parser::os::Builder::new()
            .push_all(families.os_parsers)
            .map_err(ua_parser::Error::from)?
            .build()
            .map_err(ua_parser::Error::from)?;
        Ok(Self { browsers, systems, automata: Automata::compile()? })
    }

    fn classify(&self, user_agent: &str) -> Agent {
        let browser = self.browsers.extract(user_agent).map(|found| found.family);
        let os = self.systems.extract(user_agent).map(|found| found.os);
        let os = os.as_deref().unwrap_or_default();
        let bot = self.automata.matches(user_agent);
        let device = if bot { DeviceClass::Bot } else { device::class(user_agent, os) };
        Agent { device, browser: browser.as_deref().unwrap_or_default().into(), os: os.into(), bot }
    }
}

/// The recogniser: the vendored lists behind a bounded cache. Cheap to make.
pub struct AgentList {
    cache: quick_cache::sync::Cache<Box<str>, Arc<Agent>>,
}

impl Default for AgentList {
    fn default() -> Self {
        Self::new(CACHE_ENTRIES)
    }
}

impl AgentList {
    /// A recogniser that keeps at most this many answers.
    pub fn new(cache_entries: usize) -> Self {
        Self { cache: quick_cache::sync::Cache::new(cache_entries) }
    }

    /// Names the lists: other lists, another name.
    pub fn fingerprint(&self) -> String {
        let lists = [FAMILIES.as_bytes(), automaton::PATTERNS.as_bytes()];
        millstream_event::Hash128::of("agent lists", &lists).to_hex()
    }

    /// Compiles the lists now, for a process that would rather wait here than at its first event.
    ///
    /// # Errors
    /// [`ListError`] when a vendored list is broken.
    pub fn prepare() -> Result<(), &'static ListError> {
        LISTS.as_ref().map(drop)
    }
}

impl Agents for AgentList {
    fn classify(&self, user_agent: &str) -> Agent {
        let user_agent = head(user_agent.trim());
        if user_agent.is_empty() {
            return Agent::default();
        }
        if let Some(known) = self.cache.get(user_agent) {
            return (*known).clone();
        }
        let Ok(lists) = &*LISTS else { return Agent::default() };
        let agent = Arc::new(lists.classify(user_agent));
        self.cache.insert(user_agent.into(), Arc::clone(&agent));
        (*agent).clone()
    }
}

/// The first [`AGENT_BYTES_MAX`] bytes, cut at a character boundary.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(AGENT_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classify(user_agent: &str) -> Agent {
        AgentList::new(8).classify(user_agent)
    }

    #[test]
    fn the_vendored_lists_compile() {
        AgentList::prepare().unwrap();
    }

    #[test]
    fn people_are_told_by_device_browser_and_system() {
        let cases = [
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36",
                (DeviceClass::Desktop, "Chrome", "Mac OS X"),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:25.0) Gecko/20100101 Firefox/25.0",
                (DeviceClass::Desktop, "Firefox", "Linux"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
                (DeviceClass::Mobile, "Mobile Safari", "iOS"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-T870) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
                (DeviceClass::Tablet, "Chrome", "Android"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0",
                (DeviceClass::Desktop, "Edge", "Windows"),
            ),
        ];
        for (user_agent, (device, browser, os)) in cases {
            let agent = classify(user_agent);
            assert_eq!(
                (agent.device, &*agent.browser, &*agent.os),
                (device, browser, os),
                "{user_agent}"
            );
            assert!(!agent.bot, "{user_agent}");
        }
    }

    #[test]
    fn crawlers_previews_and_tools_are_automata() {
        for user_agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Twitterbot/1.0",
            "WhatsApp/2.23.20.0",
            "curl/8.5.0",
            "python-requests/2.31.0",
            "Go-http-client/1.1",
            "Wget/1.21",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36",
            "SomethingNew-Crawler/0.1",
            "Tiny Tiny RSS/1.11 (http://tt-rss.org/)",
        ] {
            let agent = classify(user_agent);
            assert!(agent.bot && agent.device == DeviceClass::Bot, "{user_agent}");
        }
    }

    #[test]
    fn nothing_said_is_nothing_known() {
        for user_agent in ["", "   "] {
            assert_eq!(classify(user_agent), Agent::default());
        }
        assert!(!classify("-").bot);
    }

    #[test]
    fn the_cache_changes_no_answer_and_long_texts_are_cut() {
        let list = AgentList::new(2);
        for round in 0..3 {
            for n in 0..20 {
                let user_agent =
                    format!("Mozilla/5.0 (Windows NT 10.0; rv:{n}.0) Gecko/20100101 Firefox/{n}.0");
                assert_eq!(&*list.classify(&user_agent).os, "Windows", "round {round}");
            }
        }
        let tail = format!("{}Googlebot/2.1", "ä".repeat(AGENT_BYTES_MAX));
        assert!(!list.classify(&tail).bot);
    }
}
