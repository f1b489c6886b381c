//! Which addresses may be sent to: the public internet, and what the configuration allows by name.
//!
//! A destination's host name is looked up at each connection, and the connection goes to the very
//! address that was checked, so that a name cannot mean one thing to the check and another after it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses with a common beginning, such as `10.1.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || {
            format!(
                "{text:?} is no network: write an address or one with /bits, such as 10.1.0.0/16"
            )
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| refused())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        if bits > most {
            return Err(refused());
        }
        Ok(Self { address, bits })
    }
}

impl Network {
    /// True when the address begins as this network does.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                mine.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                mine.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

/// Which addresses may be sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Private networks that may be sent to all the same.
    pub allowed: Vec<Network>,
}

impl Guard {
    /// True when the configuration names the address.
    pub fn allows_by_name(&self, address: IpAddr) -> bool {
        let address = plain(address);
        self.allowed.iter().any(|network| network.contains(address))
    }

    /// Why an address may not be sent to, if it may not.
    ///
    /// # Errors
    /// What kind of address it is.
    pub fn check(&self, address: IpAddr) -> Result<(), &'static str> {
        if self.allows_by_name(address) {
            return Ok(());
        }
        match plain(address) {
            IpAddr::V4(address) => check_v4(address),
            IpAddr::V6(address) => check_v6(address),
        }
    }
}

/// An IPv4 address that is written as an IPv6 one (mapped, translated, 6to4) counts as what it is.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    let last = |parts: [u16; 8]| {
        let [a, b] = parts[6].to_be_bytes();
        let [c, d] = parts[7].to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match six.segments() {
        parts @ [0, 0, 0, 0, 0, 0xffff, ..] | parts @ [0x64, 0xff9b, 0, 0, 0, 0, ..] => last(parts),
        // IPv4-compatible; loopback and unspecified stay what they are.
        parts @ [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => last(parts),
        [0x2002, high, low, ..] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

fn check_v4(address: Ipv4Addr) -> Result<(), &'static str> {
    let kind = match address.octets() {
        [0, ..] => "an address of this network",
        [127, ..] => "a loopback address",
        [10, ..] | [192, 168, ..] => "a private address",
        [172, second, ..] if (16..32).contains(&second) => "a private address",
        [169, 254, ..] => "a link-local address",
        [100, second, ..] if (64..128).contains(&second) => "a carrier's shared address",
        [192, 0, 0, _] | [192, 88, 99, _] => "a reserved address",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        [198, 18 | 19, ..] => "an address for benchmarks",
        [first, ..] if first >= 240 => "a reserved address",
        [first, ..] if first >= 224 => "a multicast address",
        _ => return Ok(()),
    };
    Err(kind)
}

fn check_v6(address: Ipv6Addr) -> Result<(), &'static str> {
    let parts = address.segments();
    let kind = match parts[0] {
        _ if address.is_loopback() => "a loopback address",
        _ if address.is_unspecified() => "an address of this network",
        first if first & 0xfe00 == 0xfc00 => "a private address",
        first if first & 0xffc0 == 0xfe80 => "a link-local address",
        first if first & 0xffc0 == 0xfec0 => "a private address",
        first if first & 0xff00 == 0xff00 => "a multicast address",
        0x2001 if parts[1] == 0xdb8 => "an address for documentation",
        // Teredo hides an IPv4 address; discard-only and local translation lead nowhere public.
        0x2001 if parts[1] == 0 => "a tunnel's address",
        0x100 | 0x64 => "a reserved address",
        first if first & 0xe000 != 0x2000 => "an address that is not routed publicly",
        _ => return Ok(()),
    };
    Err(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_may_be_sent_to() {
        let guard = Guard::default();
        for inside in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "203.0.113.9",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001:0:1::1",
            "100::1",
            "fec0::1",
            "4000::1",
        ] {
            assert!(guard.check(inside.parse().unwrap()).is_err(), "{inside}");
        }
        for outside in [
            "8.8.8.8",
            "172.32.0.1",
            "172.15.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(guard.check(outside.parse().unwrap()), Ok(()), "{outside}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_in_any_writing() {
        let guard =
            Guard { allowed: vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()] };
        for address in ["127.0.0.1", "::ffff:127.0.0.1", "fd12::1"] {
            assert_eq!(guard.check(address.parse().unwrap()), Ok(()), "{address}");
        }
        assert!(guard.check("10.0.0.1".parse().unwrap()).is_err());
        assert!(guard.check("::1".parse().unwrap()).is_err());
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("9.9.9.9".parse().unwrap()));
        for wrong in ["", "10.0.0.0/33", "x/8", "10.0.0.0/-1", "fd00::/129"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
