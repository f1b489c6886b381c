//! How long an outcome is waited for.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant as SystemInstant};
use tokio::time::{Instant, Sleep, sleep_until};

/// Waits one after the other, each at most so long. One timer serves them all: it is set anew when
/// it has run out, not for every wait, since hardly any wait lasts that long.
pub(super) struct Patience {
    span: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) const fn new(span: Duration) -> Self {
        Self { span, timer: None }
    }

    /// What `awaited` brings, or `None` when it has not come in time after `begun`.
    pub(super) async fn wait<F: Future + Unpin>(
        &mut self,
        begun: SystemInstant,
        mut awaited: F,
    ) -> Option<F::Output> {
        // A span beyond all clocks means for ever.
        let deadline = begun.checked_add(self.span).map(Instant::from);
        poll_fn(|context| {
            if let Poll::Ready(output) = Pin::new(&mut awaited).poll(context) {
                return Poll::Ready(Some(output));
            }
            let Some(deadline) = deadline else { return Poll::Pending };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            while timer.as_mut().poll(context).is_ready() {
                if Instant::now() >= deadline {
                    return Poll::Ready(None);
                }
                timer.as_mut().reset(deadline);
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::sync::oneshot;
    use tokio::time::sleep;

    const SPAN: Duration = Duration::from_millis(40);

    #[tokio::test(start_paused = true)]
    async fn every_wait_has_the_whole_span_and_no_more() {
        let mut patience = Patience::new(SPAN);
        for _ in 0..4 {
            let (sender, receiver) = oneshot::channel();
            let begun = Instant::now();
            tokio::spawn(async move {
                sleep(SPAN * 3 / 4).await;
                sender.send(7).unwrap();
            });
            assert_eq!(patience.wait(begun.into_std(), receiver).await, Some(Ok(7)));
        }
        for _ in 0..2 {
            let begun = Instant::now();
            assert_eq!(patience.wait(begun.into_std(), Box::pin(pending::<()>())).await, None);
            assert!(begun.elapsed() >= SPAN);
        }
    }

    #[tokio::test]
    async fn a_span_beyond_all_clocks_is_for_ever() {
        let mut patience = Patience::new(Duration::MAX);
        assert_eq!(patience.wait(SystemInstant::now(), std::future::ready(1)).await, Some(1));
    }
}
