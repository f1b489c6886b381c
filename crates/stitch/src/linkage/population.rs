//! People made up from a seed, of whom it is known which devices are whose: for measuring.
//!
//! People live in places of uneven size, speak mostly its language, have habits of their own (hours,
//! topics), and one to three devices: another class of device, or the same one under a new id because
//! its storage was cleared. Half of the devices log in; a person with two that did is an anchor.

use super::profile::{Profile, token};
use crate::random::Random;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use millstream_event::consent::Purposes;
use millstream_event::{EntityId, Hash128, Timestamp};

const COUNTRIES: usize = 12;
const REGIONS: usize = 14;
const TOPICS: usize = 60;
const PAGES_OF_A_TOPIC: usize = 30;
const COMMON_PAGES: usize = 5;
const CAMPAIGNS: usize = 40;
const BINS: usize = 56;
/// Chances, in percent.
const LOGS_IN: usize = 50;
const CLEARS_STORAGE: usize = 30;
const SAME_CAMPAIGN: usize = 25;
const TRAVELS: usize = 8;
const FOREIGN_LOCALE: usize = 10;

/// Devices and the truth about them.
#[derive(Clone, Debug)]
pub struct Population {
    /// The devices.
    pub profiles: Vec<Profile>,
    /// Whose each of them is.
    pub truth: Vec<u32>,
}

impl Population {
    /// Pairs of one person that no login proves.
    pub fn hidden_pairs(&self) -> u64 {
        let mut people: BTreeMap<u32, Vec<EntityId>> = BTreeMap::new();
        for (profile, owner) in self.profiles.iter().zip(&self.truth) {
            people.entry(*owner).or_default().push(profile.person);
        }
        let hidden = |persons: &Vec<EntityId>| {
            let pairs = persons
                .iter()
                .enumerate()
                .flat_map(|(at, one)| persons[at + 1..].iter().filter(move |other| one != *other));
            pairs.count() as u64
        };
        people.values().map(hidden).sum()
    }
}

/// So many people, always the same for a seed.
pub fn population(seed: u64, people: u32) -> Population {
    let mut made = Population { profiles: Vec::new(), truth: Vec::new() };
    for person in 0..people {
        let mut random = Random::new(seed, u64::from(person));
        let habits = Habits::draw(&mut random);
        let devices = [1, 1, 2, 2, 2, 3][random.below(6)];
        let user =
            EntityId(Hash128::of("made up user", &[&seed.to_le_bytes(), &person.to_le_bytes()]));
        let mut last: Option<Machine> = None;
        for device in 0..devices {
            let machine = match &last {
                Some(last) if random.below(100) < CLEARS_STORAGE => last.clone(),
                _ => Machine::draw(&mut random),
            };
            let parts = [&seed.to_le_bytes()[..], &person.to_le_bytes(), &[device]];
            let id = EntityId(Hash128::of("made up device", &parts));
            let mut profile = habits.visit(&machine, &mut random);
            let logs_in = random.below(100) < LOGS_IN;
            (profile.device, profile.has_user) = (id, logs_in);
            profile.person = if logs_in { user } else { id };
            made.profiles.push(profile);
            made.truth.push(person);
            last = Some(machine);
        }
    }
    made
}

/// A number below `count`, small ones more often: the first of `n` comes with a chance of about
/// (1/n)^(1/2).
fn uneven(random: &mut Random, count: usize) -> usize {
    let drawn = random.uniform();
    ((drawn * drawn * count as f64) as usize).min(count - 1)
}

#[derive(Clone)]
struct Machine {
    class: &'static str,
    browser: &'static str,
    os: &'static str,
    screen: String,
}

impl Machine {
    fn draw(random: &mut Random) -> Self {
        const KINDS: [(&str, &str, &str, usize); 8] = [
            ("mobile", "Chrome Mobile", "Android", 12),
            ("mobile", "Mobile Safari", "iOS", 6),
            ("desktop", "Chrome", "Windows", 9),
            ("desktop", "Safari", "Mac OS X", 5),
            ("desktop", "Edge", "Windows", 7),
            ("mobile", "Samsung Internet", "Android", 8),
            ("desktop", "Firefox", "Linux", 6),
            ("tablet", "Mobile Safari", "iOS", 3),
        ];
        let (class, browser, os, screens) = KINDS[uneven(random, KINDS.len())];
        Self { class, browser, os, screen: format!("{class}{}", uneven(random, screens)) }
    }
}

struct Habits {
    country: usize,
    region: usize,
    locale: String,
    bins: Vec<u8>,
    topics: Vec<usize>,
    campaign: usize,
}

impl Habits {
    fn draw(random: &mut Random) -> Self {
        let country = uneven(random, COUNTRIES);
        let speaks =
            if random.below(100) < FOREIGN_LOCALE { random.below(COUNTRIES) } else { country };
        Self {
            country,
            region: uneven(random, REGIONS),
            locale: format!("l{speaks}-c{speaks}"),
            bins: (0..3 + random.below(4)).map(|_| random.below(BINS) as u8).collect(),
            topics: (0..2 + random.below(2)).map(|_| uneven(random, TOPICS)).collect(),
            campaign: uneven(random, CAMPAIGNS),
        }
    }

    /// What one device of this person leaves behind.
    fn visit(&self, machine: &Machine, random: &mut Random) -> Profile {
        let region =
            if random.below(100) < TRAVELS { uneven(random, REGIONS) } else { self.region };
        let country = format!("c{}", self.country);
        let system = [machine.class, machine.browser, machine.os].join("\n");
        let mut profile = Profile {
            first_seen: Timestamp(1),
            last_seen: Timestamp(2),
            purposes: Purposes::ALL,
            country: Some(token("country", &country)),
            region: Some(token("region", &format!("{country} {region}"))),
            browser: Some(token("browser", machine.browser)),
            os: Some(token("os", machine.os)),
            system: Some(token("system", &system)),
            ..Profile::default()
        };
        let zone = format!("z{}", self.country);
        profile.hint(Some(&zone), Some(&self.locale), Some(&machine.screen));
        for _ in 0..3 + random.below(8) {
            let topic = self.topics[random.below(self.topics.len())];
            let page = format!("{topic}/{}", uneven(random, PAGES_OF_A_TOPIC));
            profile.pages.insert(token("page", &page));
            profile.pages.insert(token("page", &format!("common {}", random.below(COMMON_PAGES))));
            let habit = self.bins[random.below(self.bins.len())];
            let bin = if random.below(4) == 0 { random.below(BINS) as u8 } else { habit };
            *profile.hours.entry(bin).or_default() += 1;
        }
        let campaign = if random.below(100) < SAME_CAMPAIGN {
            self.campaign
        } else {
            uneven(random, CAMPAIGNS)
        };
        profile.campaigns.insert(token("campaign", &format!("{campaign}")));
        profile
    }
}
