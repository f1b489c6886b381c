//! Whatever a vendor answers: each event ends as the policy says, and none is lost.

use super::super::client::SendError;
use super::parts::{Bench, event};
use millstream_event::delivery::Class;
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::sleep;

/// How often an event is not taken before its fate.
const FAULTS_MAX: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Busy,
    Down,
    Hangs,
    Breaks,
}

fn script() -> impl Strategy<Value = Vec<(Vec<Fault>, bool)>> {
    let fault = prop::sample::select(vec![Fault::Busy, Fault::Down, Fault::Hangs, Fault::Breaks]);
    let one = (prop::collection::vec(fault, 0..=FAULTS_MAX), prop::bool::weighted(0.8));
    prop::collection::vec(one, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A request fails as long as one of its events has a fault left; it is refused as long as one of
    /// its events never will be taken.
    #[test]
    fn every_event_ends_as_its_answers_say(script in script(), batch in 1_usize..6, concurrency in 1_usize..5) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let mut left: HashMap<u64, (Vec<Fault>, bool)> = (0..).zip(script.clone()).collect();
        let says = move |events: &[u64], _: Duration| {
            let mut said = Ok(200);
            for number in events {
                let (faults, taken) = left.get_mut(number).unwrap();
                match faults.pop() {
                    Some(Fault::Busy) => return Ok(429),
                    Some(Fault::Down) => return Ok(503),
                    Some(Fault::Hangs) => return Err(SendError::Timeout),
                    Some(Fault::Breaks) => return Err(SendError::Broken("reset".to_owned())),
                    None if !*taken => said = Ok(400),
                    None => {}
                }
            }
            said
        };
        let outcome = runtime.block_on(async {
            let text = format!(
                "[limits]\nbatch_events = {batch}\nconcurrency = {concurrency}\nlinger_ms = 5\ntimeout_ms = 1000\n[retry]\nattempts = 1000\n"
            );
            let mut bench = Bench::new(&text, Duration::from_millis(3), Box::new(says));
            for number in 0..script.len() as u64 {
                let class = if number % 3 == 0 { Class::Conversion } else { Class::Rest };
                assert!(bench.offer(event(number, class, Duration::ZERO), class));
                sleep(Duration::from_millis(7)).await;
            }
            bench.settled(Duration::from_secs(7_200)).await;
            (bench.totals().0, bench.seen.lock().unwrap().clone())
        });
        let (totals, seen) = outcome;
        let taken = script.iter().filter(|(_, taken)| *taken).count() as u64;
        prop_assert_eq!((totals.delivered, totals.dead), (taken, script.len() as u64 - taken));
        for (number, (_, taken)) in (0..).zip(&script) {
            let times = seen.iter().filter(|one| one.taken && one.events.contains(&number)).count();
            prop_assert_eq!(times, usize::from(*taken), "event {} was taken {} times", number, times);
        }
    }
}
