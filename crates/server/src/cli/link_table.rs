//! `links import`: many links from a table, every one checked before any is made.

use super::failure::{Ended, Failure};
use super::house::House;
use super::links::{every, make, proposal_of};
use super::output;
use super::place::Place;
use crate::links::Proposal;
use crate::links::governance::expiry;
use clap::Args;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Largest table.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Columns and their other names, in the order of [`Row`].
const COLUMNS: [(&str, &str); 13] = [
    ("slug", "slug"),
    ("destination", "destination"),
    ("source", "utm_source"),
    ("medium", "utm_medium"),
    ("campaign", "utm_campaign"),
    ("term", "utm_term"),
    ("content", "utm_content"),
    ("ad_group", "utm_adgroup"),
    ("status", "status"),
    ("owner", "owner"),
    ("expires", "expires"),
    ("consent_text", "consent_text"),
    ("template", "template"),
];

type Row = [Option<String>; COLUMNS.len()];

/// Makes the links of a table, or says what is wrong with them.
#[derive(Args, Clone, Debug)]
pub struct LinkTable {
    /// A CSV file with a header, or - for standard input.
    file: PathBuf,
    /// Make the links. Without it they are only checked, and nothing is written.
    #[arg(long)]
    apply: bool,
    /// Who answers for links whose row names nobody.
    #[arg(long, env = "MILLSTREAM_OWNER")]
    owner: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// What a line of the file asks for, and every rule that it breaks.
struct Asked {
    line: u64,
    proposal: Proposal,
    broken: Vec<String>,
}

impl LinkTable {
    /// Checks, and applies when told to and nothing is wrong.
    pub fn run(&self) -> Result<Ended, Failure> {
        let house = House::of(&self.place)?;
        let asked = self.asked(&self.text()?, &house)?;
        let broken: usize = asked.iter().map(|one| one.broken.len()).sum();
        for one in &asked {
            for rule in &one.broken {
                let slug = &one.proposal.slug;
                output::print(&format!("line {}: {slug}: {rule}\n", one.line))?;
            }
        }
        if broken > 0 {
            let lines = asked.iter().filter(|one| !one.broken.is_empty()).count();
            output::print(&format!(
                "{broken} rule(s) broken in {lines} of {} line(s); nothing was written\n",
                asked.len()
            ))?;
            return Ok(Ended::DoneWithRefusals);
        }
        if !self.apply {
            let count = asked.len();
            output::print(&format!(
                "{count} link(s) keep every rule; nothing was written: repeat it with --apply\n"
            ))?;
            return Ok(Ended::Done);
        }
        self.make(asked, &house)
    }

    /// Makes what is new or different, so that the same table again changes nothing.
    fn make(&self, asked: Vec<Asked>, house: &House) -> Result<Ended, Failure> {
        let mut target = self.place.open(true)?;
        let mut known: BTreeMap<String, Proposal> = BTreeMap::new();
        for link in every(&mut target)?.iter().filter(|link| link["enabled"] == true) {
            let proposal = proposal_of(link);
            known.insert(proposal.slug.clone(), settled(proposal));
        }
        let (mut made, mut same) = (0, 0);
        for one in asked {
            let proposal = settled(house.filled(one.proposal));
            if known.get(&proposal.slug) == Some(&proposal) {
                same += 1;
                continue;
            }
            make(&mut target, proposal)?;
            made += 1;
        }
        output::print(&format!("{made} link(s) made or changed, {same} as they were\n"))?;
        Ok(Ended::Done)
    }

    fn text(&self) -> Result<Vec<u8>, Failure> {
        let shown = self.file.display().to_string();
        let failed = |error: std::io::Error| {
            Failure::known(format!("cannot read {shown}"), error.to_string(), "check the path")
        };
        let mut text = Vec::new();
        let stream: Box<dyn Read> = match shown.as_str() {
            "-" => Box::new(std::io::stdin()),
            _ => Box::new(File::open(&self.file).map_err(failed)?),
        };
        stream.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).map_err(failed)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(Failure::known(
                format!("{shown} is too large"),
                format!("it has more than {FILE_BYTES_MAX} bytes"),
                "import it in pieces",
            ));
        }
        Ok(text)
    }

    fn asked(&self, text: &[u8], house: &House) -> Result<Vec<Asked>, Failure> {
        let shown = self.file.display().to_string();
        let unreadable = |error: csv::Error| {
            Failure::known(
                format!("{shown} is no table of links"),
                error.to_string(),
                "save it as CSV in UTF-8, with commas and a header",
            )
        };
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text);
        let columns = columns(reader.headers().map_err(unreadable)?, &shown)?;
        let mut lines: BTreeMap<String, u64> = BTreeMap::new();
        let mut asked = Vec::new();
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            let line = record.position().map_or(0, csv::Position::line);
            let mut one = self.read((&columns, &record), line, house);
            let slug = one.proposal.slug.clone();
            if let Some(earlier) = lines.insert(slug, line) {
                one.broken.push(format!("slug: line {earlier} has the same; keep one of them"));
            }
            asked.push(one);
        }
        Ok(asked)
    }

    fn read(
        &self,
        (columns, record): (&[usize], &csv::StringRecord),
        line: u64,
        house: &House,
    ) -> Asked {
        let mut row = Row::default();
        for (column, cell) in columns.iter().zip(record) {
            row[*column] = Some(cell.to_owned()).filter(|cell| !cell.is_empty());
        }
        let [slug, destination, source, medium, campaign, term, content, rest @ ..] = row;
        let [ad_group, status, owner, expires, consent_text, template] = rest;
        let mut broken = Vec::new();
        if record.len() > columns.len() {
            broken.push("row: it has more cells than the header; quote commas".to_owned());
        }
        let status = status.and_then(|text| {
            let number = text.parse();
            if number.is_err() {
                broken.push(format!(
                    "status: {text:?} is no redirect; use 301, 302, 303, 307 or 308"
                ));
            }
            number.ok()
        });
        let proposal = Proposal {
            slug: slug.unwrap_or_default(),
            destination: destination.unwrap_or_default(),
            source,
            medium,
            campaign,
            term,
            content,
            ad_group,
            status,
            owner: owner.or_else(|| self.owner.clone()).unwrap_or_default(),
            expires,
            consent_text,
            template,
        };
        broken.extend(house.broken(&proposal).iter().map(ToString::to_string));
        Asked { line, proposal, broken }
    }
}

/// Which of [`COLUMNS`] each column of the file is.
fn columns(header: &csv::StringRecord, shown: &str) -> Result<Vec<usize>, Failure> {
    let known = COLUMNS.map(|(name, _)| name).join(", ");
    let wrong = |why: String| {
        Failure::known(
            format!("{shown} is no table of links"),
            why,
            format!("name columns {known}"),
        )
    };
    let mut found = Vec::new();
    for name in header {
        let matches = |(one, other): &(&str, &str)| {
            name.eq_ignore_ascii_case(one) || name.eq_ignore_ascii_case(other)
        };
        match COLUMNS.iter().position(matches) {
            None => return Err(wrong(format!("there is no column {name:?}"))),
            Some(column) if found.contains(&column) => {
                return Err(wrong(format!("the column {name:?} is there twice")));
            }
            Some(column) => found.push(column),
        }
    }
    match COLUMNS[..2].iter().zip(0..).find(|(_, column)| !found.contains(column)) {
        Some(((name, _), _)) => Err(wrong(format!("the column {name} is missing"))),
        None => Ok(found),
    }
}

/// A proposal as the link made of it would show.
fn settled(proposal: Proposal) -> Proposal {
    let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
    Proposal {
        source: trimmed(proposal.source),
        medium: trimmed(proposal.medium),
        campaign: trimmed(proposal.campaign),
        term: trimmed(proposal.term),
        content: trimmed(proposal.content),
        ad_group: trimmed(proposal.ad_group),
        status: Some(proposal.status.unwrap_or(302)),
        owner: proposal.owner.trim().to_owned(),
        expires: proposal.expires.map(|text| expiry(&text).map_or(text, |end| end.to_rfc3339())),
        consent_text: trimmed(proposal.consent_text),
        ..proposal
    }
}
