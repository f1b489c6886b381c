//! Known sites: which hosts and source names are search engines, social networks, mailers and
//! video sites. A compact list of our own; a site with many country domains stands once.

use crate::wire::scalar::trim;
use serde::{Deserialize, Serialize};

/// What a referrer host is known as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferrerKind {
    /// A search engine.
    Search,
    /// A social network.
    Social,
    /// A web mailer.
    Email,
    /// A video site.
    Video,
    /// Any other site.
    Referral,
}

use ReferrerKind::{Email, Search, Social, Video};

/// Hosts that are not what their domain is: (host, name, kind). Looked at first. A trailing `.*`
/// stands for every public suffix of one or two short labels, such as `.de` or `.co.uk`.
const SPECIAL_HOSTS: [(&str, &str, ReferrerKind); 22] = [
    ("mail.google.*", "gmail", Email),
    ("com.google.android.gm", "gmail", Email),
    ("com.google.android.googlequicksearchbox", "google", Search),
    ("com.google.android.youtube", "youtube", Video),
    ("com.linkedin.android", "linkedin", Social),
    ("com.facebook.katana", "facebook", Social),
    ("com.instagram.android", "instagram", Social),
    ("com.reddit.frontpage", "reddit", Social),
    ("com.slack", "slack", ReferrerKind::Referral),
    ("plus.google.*", "google+", Social),
    ("plus.url.google.*", "google+", Social),
    ("groups.google.*", "google groups", Social),
    ("mail.yahoo.*", "yahoo mail", Email),
    ("mail.yandex.*", "yandex mail", Email),
    ("mail.aol.*", "aol mail", Email),
    ("mail.qq.com", "qq mail", Email),
    ("mail.163.com", "163 mail", Email),
    ("mail.naver.com", "naver mail", Email),
    ("e.mail.ru", "mail.ru", Email),
    ("search.brave.com", "brave", Search),
    ("go.mail.ru", "mail.ru search", Search),
    ("news.ycombinator.com", "hacker news", Social),
];

/// Search engines on many country domains, matched only at the bare domain or below one of
/// [`SEARCH_PREFIXES`].
const SEARCH_BRANDS: [&str; 9] =
    ["google", "bing", "yahoo", "yandex", "baidu", "ask", "aol", "lycos", "excite"];

/// Labels in front of a search brand that still mean its search.
const SEARCH_PREFIXES: [&str; 14] = [
    "www",
    "www2",
    "m",
    "mobile",
    "wap",
    "search",
    "image",
    "images",
    "news",
    "r",
    "cse",
    "encrypted",
    "video",
    "web",
];

/// Domains with all that is below them: (domain, name, kind).
const DOMAINS: [(&str, &str, ReferrerKind); 69] = [
    ("duckduckgo.com", "duckduckgo", Search),
    ("ecosia.org", "ecosia", Search),
    ("qwant.com", "qwant", Search),
    ("startpage.com", "startpage", Search),
    ("naver.com", "naver", Search),
    ("daum.net", "daum", Search),
    ("seznam.cz", "seznam", Search),
    ("ya.ru", "yandex", Search),
    ("sogou.com", "sogou", Search),
    ("so.com", "360", Search),
    ("sm.cn", "shenma", Search),
    ("kagi.com", "kagi", Search),
    ("mojeek.com", "mojeek", Search),
    ("swisscows.com", "swisscows", Search),
    ("petalsearch.com", "petal", Search),
    ("dogpile.com", "dogpile", Search),
    ("rambler.ru", "rambler", Search),
    ("presearch.com", "presearch", Search),
    ("coccoc.com", "coccoc", Search),
    ("virgilio.it", "virgilio", Search),
    ("onet.pl", "onet", Search),
    ("perplexity.ai", "perplexity", Search),
    ("facebook.com", "facebook", Social),
    ("fb.com", "facebook", Social),
    ("fb.me", "facebook", Social),
    ("messenger.com", "messenger", Social),
    ("instagram.com", "instagram", Social),
    ("threads.net", "threads", Social),
    ("threads.com", "threads", Social),
    ("twitter.com", "twitter", Social),
    ("t.co", "twitter", Social),
    ("x.com", "twitter", Social),
    ("linkedin.com", "linkedin", Social),
    ("lnkd.in", "linkedin", Social),
    ("pinterest.com", "pinterest", Social),
    ("pin.it", "pinterest", Social),
    ("reddit.com", "reddit", Social),
    ("redd.it", "reddit", Social),
    ("tiktok.com", "tiktok", Social),
    ("snapchat.com", "snapchat", Social),
    ("tumblr.com", "tumblr", Social),
    ("quora.com", "quora", Social),
    ("vk.com", "vk", Social),
    ("ok.ru", "odnoklassniki", Social),
    ("weibo.com", "weibo", Social),
    ("weibo.cn", "weibo", Social),
    ("xing.com", "xing", Social),
    ("bsky.app", "bluesky", Social),
    ("mastodon.social", "mastodon", Social),
    ("t.me", "telegram", Social),
    ("telegram.org", "telegram", Social),
    ("whatsapp.com", "whatsapp", Social),
    ("wa.me", "whatsapp", Social),
    ("discord.com", "discord", Social),
    ("line.me", "line", Social),
    ("stumbleupon.com", "stumbleupon", Social),
    ("meetup.com", "meetup", Social),
    ("hootsuite.com", "hootsuite", Social),
    ("outlook.live.com", "outlook", Email),
    ("outlook.office.com", "outlook", Email),
    ("outlook.office365.com", "outlook", Email),
    ("mail.live.com", "outlook", Email),
    ("mail.proton.me", "proton mail", Email),
    ("mail.com", "mail.com", Email),
    ("gmx.net", "gmx", Email),
    ("youtube.com", "youtube", Video),
    ("youtu.be", "youtube", Video),
    ("vimeo.com", "vimeo", Video),
    ("twitch.tv", "twitch", Video),
];

/// Names that people write into `utm_source` and that no domain above bears.
const SOURCE_NAMES: [(&str, ReferrerKind); 18] = [
    ("google", Search),
    ("googleads", Search),
    ("google ads", Search),
    ("adwords", Search),
    ("bing", Search),
    ("bingads", Search),
    ("microsoft", Search),
    ("yahoo", Search),
    ("yandex", Search),
    ("baidu", Search),
    ("fb", Social),
    ("ig", Social),
    ("insta", Social),
    ("meta", Social),
    ("social", Social),
    ("newsletter", Email),
    ("email", Email),
    ("dailymotion", Video),
];

/// The name and kind of a known site by its host, in any letter case; `None` for all others.
pub fn known_host(host: &str) -> Option<(&'static str, ReferrerKind)> {
    let host = crate::url::plain_host(host);
    let special = SPECIAL_HOSTS.iter().find(|(pattern, ..)| match pattern.strip_suffix(".*") {
        Some(stem) => host.strip_prefix(stem).is_some_and(is_suffix),
        None => host == *pattern,
    });
    if let Some((_, name, kind)) = special {
        return Some((name, *kind));
    }
    if let Some(brand) = SEARCH_BRANDS.iter().find(|brand| is_search_of(&host, brand)) {
        return Some((brand, Search));
    }
    let country_site = |brand: &str| host.strip_prefix(brand).is_some_and(is_suffix);
    if country_site("pinterest") {
        return Some(("pinterest", Social));
    }
    let below = |domain: &str| {
        host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    DOMAINS.iter().find(|(domain, ..)| below(domain)).map(|(_, name, kind)| (*name, *kind))
}

/// `.com`, `.de`, `.co.uk`, `.com.br`: a public suffix as big sites' country domains have.
fn is_suffix(text: &str) -> bool {
    let Some(labels) = text.strip_prefix('.') else {
        return false;
    };
    match labels.split_once('.') {
        None => (2..=3).contains(&labels.len()),
        Some((second, top)) => ["co", "com"].contains(&second) && top.len() == 2,
    }
}

fn is_search_of(host: &str, brand: &str) -> bool {
    let Some((prefix, suffix)) = host.split_once(brand) else {
        return false;
    };
    let plain = |label: &str| label.len() == 2 || SEARCH_PREFIXES.contains(&label);
    let prefix_fits =
        prefix.is_empty() || prefix.strip_suffix('.').is_some_and(|p| p.split('.').all(plain));
    prefix_fits && is_suffix(suffix)
}

/// What kind of site a `utm_source` names, as a host or by a usual name.
pub fn known_source(source: &str) -> Option<ReferrerKind> {
    let source = trim(source);
    if source.contains('.') {
        let host = crate::url::Address::split(source).host.unwrap_or(source);
        return known_host(host).map(|(_, kind)| kind);
    }
    let by_name = SOURCE_NAMES.iter().find(|(name, _)| source.eq_ignore_ascii_case(name));
    let by_site = || {
        let mut sites = SPECIAL_HOSTS.iter().chain(&DOMAINS);
        sites.find(|(_, name, _)| source.eq_ignore_ascii_case(name)).map(|(_, _, kind)| *kind)
    };
    by_name.map(|(_, kind)| *kind).or_else(by_site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_sites_by_host() {
        let check = |host: &str, expected: Option<(&str, ReferrerKind)>| {
            assert_eq!(known_host(host), expected, "{host}");
        };
        check("www.google.fr", Some(("google", Search)));
        check("google.co.uk", Some(("google", Search)));
        check("images.google.com.br", Some(("google", Search)));
        check("mail.google.com", Some(("gmail", Email)));
        check("docs.google.com", None);
        check("google.com.evil.example", None);
        check("notgoogle.com", None);
        check("fr.search.yahoo.com", Some(("yahoo", Search)));
        check("m.search.naver.com", Some(("naver", Search)));
        check("l.facebook.com", Some(("facebook", Social)));
        check("T.CO", Some(("twitter", Social)));
        check("pinterest.de", Some(("pinterest", Social)));
        check("notx.com", None);
        check("www.youtube.com", Some(("youtube", Video)));
    }

    #[test]
    fn knows_sources_by_name() {
        assert_eq!(known_source("Facebook"), Some(Social));
        assert_eq!(known_source("google"), Some(Search));
        assert_eq!(known_source("l.instagram.com"), Some(Social));
        assert_eq!(known_source("partner"), None);
    }
}
