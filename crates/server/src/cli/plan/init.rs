//! `plan init`: a commented file to begin with.

use crate::cli::failure::{Ended, Failure};
use crate::cli::output;
use clap::{Args, ValueEnum};
use millstream_plan::template::Template;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// One region, a web server, a database, a newsletter.
    SmallShop,
    /// Many readers, a CDN, few writes, breaking news.
    Publisher,
    /// Two regions that copy each other.
    MultiRegion,
    /// Edge nodes near the users, an origin behind them.
    EdgeOrigin,
    /// Front-end, scale-up, scale-out and out-of-band planes of an accelerator cluster.
    AiCluster,
}

/// Writes a commented plan to begin with; to standard output without --output.
#[derive(Args, Clone, Debug)]
pub struct Init {
    /// Which one.
    #[arg(value_enum, default_value_t = Kind::SmallShop)]
    template: Kind,
    /// Where; an existing file stays as it is.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Init {
    /// Writes it.
    pub fn run(&self) -> Result<Ended, Failure> {
        let template = match self.template {
            Kind::SmallShop => Template::SmallShop,
            Kind::Publisher => Template::Publisher,
            Kind::MultiRegion => Template::MultiRegion,
            Kind::EdgeOrigin => Template::EdgeOrigin,
            Kind::AiCluster => Template::AiCluster,
        };
        let Some(target) = &self.output else {
            return output::print(template.text()).map(|()| Ended::Done);
        };
        let written = File::create_new(target)
            .and_then(|mut file| file.write_all(template.text().as_bytes()));
        written.map_err(|error| {
            let fix = "choose another name, or move the file that is there";
            Failure::known(format!("cannot write {}", target.display()), error.to_string(), fix)
        })?;
        output::print(&format!(
            "put in your figures, then: millstream plan {}\n",
            target.display()
        ))?;
        Ok(Ended::Done)
    }
}
