//! What a command says when it fails: what, why, and how to fix it.

use std::fmt;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything was done.
    Done,
    /// Done, but some input was quarantined or refused.
    DoneWithRefusals,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Done => Self::SUCCESS,
            Ended::DoneWithRefusals => Self::from(3),
        }
    }
}

/// Three lines for a person. Exit code 1, or 2 when the command was used wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    what: String,
    why: String,
    fix: String,
    usage: bool,
}

impl Failure {
    /// What failed, and an error that says why and, behind a semicolon, how to fix it.
    pub fn new(what: impl Into<String>, error: impl fmt::Display) -> Self {
        let text = one_line(&error.to_string());
        let (why, fix) = match text.split_once("; ") {
            Some((why, fix)) => (why.to_owned(), fix.to_owned()),
            None => match text.rsplit_once(": ") {
                Some((why, fix)) if fix.contains(' ') => (why.to_owned(), fix.to_owned()),
                _ => (text, "run `millstream doctor`, it names what is wrong".to_owned()),
            },
        };
        Self { what: what.into(), why, fix, usage: false }
    }

    /// A command that was used wrongly.
    pub fn usage(what: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), fix: fix.into(), usage: true }
    }

    /// A failure whose three lines are known.
    pub fn known(what: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into(), fix: fix.into(), usage: false }
    }

    /// 1 failed, 2 usage.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.usage { 2 } else { 1 })
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", one_line(&self.what))?;
        writeln!(f, "  why: {}", one_line(&self.why))?;
        write!(f, "  fix: {}", one_line(&self.fix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_become_three_lines() {
        let lines = |error: &str| Failure::new("cannot import a.log", error).to_string();
        assert_eq!(
            lines("the disk is full; free some space"),
            "error: cannot import a.log\n  why: the disk is full\n  fix: free some space"
        );
        assert_eq!(
            lines("the log is closed: retry later"),
            "error: cannot import a.log\n  why: the log is closed\n  fix: retry later"
        );
        assert_eq!(lines("odd\nthing").lines().count(), 3);
    }
}
