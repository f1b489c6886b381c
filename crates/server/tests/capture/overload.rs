//! When the log cannot: what may be retried is said so, and nothing is acknowledged.

use crate::harness::{Plane, options};
use crate::memory_log::Mood;
use http::StatusCode;
use millstream_log::AppendError;
use millstream_server::capture::CaptureOptions;
use millstream_server::capture::counters::get;
use std::time::Duration;

const BATCH: &str = r#"{"batch":[{"type":"page","anonymousId":"a"}]}"#;

#[tokio::test]
async fn refusals_of_the_log_are_answered_503_with_a_time() {
    let plane = Plane::start(CaptureOptions { log_wait: Duration::from_millis(30), ..options() });
    let moods = [
        (Mood::Refusing(AppendError::Overloaded), "log_overloaded", "1"),
        (Mood::Stalled, "log_overloaded", "1"),
        (Mood::Refusing(AppendError::DiskFull), "disk_full", "30"),
        (Mood::Failing(AppendError::DiskFull), "disk_full", "30"),
        (Mood::Failing(AppendError::Poisoned("no".into())), "log_poisoned", "30"),
        (Mood::Refusing(AppendError::Closed), "shutting_down", "1"),
    ];
    for (mood, code, seconds) in moods {
        plane.log.feel(mood.clone());
        for path in ["/v1/batch", "/v1/page"] {
            let body = if path == "/v1/page" { r#"{"anonymousId":"a"}"# } else { BATCH };
            let answer = plane.post(path, &[], body).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{mood:?}");
            assert_eq!((answer.code().as_str(), answer.header("retry-after")), (code, seconds));
        }
    }
    assert_eq!(get(&plane.handle.counters.accepted), 0);
    assert_eq!(plane.handle.counters.refused_total(), 12);
    let full = plane.handle.counters.refused().find(|(code, _)| *code == "disk_full").unwrap();
    assert_eq!(full.1, 4);
    plane.log.feel(Mood::Willing);
    assert_eq!(plane.post("/v1/batch", &[], BATCH).await.status, StatusCode::OK);
}
