//! Properties: which sources see the same actions, and when their events begin a session.

use super::error::ConfigError;
use super::raw;
use super::resolved::wrong;
use millstream_event::{SourceId, Span};
use millstream_stitch::{Properties, SessionRule, SessionRules, Zone};

/// Longest session timeout: a leap year. Beyond it a device would have one session for ever.
pub const TIMEOUT_MINUTES_MAX: u32 = 366 * 24 * 60;

/// One property's settings, each with the key that it came from.
struct Settings<'a> {
    timeout: (&'static str, u32),
    by_campaign: bool,
    by_day: bool,
    zone: (&'static str, &'a str),
}

pub(super) fn session_rules(
    usual: &raw::Pipeline,
    sources: &[raw::Source],
) -> Result<SessionRules, ConfigError> {
    let mut rules = SessionRules {
        usual: rule(&Settings {
            timeout: ("pipeline.timeout_minutes", usual.timeout_minutes),
            by_campaign: usual.split_by_campaign,
            by_day: usual.split_by_day,
            zone: ("pipeline.time_zone", &usual.time_zone),
        })?,
        ..SessionRules::default()
    };
    for source in sources {
        let own = rule(&Settings {
            timeout: (
                "sources.timeout_minutes",
                source.timeout_minutes.unwrap_or(usual.timeout_minutes),
            ),
            by_campaign: source.split_by_campaign.unwrap_or(usual.split_by_campaign),
            by_day: source.split_by_day.unwrap_or(usual.split_by_day),
            zone: ("sources.time_zone", source.time_zone.as_deref().unwrap_or(&usual.time_zone)),
        })?;
        // A rule like the usual one is none of its own: naming it changes no generation.
        if let Some(name) = SourceId::parse(&source.name).filter(|_| own != rules.usual) {
            rules.of_source.insert(name, own);
        }
    }
    Ok(rules)
}

/// Sources and the properties that they belong to.
pub(super) fn properties(sources: &[raw::Source]) -> Result<Properties, ConfigError> {
    let named = sources.iter().filter_map(|source| {
        let property = source.property.as_ref()?;
        Some((SourceId::parse(&source.name)?, property))
    });
    let checked = named.map(|(source, property)| match SourceId::parse(property) {
        Some(property) => Ok((source, property.as_str().into())),
        None => Err(wrong("sources.property", property, "use a name as sources have")),
    });
    checked.collect::<Result<Vec<_>, _>>().map(Properties::new)
}

fn rule(settings: &Settings<'_>) -> Result<SessionRule, ConfigError> {
    let (key, minutes) = settings.timeout;
    if !(1..=TIMEOUT_MINUTES_MAX).contains(&minutes) {
        return Err(wrong(key, minutes, "use 1 to 527040, a year"));
    }
    let (key, name) = settings.zone;
    let zone = Zone::parse(name)
        .ok_or_else(|| wrong(key, name, "write the name of an IANA zone, such as Europe/Berlin"))?;
    Ok(SessionRule {
        timeout: Span::minutes(i64::from(minutes)),
        by_campaign: settings.by_campaign,
        by_day: settings.by_day.then_some(zone),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, read};

    #[test]
    fn a_source_has_the_usual_rule_where_it_has_none_of_its_own() {
        let file = r#"
            [pipeline]
            timeout_minutes = 20
            split_by_day = true
            [[sources]]
            name = "shop"
            write_keys = ["a"]
            time_zone = "america/new_york"
            [[sources]]
            name = "kiosk"
            write_keys = ["b"]
            timeout_minutes = 527040
            split_by_campaign = true
            split_by_day = false
            [[sources]]
            name = "plain"
            write_keys = ["c"]
        "#;
        let rules = Config::resolve(read(Some(("a.toml", file)), &[]).unwrap()).unwrap();
        let rules = rules.pipeline.sessions;
        let of = |name: &str| rules.of(&SourceId::parse(name).unwrap()).clone();
        assert_eq!(of("shop").by_day.unwrap().name(), "America/New_York");
        assert_eq!(of("shop").timeout, Span::minutes(20));
        let kiosk = SessionRule {
            timeout: Span::minutes(TIMEOUT_MINUTES_MAX.into()),
            by_campaign: true,
            by_day: None,
        };
        assert_eq!(of("kiosk"), kiosk);
        assert_eq!(of("plain"), rules.usual);
        assert_eq!(rules.of_source.len(), 2);
    }

    #[test]
    fn sources_of_one_property_see_the_same_actions() {
        let file = r#"
            [[sources]]
            name = "shop"
            write_keys = ["a"]
            [[sources]]
            name = "backend"
            write_keys = ["b"]
            property = "shop"
        "#;
        let config = Config::resolve(read(Some(("a.toml", file)), &[]).unwrap()).unwrap();
        let source = |name: &str| SourceId::parse(name).unwrap();
        for (name, property) in [("shop", "shop"), ("backend", "shop"), ("other", "other")] {
            assert_eq!(config.pipeline.properties.of(&source(name)), property);
        }
        let odd = file.replace("property = \"shop\"", "property = \"\"");
        let odd = read(Some(("a.toml", &odd)), &[]);
        let said = Config::resolve(odd.unwrap()).unwrap_err().to_string();
        assert!(said.contains("sources.property"), "{said}");
    }
}
