//! What commands print: to standard output, whose reader may have gone.

use super::failure::Failure;
use clap::ValueEnum;
use std::io::{IsTerminal, Write};

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// Sentences and tables for a terminal.
    Table,
    /// JSON.
    Json,
}

/// How an answer that is a page, too, is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rendered {
    /// Sentences and tables for a terminal.
    Table,
    /// JSON.
    Json,
    /// One HTML file.
    Html,
}

/// Prints text as it is. A closed pipe is no failure: whoever reads has seen enough.
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Prints bytes as they are.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::known(
            "cannot print the answer",
            error.to_string(),
            "check where standard output goes",
        )),
        _ => Ok(()),
    }
}

/// Prints a value as indented JSON.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new("cannot write the answer as JSON", error))?;
    text.push('\n');
    print(&text)
}

/// The terminal's width, when standard output is one.
pub fn terminal_width() -> Option<u16> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    comfy_table::Table::new().width()
}

/// True when text may be coloured: a terminal, and `NO_COLOR` is not set.
pub fn may_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}
