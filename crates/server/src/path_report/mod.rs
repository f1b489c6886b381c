//! Attribution of path data: what each channel earned under one model or all, as table, JSON or CSV.

mod answer;
mod csv;
mod json;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use answer::{Answer, Asked, ModelAnswer, Question, answer};
pub use csv::render as csv;
pub use json::render as json;
pub use table::render as table;
