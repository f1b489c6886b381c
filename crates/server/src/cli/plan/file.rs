//! Reads plan files: within their limit, as text.

use crate::cli::failure::Failure;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The text of a file, or of standard input for `-`; refused over `limit` bytes before it is read whole.
pub fn text(path: &Path, limit: usize) -> Result<String, Failure> {
    let what = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let most = limit as u64 + 1;
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        Failure::known(what(), error.to_string(), "check its name and whether you may read it")
    })?;
    if bytes.len() > limit {
        let why = format!("it has more than {} MiB", limit >> 20);
        return Err(Failure::known(
            what(),
            why,
            "a plan this large is a mistake: split it or shorten it",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let why = format!("it is not UTF-8 text: {}", error.utf8_error());
        Failure::known(what(), why, "save it as UTF-8")
    })
}

/// What a file is called in messages.
pub fn name(path: &Path) -> String {
    if path == Path::new("-") { "(standard input)".to_owned() } else { path.display().to_string() }
}
