//! `serve`: everything in one process.

use super::config;
use super::engine::Engine;
use super::failure::{Ended, Failure};
use super::forwarding::{self, Forwarding};
use super::output;
use super::place::raw_config;
use crate::admin::{self, AdminHandle, AdminOptions, TokenEntry, Tokens};
use crate::capture::{self, CaptureHandle};
use crate::config::Config;
use crate::instance::Addresses;
use crate::tables::TablesKeeper;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the end of the process waits for the fold. What is not folded by then is folded at the
/// next start.
const LAST_FOLD: Duration = Duration::from_secs(10);

/// Runs everything in one process.
#[derive(Args, Clone, Debug, Default)]
pub struct Serve {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Public plane: redirects, events.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Admin plane: dashboard, API, metrics.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub admin_listen: Option<String>,
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "MILLSTREAM_CONFIG")]
    pub config: Option<PathBuf>,
    /// What this process does, comma-separated: capture, stream, report, forward.
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    pub roles: Vec<String>,
}

impl Serve {
    /// The configuration with the command line over it.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut raw = raw_config(self.config.as_ref())?;
        if let Some(dir) = &self.data_dir {
            raw.server.data_dir.clone_from(dir);
        }
        if let Some(listen) = &self.listen {
            raw.server.listen.clone_from(listen);
        }
        if let Some(listen) = &self.admin_listen {
            raw.server.admin_listen.clone_from(listen);
        }
        if !self.roles.is_empty() {
            raw.server.roles.clone_from(&self.roles);
        }
        Config::resolve(raw)
            .map_err(|error| Failure::new("the configuration cannot be used", error))
    }

    /// Serves until it is told to end.
    pub fn run(&self) -> Result<Ended, Failure> {
        let engine =
            Engine::open(self.config()?).map_err(|error| Failure::new("cannot start", error))?;
        config::record(&engine, self.config.as_deref());
        let planes = Planes::start(Arc::new(engine))?;
        output::print(&planes.banner())?;
        planes.serve_until_end()?;
        planes.stop();
        Ok(Ended::Done)
    }
}

/// A running engine with its planes.
pub struct Planes {
    /// The engine.
    pub engine: Arc<Engine>,
    capture: Option<CaptureHandle>,
    admin: Option<AdminHandle>,
    tables: Option<TablesKeeper>,
    forwarding: Option<Forwarding>,
    addresses: Addresses,
}

impl Planes {
    /// Starts the planes that the configuration asks for, and tells others where they are.
    pub fn start(engine: Arc<Engine>) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new("cannot start", error);
        let config = &engine.config;
        let capture = if config.roles.capture {
            let parts = engine.capture_parts().map_err(|error| failed(&error))?;
            Some(capture::start(config.capture.clone(), parts).map_err(|error| failed(&error))?)
        } else {
            None
        };
        engine.pasts.keep();
        let admin = if config.roles.report {
            let counters = capture.as_ref().map(|capture| Arc::clone(&capture.counters));
            let options = AdminOptions {
                listen: config.admin_listen,
                tokens: tokens(config)?,
                ..AdminOptions::default()
            };
            Some(
                admin::start(options, engine.admin_parts(counters))
                    .map_err(|error| failed(&error))?,
            )
        } else {
            None
        };
        let tables = match config.tables.keep {
            true => Some(
                TablesKeeper::start(&engine.tables, config.tables.options)
                    .map_err(|error| failed(&error))?,
            ),
            false => None,
        };
        let forwarding = match config.roles.forward {
            true => Some(Forwarding::start(&engine)?),
            false => None,
        };
        let scheme = if config.capture.tls.is_some() { "https" } else { "http" };
        let addresses = Addresses {
            public: capture.as_ref().map(|capture| format!("{scheme}://{}", capture.address)),
            admin: admin.as_ref().map(|admin| format!("http://{}", admin.address())),
        };
        engine.instance.announce(&addresses).map_err(|error| failed(&error))?;
        Ok(Self { engine, capture, admin, tables, forwarding, addresses })
    }

    /// Waits for SIGINT or SIGTERM; at SIGHUP destinations' files are read again.
    pub fn serve_until_end(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::new("cannot listen for signals", error);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
            let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
            let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
            loop {
                tokio::select! {
                    _ = interrupt.recv() => return Ok(()),
                    _ = terminate.recv() => return Ok(()),
                    _ = hang_up.recv() => self.reload(),
                }
            }
        })
    }

    fn reload(&self) {
        match forwarding::reload(&self.engine) {
            Ok(done) => tracing::info!(
                added = done.added.len(),
                changed = done.changed.len(),
                unchanged = done.unchanged.len(),
                withdrawn = done.withdrawn.len(),
                refused = done.refused.len(),
                "destinations' files were read again"
            ),
            Err(error) => tracing::error!(%error, "destinations' files were not read again"),
        }
    }

    /// Where the planes listen.
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What is running, for a person.
    pub fn banner(&self) -> String {
        let mut text = format!("millstream {}\n", env!("CARGO_PKG_VERSION"));
        let mut line = |name: &str, value: &str| text.push_str(&format!("  {name:<10} {value}\n"));
        if let Some(public) = &self.addresses.public {
            line("public", public);
        }
        if let Some(admin) = &self.addresses.admin {
            line("dashboard", admin);
        }
        line("data", &self.engine.instance.dir.display().to_string());
        line("stop", "Ctrl-C or SIGTERM");
        text
    }

    /// Ends in the order of the flow: nothing new, fold what came, stop answering.
    pub fn stop(self) {
        drop(self.tables);
        if let Some(capture) = self.capture
            && !capture.shutdown()
        {
            tracing::warn!("some requests were cut off at the end of the configured patience");
        }
        // What has become durable meanwhile is sent after the next start.
        drop(self.forwarding);
        self.engine.deciding.settle();
        if let Err(error) = self.engine.active().consumer.drain(LAST_FOLD) {
            tracing::warn!(%error, "the rest is folded at the next start");
        }
        if let Some(admin) = self.admin {
            admin.shutdown();
        }
        self.engine.close();
    }
}

fn tokens(config: &Config) -> Result<Tokens, Failure> {
    let entries = config.tokens.iter().map(|token| {
        let entry = TokenEntry {
            name: token.name.clone(),
            role: token.role.parse()?,
            hash: token.sha256.parse()?,
        };
        Ok::<_, crate::admin::token::TokenError>(entry)
    });
    let entries: Result<Vec<_>, _> = entries.collect();
    entries.map(Tokens::new).map_err(|error| Failure::new("the admin tokens cannot be used", error))
}
