//! Links: the registry behind the redirects, kept in the control lane.
//!
//! A link is governed before its first click: [`rules`] says what a proposal must hold,
//! [`governance`] what the house asks beyond that, [`edit`]
//! turns proposals into control records, [`registry`] holds what the fold has applied.

pub mod edit;
pub mod governance;
pub mod registry;
pub mod rules;
pub mod seal;
pub mod signed;

pub use edit::{EditError, Editor};
pub use governance::{Governance, HouseRules, HouseRulesError};
pub use registry::Registry;
pub use rules::{Broken, Proposal, RefusedLink};
pub use signed::SignedLinks;
