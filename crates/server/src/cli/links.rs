//! `links`: governed links.

use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::house::House;
use super::link_table::LinkTable;
use super::output::{self, Shown};
use super::place::{Place, Target};
use super::remote::{Remote, encoded};
use crate::admin::links::LinkBody;
use crate::links::{EditError, Proposal};
use clap::{Args, Subcommand};
use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use http::Method;
use serde_json::Value;

/// Makes, lists, checks, disables and restores links.
#[derive(Args, Clone, Debug)]
pub struct Links {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Clone, Debug)]
enum Action {
    /// Makes a link, or the next version of one.
    Add(Add),
    /// Lists every link as it now is.
    List(Common),
    /// Shows one link with its history.
    Show(One),
    /// Disables a link: it answers 404 and keeps its history.
    Disable(One),
    /// Puts an earlier version of a link in force again.
    Restore(Restore),
    /// Checks a link against the rules without making it; without one, checks every link there is.
    Check(Check),
    Sign(super::signing::Sign),
    /// Makes the links of a CSV table; without --apply it only says which rules they break.
    Import(LinkTable),
}

#[derive(Args, Clone, Debug)]
struct Common {
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Shown::Table)]
    format: Shown,
    #[command(flatten)]
    place: Place,
}

#[derive(Args, Clone, Debug)]
struct One {
    /// The link.
    slug: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Clone, Debug)]
struct Restore {
    /// The link.
    slug: String,
    /// The version to restore; the last enabled one when not given.
    #[arg(long)]
    version: Option<u32>,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Clone, Debug, Default)]
struct Fields {
    /// utm_source
    #[arg(long, alias = "utm-source")]
    source: Option<String>,
    /// utm_medium
    #[arg(long, alias = "utm-medium")]
    medium: Option<String>,
    /// utm_campaign
    #[arg(long, alias = "utm-campaign")]
    campaign: Option<String>,
    /// utm_term
    #[arg(long, alias = "utm-term")]
    term: Option<String>,
    /// utm_content
    #[arg(long, alias = "utm-content")]
    content: Option<String>,
    /// Ad group
    #[arg(long, alias = "utm-adgroup")]
    ad_group: Option<String>,
    /// Redirect status: 301, 302, 303, 307 or 308.
    #[arg(long)]
    status: Option<u16>,
    /// Who answers for the link.
    #[arg(long, env = "MILLSTREAM_OWNER")]
    owner: Option<String>,
    /// The last day, YYYY-MM-DD, or the instant from which on it answers 404.
    #[arg(long)]
    expires: Option<String>,
    /// What visitors are told about consent where the link is shown.
    #[arg(long)]
    consent_text: Option<String>,
    /// The configured template that fills what is not said here.
    #[arg(long)]
    template: Option<String>,
}

#[derive(Args, Clone, Debug)]
struct Add {
    /// Path segment behind /r/: letters, digits, hyphens, underscores.
    slug: String,
    /// Absolute http or https address.
    #[arg(value_name = "DESTINATION")]
    destination: String,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    common: Common,
}

#[derive(Args, Clone, Debug)]
struct Check {
    /// Path segment behind /r/.
    #[arg(requires = "destination")]
    slug: Option<String>,
    /// Absolute http or https address.
    destination: Option<String>,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    common: Common,
}

/// Who runs the command: a link always has somebody who answers for it.
fn operator() -> String {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let named = named.filter(|name| !name.is_empty());
    named.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
}

impl Fields {
    fn proposal(&self, slug: &str, destination: &str) -> Proposal {
        Proposal {
            slug: slug.to_owned(),
            destination: destination.to_owned(),
            source: self.source.clone(),
            medium: self.medium.clone(),
            campaign: self.campaign.clone(),
            term: self.term.clone(),
            content: self.content.clone(),
            ad_group: self.ad_group.clone(),
            status: self.status,
            owner: self.owner.clone().unwrap_or_else(operator),
            expires: self.expires.clone(),
            consent_text: self.consent_text.clone(),
            template: self.template.clone(),
        }
    }
}

impl Links {
    /// Does what was asked.
    pub fn run(&self) -> Result<Ended, Failure> {
        match &self.action {
            Action::Add(add) => {
                let proposal = add.fields.proposal(&add.slug, &add.destination);
                let link = make(&mut add.common.place.open(true)?, proposal)?;
                show(&[link], add.common.format)
            }
            Action::List(common) => show(&all(&common.place)?, common.format),
            Action::Show(one) => one.show(),
            Action::Disable(one) => {
                let link = match one.common.place.open(false)? {
                    Target::Local(engine) => {
                        edit(&engine, |engine| engine.editor.disable(&one.slug, (engine.clock)()))?
                    }
                    Target::Remote(mut remote) => change(&mut remote, &one.slug, "disable")?,
                };
                show(&[link], one.common.format)
            }
            Action::Restore(restore) => {
                let link = match restore.common.place.open(false)? {
                    Target::Local(engine) => edit(&engine, |engine| {
                        engine.editor.restore(&restore.slug, restore.version, (engine.clock)())
                    })?,
                    Target::Remote(mut remote) => {
                        let version = restore
                            .version
                            .map_or_else(String::new, |version| format!("?version={version}"));
                        change(&mut remote, &restore.slug, &format!("restore{version}"))?
                    }
                };
                show(&[link], restore.common.format)
            }
            Action::Check(check) => check.run(),
            Action::Sign(sign) => sign.run(),
            Action::Import(table) => table.run(),
        }
    }
}

impl One {
    fn show(&self) -> Result<Ended, Failure> {
        let history: Vec<Value> = match self.common.place.open(false)? {
            Target::Local(engine) => {
                ready(&engine)?;
                engine
                    .registry
                    .history(&self.slug)
                    .iter()
                    .map(|link| body(link))
                    .collect::<Result<_, _>>()?
            }
            Target::Remote(mut remote) => {
                let mut answer =
                    parsed(&remote.get(&format!("/api/links/{}", encoded(&self.slug)))?)?;
                serde_json::from_value(answer["history"].take())
                    .map_err(|error| Failure::new("the answer cannot be read", error))?
            }
        };
        if history.is_empty() {
            return Err(Failure::new(
                "there is nothing to show",
                EditError::Unknown { slug: self.slug.clone() },
            ));
        }
        show(&history, self.common.format)
    }
}

impl Check {
    fn run(&self) -> Result<Ended, Failure> {
        let house = House::of(&self.common.place)?;
        let broken = match (&self.slug, &self.destination) {
            (Some(slug), Some(destination)) => {
                let broken = house.broken(&self.fields.proposal(slug, destination));
                broken.into_iter().map(|broken| (slug.clone(), broken.to_string())).collect()
            }
            _ => {
                let mut found = Vec::new();
                for link in all(&self.common.place)? {
                    let slug = link["slug"].as_str().unwrap_or_default().to_owned();
                    let broken = house.broken(&proposal_of(&link));
                    found.extend(
                        broken.into_iter().map(|broken| (slug.clone(), broken.to_string())),
                    );
                }
                found
            }
        };
        if broken.is_empty() {
            output::print("every rule is kept\n")?;
            return Ok(Ended::Done);
        }
        for (slug, rule) in &broken {
            output::print(&format!("{slug}: {rule}\n"))?;
        }
        Ok(Ended::DoneWithRefusals)
    }
}

/// A link as someone would ask for it.
pub fn proposal_of(link: &Value) -> Proposal {
    let text = |name: &str| link[name].as_str().map(str::to_owned);
    Proposal {
        slug: text("slug").unwrap_or_default(),
        destination: text("destination").unwrap_or_default(),
        source: text("utm_source"),
        medium: text("utm_medium"),
        campaign: text("utm_campaign"),
        term: text("utm_term"),
        content: text("utm_content"),
        ad_group: text("ad_group"),
        status: link["status"].as_u64().and_then(|status| u16::try_from(status).ok()),
        owner: text("owner").unwrap_or_default(),
        expires: text("expires"),
        consent_text: text("consent_text"),
        template: None,
    }
}

fn ready(engine: &Engine) -> Result<(), Failure> {
    engine.drain().map_err(|error| Failure::new("the links are not all read yet", error))
}

fn edit(
    engine: &Engine,
    change: impl FnOnce(&Engine) -> Result<std::sync::Arc<millstream_event::control::Link>, EditError>,
) -> Result<Value, Failure> {
    ready(engine)?;
    let link = change(engine).map_err(|error| Failure::new("the link was not changed", error))?;
    body(&link)
}

fn body(link: &millstream_event::control::Link) -> Result<Value, Failure> {
    serde_json::to_value(LinkBody::of(link))
        .map_err(|error| Failure::new("the link cannot be shown", error))
}

fn change(remote: &mut Remote, slug: &str, action: &str) -> Result<Value, Failure> {
    parsed(&remote.send_json(
        Method::PUT,
        &format!("/api/links/{}/{action}", encoded(slug)),
        &(),
    )?)
}

fn parsed(bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::new("the instance's answer cannot be read", error))
}

/// Makes a link, or the next version of one.
pub fn make(target: &mut Target, proposal: Proposal) -> Result<Value, Failure> {
    match target {
        Target::Local(engine) => {
            edit(engine, |engine| engine.editor.put(proposal, (engine.clock)()))
        }
        Target::Remote(remote) => {
            parsed(&remote.send_json(Method::POST, "/api/links", &proposal)?)
        }
    }
}

fn all(place: &Place) -> Result<Vec<Value>, Failure> {
    every(&mut place.open(false)?)
}

/// Every link as it now is; a running instance answers page by page.
pub fn every(target: &mut Target) -> Result<Vec<Value>, Failure> {
    let remote = match target {
        Target::Local(engine) => {
            ready(engine)?;
            return engine.registry.all().iter().map(|link| body(link)).collect();
        }
        Target::Remote(remote) => remote,
    };
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let mut answer = parsed(&remote.get(&format!("/api/links?after={}", encoded(&after)))?)?;
        if let Value::Array(page) = answer["links"].take() {
            found.extend(page);
        }
        match answer["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return Ok(found),
        }
    }
}

fn show(links: &[Value], format: Shown) -> Result<Ended, Failure> {
    if format == Shown::Json {
        output::print_json(&links)?;
        return Ok(Ended::Done);
    }
    let mut table = Table::new();
    table
        .load_preset(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header([
            "link",
            "version",
            "state",
            "status",
            "destination",
            "campaign",
            "owner",
            "changed",
        ]);
    for link in links {
        let text = |name: &str| link[name].as_str().unwrap_or_default().to_owned();
        let campaign =
            ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "ad_group"];
        let campaign: Vec<_> =
            campaign.iter().map(|name| text(name)).filter(|value| !value.is_empty()).collect();
        let state = if link["enabled"] == true { "enabled" } else { "disabled" };
        table.add_row([
            text("slug"),
            link["version"].to_string(),
            state.to_owned(),
            link["status"].to_string(),
            text("destination"),
            campaign.join(" / "),
            text("owner"),
            text("changed").chars().take(19).collect(),
        ]);
    }
    output::print(&format!("{table}\n"))?;
    Ok(Ended::Done)
}
