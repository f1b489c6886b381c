//! One action that a server told of by its user's name alone, and a device of theirs told of, too.
//!
//! Copies that name one subject are united before they get here. A server that knows its user and
//! not the device names another subject: that both are one shows only once the graph says whose the
//! device is.

use crate::credit::Conversion;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A conversion as one subject of a person told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What it told.
    pub conversion: Conversion,
    /// True when a server told of it that named the user and no device.
    pub of_user: bool,
}

/// What counts of conversions of one person that were told under one event id: of each, in the
/// order given, the conversion it stands for; none where another stands for it.
///
/// The server's word and that of the device nearest to it in time are one conversion: the server
/// says what it is, when it was and what it was worth, the device in which session it stands and
/// what the server left open. Where only the device knows the order number, which refunds name, its
/// conversion stands. A second server's and a further device's stand for themselves, and bots' are
/// apart as ever. A function of the set: the order of `told` plays no part.
pub fn counting(told: &[Told]) -> Vec<Option<Conversion>> {
    let mut counts: Vec<_> = told.iter().map(|one| Some(one.conversion.clone())).collect();
    let people = || told.iter().enumerate().filter(|(_, one)| !one.conversion.bot);
    let place = |one: &Told| (one.conversion.key.clone(), one.conversion.id);
    let servers = people().filter(|(_, one)| one.of_user);
    let Some((at, server)) = servers.min_by_key(|(_, one)| place(one)) else { return counts };
    let apart = |one: &Told| one.conversion.key.time.0.abs_diff(server.conversion.key.time.0);
    let devices = people().filter(|(_, one)| !one.of_user);
    let nearest = devices.min_by_key(|(_, one)| (apart(one), place(one)));
    let Some((other, device)) = nearest else { return counts };
    let (server, device) = (&server.conversion, &device.conversion);
    (counts[at], counts[other]) = match (&server.order, &device.order) {
        (None, Some(_)) => (None, Some(filled(device, server))),
        _ => (Some(filled(server, device)), None),
    };
    counts
}

fn filled(one: &Conversion, by: &Conversion) -> Conversion {
    let goods = if one.goods.is_empty() { &by.goods } else { &one.goods }.clone();
    let (value, session) = (one.value.or(by.value), one.session.or(by.session));
    Conversion { value, session, goods, ..one.clone() }
}
