//! The command line: one subcommand per file.
//!
//! A command works on a data directory it opens itself, or through the instance that has it open
//! (`place`). [`engine`] wires log, fold, registry and editor; `serve` puts the planes on top.

mod active;
mod attribute;
mod audit;
mod backfill;
mod backup;
mod config;
mod controls;
mod deciding;
mod demo;
mod destinations;
mod doctor;
pub mod engine;
mod erase;
mod erasing;
mod evidence;
mod export;
mod failure;
mod figures;
mod forwarding;
mod goods;
mod house;
mod import;
mod journeys;
mod ledger;
mod link;
mod link_table;
mod links;
mod load;
mod measuring;
mod mending;
mod output;
mod past;
mod place;
mod plan;
mod policy;
mod progress;
mod quarantine;
mod questions;
mod recent;
mod recovery;
mod rehearsal;
mod remote;
mod renewal;
mod replay;
mod report;
mod retention;
mod routes;
mod rules;
mod score;
mod sensitivity;
mod serve;
mod signing;
mod spend;
mod sql;
mod standing;
mod succession;
mod train;
mod training;
mod transfer;
mod upload;
mod visits;

pub use failure::{Ended, Failure};
pub use serve::Planes;
pub use transfer::ImportOutcome;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Real-time attribution: durable clicks and events, sessions, people, credited conversions.
#[derive(Parser, Debug)]
#[command(name = "millstream", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 done with quarantined or refused input."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Serve(serve::Serve),
    Train(train::Train),
    Demo(demo::Demo),
    Import(import::Import),
    Links(links::Links),
    Spend(spend::Spend),
    Link(link::Link),
    Report(report::Report),
    Sensitivity(sensitivity::Sensitivity),
    Attribute(attribute::Attribute),
    Audit(audit::Audit),
    Export(export::Export),
    Sql(sql::Sql),
    Score(score::Score),
    Config(config::Config),
    Load(load::Load),
    Backfill(backfill::Backfill),
    Quarantine(quarantine::Quarantine),
    Replay(replay::Replay),
    Rules(recovery::Rules),
    Destinations(destinations::Destinations),
    Erase(erase::Erase),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Doctor(doctor::Doctor),
    Plan(plan::Plan),
    Policy(policy::Policy),
}

impl Command {
    fn run(&self) -> Result<Ended, Failure> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Train(train) => train.run(),
            Self::Demo(demo) => demo.run(),
            Self::Import(import) => import.run(),
            Self::Links(links) => links.run(),
            Self::Spend(spend) => spend.run(),
            Self::Link(link) => link.run(),
            Self::Report(report) => report.run(),
            Self::Sensitivity(sensitivity) => sensitivity.run(),
            Self::Attribute(attribute) => attribute.run(),
            Self::Audit(audit) => audit.run(),
            Self::Export(export) => export.run(),
            Self::Sql(sql) => sql.run(),
            Self::Score(score) => score.run(),
            Self::Config(config) => config.run(),
            Self::Load(load) => load.run(),
            Self::Backfill(backfill) => backfill.run(),
            Self::Quarantine(quarantine) => quarantine.run(),
            Self::Replay(replay) => replay.run(),
            Self::Rules(rules) => rules.run(),
            Self::Destinations(destinations) => destinations.run(),
            Self::Erase(erase) => erase.run(),
            Self::Backup(backup) => backup.run(),
            Self::Restore(restore) => restore.run(),
            Self::Doctor(doctor) => doctor.run(),
            Self::Plan(plan) => plan.run(),
            Self::Policy(policy) => policy.run(),
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("MILLSTREAM_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(output::may_colour())
        .init();
    match cli.command.run() {
        Ok(ended) => ended.into(),
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit_code()
        }
    }
}
