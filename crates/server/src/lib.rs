//! The millstream binary as a library, so that tests and benchmarks can reach its stages.

pub mod admin;
pub mod agents;
pub mod audit;
pub mod capture;
pub mod cli;
pub mod config;
pub mod consume;
pub mod country;
pub mod demo;
pub mod document;
pub mod export;
pub mod import;
pub mod instance;
pub mod ledger;
pub mod linking;
pub mod links;
pub mod load;
pub mod path_data;
pub mod path_report;
pub mod plan_report;
pub mod priority;
pub mod replay;
pub mod report;
pub mod score_report;
pub mod sql;
pub mod tables;
