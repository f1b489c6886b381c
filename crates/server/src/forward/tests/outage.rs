//! A destination that is down for five minutes at full rate, in virtual time.

use super::super::client::SendError;
use super::parts::{Bench, Seen, event};
use millstream_event::delivery::Class;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::sleep;

const TICK: Duration = Duration::from_millis(100);
/// Events of each tick: one conversion, the rest not.
const EVENTS_EACH_TICK: u64 = 4;
const DOWN_FROM: Duration = Duration::from_secs(30);
const DOWN_UNTIL: Duration = Duration::from_secs(330);
const ENDS: Duration = Duration::from_secs(420);

/// What waits in the log, for one class.
type Backlog = VecDeque<(u64, Duration)>;

struct Outage {
    bench: Bench,
    /// When the breaker closed after the outage.
    closed: Duration,
    sent: u64,
}

async fn run(limits: &str) -> Outage {
    let mut turn = 0_u32;
    let says = move |_: &[u64], at: Duration| {
        turn += 1;
        match (at >= DOWN_FROM && at < DOWN_UNTIL, turn % 3) {
            (false, _) => Ok(200),
            (true, 0) => Ok(503),
            (true, 1) => Err(SendError::Timeout),
            (true, _) => Err(SendError::Broken("reset".to_owned())),
        }
    };
    let mut bench = Bench::new(limits, Duration::from_millis(20), Box::new(says));
    let mut backlogs: HashMap<Class, Backlog> = HashMap::new();
    let (mut sent, mut closed) = (0, Duration::ZERO);
    while bench.now() < ENDS {
        for place in 0..EVENTS_EACH_TICK {
            let class = if place == 0 { Class::Conversion } else { Class::Rest };
            backlogs.entry(class).or_default().push_back((sent, bench.now()));
            sent += 1;
        }
        for (class, backlog) in &mut backlogs {
            while let Some((number, at)) = backlog.front().copied() {
                if !bench.offer(event(number, *class, at), *class) {
                    break;
                }
                backlog.pop_front();
            }
        }
        if closed == Duration::ZERO
            && bench.now() >= DOWN_UNTIL
            && bench.desk.standing().breaker == "closed"
        {
            closed = bench.now();
        }
        sleep(TICK).await;
    }
    assert!(backlogs.values().all(VecDeque::is_empty), "the backlog is not taken up by the end");
    bench.settled(Duration::from_secs(60)).await;
    Outage { bench, closed, sent }
}

fn events(seen: &[Seen], fits: impl Fn(&Seen) -> bool) -> u64 {
    seen.iter().filter(|one| fits(one)).map(|one| one.events.len() as u64).sum()
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_five_minutes_ends_without_a_storm() {
    let outage =
        run("[limits]\nbatch_events = 10\nlinger_ms = 10\nconcurrency = 4\nqueue_events = 500\n")
            .await;
    let seen = outage.bench.seen.lock().unwrap().clone();
    let (totals, _) = outage.bench.totals();
    assert_eq!((totals.accepted, totals.delivered, totals.dead), (outage.sent, outage.sent, 0));
    let while_down = seen.iter().filter(|one| one.at >= DOWN_FROM && one.at < DOWN_UNTIL).count();
    assert!(while_down < 60, "{while_down} requests to a destination that is down");
    assert!(
        outage.closed < DOWN_UNTIL + Duration::from_secs(62),
        "it took until {:?}",
        outage.closed
    );
    let after = |one: &Seen| one.at >= outage.closed;
    let (sent, taken) = (events(&seen, after), events(&seen, |one| after(one) && one.taken));
    assert!(sent * 10 <= taken * 11, "a storm: {sent} sent for {taken} taken");
    assert!(taken * 100 >= sent * 97, "goodput: {taken} of {sent}");
    // Of what came while it was down, what is essential goes first.
    let mut order = Vec::new();
    for one in seen.iter().filter(|one| one.taken && one.at >= DOWN_UNTIL) {
        order.extend(one.events.iter().map(|number| number % EVENTS_EACH_TICK == 0));
    }
    let conversions = 10 * (DOWN_UNTIL - DOWN_FROM).as_secs();
    let reached = order
        .iter()
        .enumerate()
        .filter(|(_, converts)| **converts)
        .nth(usize::try_from(conversions).unwrap() - 1)
        .map(|(place, _)| u64::try_from(place).unwrap() + 1)
        .unwrap();
    let others = reached - conversions;
    assert!(others < conversions / 2, "{others} others before {conversions} conversions");
}

#[tokio::test(start_paused = true)]
async fn what_waits_too_long_is_a_dead_letter_though_nobody_tried() {
    let mut bench = Bench::new(
        "[retry]\nexpire_hours = 1\n",
        Duration::from_millis(1),
        Box::new(|_, _| Ok(200)),
    );
    bench.desk.set(millstream_event::delivery::Standing::Paused, &Default::default());
    for number in 0..3 {
        assert!(bench.offer(event(number, Class::Conversion, Duration::ZERO), Class::Conversion));
    }
    let late = millstream_event::Timestamp(super::parts::START + 3_600_000_000);
    bench.desk.expire((millstream_event::Timestamp(late.0 - 1_000_000), bench.now()));
    assert_eq!(bench.totals().1, 3);
    bench.desk.expire((late, bench.now()));
    let (totals, pending) = bench.totals();
    assert_eq!((totals.dead, pending), (3, 0));
    assert!(bench.seen.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn at_the_bound_the_oldest_are_passed_by_and_never_conversions() {
    let mut bench = Bench::new(
        "[limits]\nbacklog_records = 100\n",
        Duration::from_millis(1),
        Box::new(|_, _| Ok(200)),
    );
    bench.desk.set(millstream_event::delivery::Standing::Paused, &Default::default());
    for number in 0..80 {
        for class in [Class::Conversion, Class::Rest] {
            assert!(bench.offer(event(number, class, Duration::from_secs(number)), class));
        }
    }
    // The log goes on; what was taken up holds its retention.
    let mut heads = millstream_log::LanePositions::default();
    for class in [Class::Conversion, Class::Rest] {
        let lane = millstream_event::Lane::of(millstream_event::delivery::entity(class.as_str()));
        heads.set(lane, millstream_event::Position(80));
    }
    Class::ALL.into_iter().for_each(|class| bench.desk.pass_oldest_by(class, &heads));
    let lines = bench.desk.standing().lines;
    let of = |class| lines.iter().find(|line| line.class == class).unwrap();
    let (conversions, rest) = (of(Class::Conversion), of(Class::Rest));
    assert_eq!((conversions.pending, conversions.totals.shed), (80, 0));
    assert_eq!(rest.pending as u64 + rest.totals.shed, 80);
    // Its floor counts the other lane, too, which it has not looked at.
    assert!(rest.pending <= 20 && rest.pending > 0, "{}", rest.pending);
    bench.desk.set(millstream_event::delivery::Standing::Running, &heads);
    bench.settled(Duration::from_secs(60)).await;
    let mut kept: Vec<u64> =
        bench.seen.lock().unwrap().iter().flat_map(|one| one.events.clone()).collect();
    kept.sort_unstable();
    assert_eq!(kept.len(), 80 + rest.pending);
    let newest = 80 - rest.pending as u64;
    assert!((newest..80).all(|number| kept.iter().filter(|one| **one == number).count() == 2));
}
