//! Files that change while events flow.

use super::parts::{Bench, destination, event};
use millstream_event::delivery::Class;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

fn file(more: &str) -> String {
    format!(
        "[request]\nurl = \"https://vendor.example/\"\nitem = \"event.id\"\nformat = \"json_lines\"\n{more}"
    )
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_ends_by_the_version_it_began_with() {
    let mut bench = Bench::new("", Duration::from_secs(5), Box::new(|_, _| Ok(418)));
    assert!(bench.offer(event(1, Class::Rest, Duration::ZERO), Class::Rest));
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The new version counts the answer as one that may be better later; the old one gives up.
    bench.desk.replace(destination(&file("[retry]\nstatuses = [418]\n")));
    assert!(bench.offer(event(2, Class::Rest, Duration::from_secs(1)), Class::Rest));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((bench.totals().0.dead, bench.totals().1), (1, 1), "the first by the old version");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(bench.totals().0.dead, 1, "the second is tried again");
    assert!(bench.seen.lock().unwrap().iter().filter(|one| one.events == [2]).count() > 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_waits_while_the_file_is_gone() {
    let mut bench = Bench::new("", Duration::from_millis(10), Box::new(|_, _| Ok(200)));
    bench.desk.withdraw();
    assert!(!bench.offer(event(1, Class::Conversion, Duration::ZERO), Class::Conversion));
    bench.desk.replace(destination(&file("")));
    assert!(bench.offer(event(1, Class::Conversion, Duration::ZERO), Class::Conversion));
    bench.desk.withdraw();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let sent = bench.totals().0.delivered;
    bench.desk.replace(destination(&file("")));
    bench.settled(PATIENCE).await;
    assert_eq!((sent, bench.totals().0.delivered), (0, 1));
}

#[test]
fn a_version_names_the_text_and_not_the_secrets() {
    let one = destination(&file(""));
    assert!(one.is_same(&destination(&file(""))));
    let other = destination(&file("[limits]\nconcurrency = 2\n"));
    assert!(!one.is_same(&other) && one.version != other.version);
    let folder = tempfile::tempdir().unwrap();
    let read = |secret: &str| {
        let path = folder.path().join("shop.toml");
        std::fs::write(&path, file("[secrets]\nkey = { file = \"key\" }\n")).unwrap();
        std::fs::write(folder.path().join("key"), secret).unwrap();
        super::super::Destination::read(&path).unwrap()
    };
    let (before, after) = (read("a"), read("b"));
    assert!(before.version == after.version && !before.is_same(&after));
}
