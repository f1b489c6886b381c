//! Layers: the reference, the file over it, the environment over that.

use super::error::ConfigError;
use super::raw::Raw;
use toml::{Table, Value};

/// The commented reference: every key, its meaning and its default.
pub const REFERENCE: &str = include_str!("reference.toml");

/// Keys that have no default and stand in the reference as comments. `*` is any name.
const OPTIONAL: &[&str] = &[
    "links.rules",
    "links.rules.field",
    "links.rules.required",
    "links.rules.lowercase",
    "links.rules.allowed",
    "links.rules.pattern",
    "links.templates",
    "links.templates.name",
    "links.templates.source",
    "links.templates.medium",
    "links.templates.campaign",
    "links.templates.consent_text",
    "consent.tcf_vendor",
    "forward.folder",
    "capture.country_database",
    "capture.data_centres",
    "sources",
    "sources.name",
    "sources.write_keys",
    "sources.property",
    "sources.timeout_minutes",
    "sources.split_by_campaign",
    "sources.split_by_day",
    "sources.time_zone",
    "signed_links",
    "signed_links.id",
    "signed_links.secret_file",
    "tls.certificate",
    "tls.key",
    "consent.regions.*",
    "admin.tokens",
    "admin.tokens.name",
    "admin.tokens.role",
    "admin.tokens.sha256",
    "log.retain_days",
    "log.retain_bytes",
    "retention.events_days",
    "retention.sessions_days",
    "retention.touches_days",
    "retention.conversions_days",
    "decide.use_cases",
    "decide.use_cases.name",
    "decide.use_cases.default",
    "decide.use_cases.template",
    "decide.use_cases.moment",
    "decide.use_cases.tier",
    "decide.use_cases.architecture",
    "decide.use_cases.budget_ms",
    "decide.use_cases.candidates",
    "decide.use_cases.stages",
    "decide.use_cases.ladder",
    "decide.use_cases.segment_by",
    "decide.use_cases.answer_max",
    "decide.use_cases.group_max",
    "decide.use_cases.survivors",
    "decide.use_cases.exploration",
    "decide.use_cases.holdout_percent",
    "decide.use_cases.goal",
    "decide.use_cases.session_gap_minutes",
    "decide.use_cases.hints",
    "decide.use_cases.rule",
    "decide.use_cases.candidates.id",
    "decide.use_cases.candidates.group",
    "decide.use_cases.candidates.prior",
    "decide.use_cases.candidates.features",
    "decide.use_cases.candidates.when",
    "decide.use_cases.candidates.value",
    "decide.use_cases.exploration.among",
    "decide.use_cases.exploration.gamma",
    "decide.use_cases.http",
    "decide.use_cases.http.url",
    "decide.use_cases.http.budget_ms",
    "decide.use_cases.http.late_ms",
    "decide.use_cases.http.concurrent",
    "decide.use_cases.http.headers",
    "decide.use_cases.http.headers.*",
    "decide.use_cases.shadow",
    "decide.use_cases.shadow.use_case",
    "decide.use_cases.shadow.share_percent",
    "decide.experiments",
    "decide.experiments.name",
    "decide.experiments.use_case",
    "decide.experiments.layer",
    "decide.experiments.from_percent",
    "decide.experiments.to_percent",
    "decide.experiments.negligible_percent",
    "decide.experiments.arms",
    "decide.experiments.arms.name",
    "decide.experiments.arms.weight",
    "decide.experiments.arms.delay_ms",
    "decide.experiments.arms.stale_by",
    "decide.experiments.arms.architecture",
    "decide.experiments.arms.stages",
];

/// What environment overrides begin with.
const PREFIX: &str = "MILLSTREAM_";

/// Lays a file and an environment over the reference.
///
/// # Errors
/// [`ConfigError`] that names the file or variable, the key, and for unknown keys the nearest.
pub fn read(
    file: Option<(&str, &str)>,
    environment: &[(String, String)],
) -> Result<Raw, ConfigError> {
    let mut merged = parse(REFERENCE, "the reference")?;
    let known = known_keys(&merged);
    if let Some((name, text)) = file {
        let table = parse(text, name)?;
        check_keys(&table, "", &known, name)?;
        lay_over(&mut merged, table);
    }
    for (name, value) in environment {
        set_from_environment(&mut merged, &known, name, value)?;
    }
    Raw::deserialize_from(merged, file.map_or("the environment", |(name, _)| name))
}

impl Raw {
    fn deserialize_from(table: Table, origin: &str) -> Result<Self, ConfigError> {
        Value::Table(table).try_into().map_err(|source: toml::de::Error| ConfigError::Shape {
            origin: origin.into(),
            why: source.to_string().trim().replace('\n', ", "),
        })
    }
}

fn parse(text: &str, origin: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|source: toml::de::Error| {
        let line = source.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        ConfigError::Syntax { origin: origin.into(), line, why: source.message().into() }
    })
}

/// Every key of the reference as a dotted path, and the optional ones.
fn known_keys(reference: &Table) -> Vec<String> {
    fn walk(table: &Table, path: &str, found: &mut Vec<String>) {
        for (key, value) in table {
            let path = join(path, key);
            if let Value::Table(inner) = value {
                walk(inner, &path, found);
            }
            found.push(path);
        }
    }
    let mut found: Vec<String> = OPTIONAL.iter().map(ToString::to_string).collect();
    walk(reference, "", &mut found);
    found
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn check_keys(
    table: &Table,
    path: &str,
    known: &[String],
    origin: &str,
) -> Result<(), ConfigError> {
    for (key, value) in table {
        let path = join(path, key);
        let any_name = path.rsplit_once('.').map(|(parent, _)| format!("{parent}.*"));
        if !known.contains(&path) && !any_name.is_some_and(|any| known.contains(&any)) {
            return Err(unknown(path, known, origin));
        }
        match value {
            Value::Table(inner) => check_keys(inner, &path, known, origin)?,
            Value::Array(items) => {
                for inner in items.iter().filter_map(Value::as_table) {
                    check_keys(inner, &path, known, origin)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn unknown(key: String, known: &[String], origin: &str) -> ConfigError {
    let nearest = known
        .iter()
        .filter(|known| !known.ends_with('*'))
        .min_by_key(|known| strsim::damerau_levenshtein(known, &key))
        .cloned()
        .unwrap_or_default();
    ConfigError::Unknown { origin: origin.into(), key, nearest }
}

/// Tables are merged, everything else is replaced.
fn lay_over(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => lay_over(under, over),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

/// `MILLSTREAM_SERVER__LISTEN=...` is `server.listen`. Variables without `__` are not ours to read.
fn set_from_environment(
    merged: &mut Table,
    known: &[String],
    name: &str,
    text: &str,
) -> Result<(), ConfigError> {
    let Some(path) = name.strip_prefix(PREFIX).filter(|rest| rest.contains("__")) else {
        return Ok(());
    };
    let key = path.to_ascii_lowercase().replace("__", ".");
    if !known.contains(&key) {
        return Err(unknown(key, known, name));
    }
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let mut table = merged;
    for part in parts {
        let inner = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
        table = inner
            .as_table_mut()
            .ok_or_else(|| ConfigError::NotFromEnvironment { variable: name.into() })?;
    }
    let value = match table.get(last) {
        None | Some(Value::String(_)) => Value::String(text.to_owned()),
        Some(_) => parse(&format!("value = {text}"), name)?
            .remove("value")
            .unwrap_or(Value::Boolean(false)),
    };
    table.insert(last.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(file: &str) -> String {
        read(Some(("odd.toml", file)), &[]).unwrap_err().to_string()
    }

    #[test]
    fn the_reference_alone_is_a_whole_configuration() {
        let raw = read(None, &[]).unwrap();
        assert_eq!(raw.server.listen, "127.0.0.1:8080");
        assert_eq!(raw.tls.certificate, None);
    }

    #[test]
    fn every_optional_key_is_shown_in_the_reference() {
        for path in OPTIONAL.iter().filter(|path| !path.ends_with('*')) {
            let key = path.rsplit('.').next().unwrap();
            let shown = REFERENCE.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                let table = line.split('#').next().unwrap_or_default().trim_end();
                let tables = [format!("[{path}]"), format!("[[{path}]]")];
                line.starts_with(&format!("{key} =")) || tables.iter().any(|it| it == table)
            });
            assert!(shown, "{path}");
        }
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let raw =
            read(Some(("a.toml", "[pipeline]\nowners = 4\n[consent.regions]\nDE = []\n")), &[])
                .unwrap();
        let reference = read(None, &[]).unwrap();
        assert_eq!(raw.pipeline.owners, 4);
        assert_eq!(raw.consent.regions.len(), 1);
        assert_eq!(raw.server, reference.server);
        assert_eq!(raw.pipeline.batch_records, reference.pipeline.batch_records);
    }

    #[test]
    fn unknown_keys_are_refused_with_the_nearest_name() {
        let said = refusal("[pipeline]\nonwers = 2\n");
        assert!(said.contains("pipeline.onwers") && said.contains("pipeline.owners"), "{said}");
        let said = refusal("[[sources]]\nname = \"a\"\nwrite_key = []\n");
        assert!(said.contains("sources.write_keys"), "{said}");
        assert!(refusal("[sever]\n").contains("server"));
    }

    #[test]
    fn wrong_types_and_broken_text_name_their_place() {
        assert!(refusal("[server]\nthreads = \"many\"\n").contains("threads"));
        let said = refusal("[server]\nthreads = = 1\n");
        assert!(said.contains("odd.toml") && said.contains("line 2"), "{said}");
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = [
            set("MILLSTREAM_SERVER__LISTEN", "0.0.0.0:80"),
            set("MILLSTREAM_CAPTURE__LIMITS__BATCH_EVENTS", "7"),
            set("MILLSTREAM_TLS__KEY", "/k.pem"),
            set("MILLSTREAM_PIPELINE__OWN_DOMAINS", "[\"a.example\"]"),
            set("MILLSTREAM_OWNER", "ann"),
            set("OTHER__THING", "x"),
        ];
        let file = "[server]\nlisten = \"127.0.0.1:1\"\n";
        let raw = read(Some(("a.toml", file)), &environment).unwrap();
        assert_eq!(raw.server.listen, "0.0.0.0:80");
        assert_eq!(raw.capture.limits.batch_events, 7);
        assert_eq!(raw.tls.key.as_deref(), Some(std::path::Path::new("/k.pem")));
        assert_eq!(raw.pipeline.own_domains, ["a.example"]);
        let said = read(None, &[set("MILLSTREAM_SERVER__LISTN", "x")]).unwrap_err().to_string();
        assert!(
            said.contains("MILLSTREAM_SERVER__LISTN") && said.contains("server.listen"),
            "{said}"
        );
    }
}
