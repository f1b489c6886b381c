//! Addresses of data centres: a browser or an app there is a program. A file names them, one
//! network a line, as cloud companies publish theirs; an address itself is not kept.

use millstream_event::{Event, Flags, Surface};
use std::net::IpAddr;
use std::path::Path;

/// Most networks of a file.
pub const NETWORKS_MAX: usize = 1_000_000;
/// Largest file.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Why a list of data centres cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataCentresError {
    /// The file cannot be read.
    #[error(
        "the list of data centres {path} cannot be read: {source}; name a text file in capture.data_centres"
    )]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is too large.
    #[error(
        "the list of data centres {path} holds more than {FILE_BYTES_MAX} bytes or {NETWORKS_MAX} networks; join networks that lie side by side"
    )]
    Large {
        /// The file.
        path: String,
    },
    /// A line is no network.
    #[error(
        "line {line} of the list of data centres {path} is no network; write one a line, such as 203.0.113.0/24 or 2001:db8::/32, comments behind #"
    )]
    Line {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
    },
}

/// The networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataCentres {
    /// Ranges of addresses that do not overlap, in order. IPv4 stands in its mapped place.
    ranges: Vec<(u128, u128)>,
    unread: bool,
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// First and last address of a network; an address alone is a network of one.
fn network(text: &str) -> Option<(u128, u128)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, bits)| (a, Some(bits)));
    let address: IpAddr = address.trim().parse().ok()?;
    let width: u32 = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => width,
        Some(bits) => bits.trim().parse().ok().filter(|bits| *bits <= width)?,
    };
    let rest = u128::MAX.checked_shr(128 - (width - bits)).unwrap_or(0);
    let first = number(address) & !rest;
    Some((first, first | rest))
}

impl DataCentres {
    /// Those of the configured file, if one is. Where it cannot be used nothing is recognised by its
    /// address, and events are degraded: they must not wait for a file.
    pub fn configured(path: Option<&Path>) -> Self {
        path.map_or_else(Self::default, |path| {
            Self::open(path).unwrap_or_else(|error| {
                tracing::error!(%error, "no bot is recognised by its data centre, events are degraded");
                Self { unread: true, ..Self::default() }
            })
        })
    }

    /// The event with what the address that it came from tells: a browser or an app in a data centre
    /// is a program. Servers belong there.
    pub fn mark(&self, event: &mut Event, address: impl FnOnce() -> Option<IpAddr>) {
        if event.surface != Surface::Server {
            event.flags = self.flagged(event.flags, address);
        }
    }

    /// The flags of a browser's or an app's event, with what the address that it came from tells.
    pub fn flagged(&self, flags: Flags, address: impl FnOnce() -> Option<IpAddr>) -> Flags {
        if self.unread {
            return flags.degraded_by(Flags::DATA_CENTRES_UNREAD);
        }
        let inside = !self.ranges.is_empty() && address().is_some_and(|it| self.contains(it));
        if inside { flags.with(Flags::AUTOMATED) } else { flags }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, is too large, or a line of it is no network.
    pub fn open(path: &Path) -> Result<Self, DataCentresError> {
        let shown = path.display().to_string();
        let unread = |source| DataCentresError::Read { path: shown.clone(), source };
        if std::fs::metadata(path).map_err(unread)?.len() > FILE_BYTES_MAX {
            return Err(DataCentresError::Large { path: shown });
        }
        Self::parse(&std::fs::read_to_string(path).map_err(unread)?, &shown)
    }

    /// Reads a text, which errors name by `path`.
    ///
    /// # Errors
    /// When it is too large, or a line of it is no network.
    pub fn parse(text: &str, path: &str) -> Result<Self, DataCentresError> {
        let mut ranges = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let range = network(line)
                .ok_or_else(|| DataCentresError::Line { path: path.to_owned(), line: at + 1 })?;
            ranges.push(range);
            if ranges.len() > NETWORKS_MAX {
                return Err(DataCentresError::Large { path: path.to_owned() });
            }
        }
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let inside = next.0 <= kept.1;
            if inside {
                kept.1 = kept.1.max(next.1);
            }
            inside
        });
        Ok(Self { ranges, unread: false })
    }

    /// True when the address belongs to one. Costs a binary search.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = number(address);
        let before = self.ranges.partition_point(|(first, _)| *first <= address);
        let nearest = before.checked_sub(1).and_then(|at| self.ranges.get(at));
        nearest.is_some_and(|(_, last)| address <= *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millstream_event::{EventId, EventKind, SourceId, Timestamp};

    fn list(text: &str) -> DataCentres {
        DataCentres::parse(text, "list").unwrap()
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let known =
            list("# ours\n203.0.113.0/24\n\n2001:db8::/32 # v6\n198.51.100.7\n203.0.113.128/25\n");
        for (address, inside) in [
            ("203.0.113.0", true),
            ("203.0.113.255", true),
            ("203.0.114.0", false),
            ("203.0.112.255", false),
            ("::ffff:203.0.113.9", true),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8::1", true),
            ("2001:db9::", false),
            ("::", false),
        ] {
            assert_eq!(known.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(!DataCentres::default().contains("203.0.113.1".parse().unwrap()));
        let all = list("0.0.0.0/0\n");
        assert!(all.contains("255.255.255.255".parse().unwrap()));
        assert!(!all.contains("2001:db8::1".parse().unwrap()));
        assert!(list("::/0").contains("1.2.3.4".parse().unwrap()));
    }

    #[test]
    fn what_is_no_network_is_told_by_its_line() {
        for text in
            ["shop.example", "203.0.113.0/33", "2001:db8::/129", "203.0.113.0/", "1.2.3.4/-1"]
        {
            let error = DataCentres::parse(&format!("# first\n{text}\n"), "list").unwrap_err();
            assert!(
                error.to_string().starts_with("line 2 of the list of data centres list"),
                "{error}"
            );
        }
        let missing = DataCentres::open(Path::new("there-is-no-such-list")).unwrap_err();
        assert!(missing.to_string().contains("capture.data_centres"), "{missing}");
    }

    #[test]
    fn programs_are_marked_and_a_list_that_cannot_be_read_degrades() {
        let event = |surface| {
            let (id, source) = (EventId::parse("e"), SourceId::parse("web"));
            let time = Timestamp(1_790_000_000_000_000);
            let mut event = Event::new(id.unwrap(), EventKind::Page, source.unwrap(), time);
            event.surface = surface;
            event
        };
        let marked = |known: &DataCentres, surface, address: Option<&str>| {
            let mut event = event(surface);
            known.mark(&mut event, || address.map(|address| address.parse().unwrap()));
            event.flags
        };
        let known = list("203.0.113.0/24");
        assert_eq!(marked(&known, Surface::Browser, Some("203.0.113.9")), Flags::AUTOMATED);
        assert_eq!(marked(&known, Surface::App, Some("203.0.113.9")), Flags::AUTOMATED);
        assert_eq!(marked(&known, Surface::Server, Some("203.0.113.9")), Flags(0));
        assert_eq!(marked(&known, Surface::Browser, Some("203.0.114.9")), Flags(0));
        assert_eq!(marked(&known, Surface::Browser, None), Flags(0));
        let unread = DataCentres::configured(Some(Path::new("there-is-no-such-list")));
        let degraded = Flags(0).degraded_by(Flags::DATA_CENTRES_UNREAD);
        assert_eq!(marked(&unread, Surface::Browser, None), degraded);
        assert_eq!(marked(&DataCentres::configured(None), Surface::Browser, None), Flags(0));
    }

    #[test]
    fn there_may_be_only_so_many() {
        let many = "10.0.0.1\n".repeat(NETWORKS_MAX);
        assert!(DataCentres::parse(&many, "list").is_ok());
        assert!(DataCentres::parse(&(many + "10.0.0.1\n"), "list").is_err());
    }
}
