//! A future that is polled only when it was woken itself.
//!
//! A connection's task is woken twice for every request. The watch for silence and for the end of
//! the plane, which live in the same task, are woken a few times in a connection's life: polling
//! them along each time would cost every request.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Wakes the task and remembers on whose behalf.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Waker>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

/// Polls the future inside when it was woken, and otherwise not at all. It must stay in one task.
#[derive(Debug)]
pub(super) struct Seldom<F> {
    inner: Pin<Box<F>>,
    bell: Option<Arc<Bell>>,
}

impl<F: Future> Seldom<F> {
    pub(super) fn new(inner: F) -> Self {
        Self { inner: Box::pin(inner), bell: None }
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let bell = match &self.bell {
            Some(bell) if !bell.rung.swap(false, Ordering::Acquire) => return Poll::Pending,
            Some(bell) => Arc::clone(bell),
            None => {
                let task = Mutex::new(context.waker().clone());
                let bell = Arc::new(Bell { rung: AtomicBool::new(false), task });
                self.bell = Some(Arc::clone(&bell));
                bell
            }
        };
        self.inner.as_mut().poll(&mut Context::from_waker(&Waker::from(bell)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn it_is_polled_when_woken_and_not_for_company() {
        let mut polls = 0;
        let mut sleep = Box::pin(tokio::time::sleep(Duration::from_millis(20)));
        let counted = std::future::poll_fn(|context| {
            polls += 1;
            sleep.as_mut().poll(context)
        });
        let mut seldom = Seldom::new(counted);
        let busy = async {
            loop {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = busy => {}
            () = &mut seldom => {}
        }
        drop(seldom);
        assert_eq!(polls, 2);
    }
}
