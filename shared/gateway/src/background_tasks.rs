//! Work that continues after its response.
//!
//! A settlement, a stream that is read to its end: a process must not freeze before they are done.
//! Where one process serves many requests at once, the end of one must not wait for the background tasks of
//! others, so background tasks are counted twice: for the process, and for the request that began them.

use tokio::task::JoinHandle;
use tokio::task_local;
use tokio_util::task::TaskTracker;

task_local! {
    /// The background tasks of the request that this task serves, or is a background task of.
    static OF_REQUEST: TaskTracker;
}

/// The background tasks of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct BackgroundTasks(TaskTracker);

impl BackgroundTasks {
    /// Begins a background task, which goes on whether or not its end is waited for.
    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let own = OF_REQUEST.try_with(TaskTracker::clone).unwrap_or_default();
        let token = own.token();
        self.0.spawn(OF_REQUEST.scope(own, async move {
            let output = task.await;
            drop(token);
            output
        }))
    }

    /// Waits until there are none.
    pub(crate) async fn done(&self) {
        self.0.close();
        self.0.wait().await;
        self.0.reopen();
    }

    /// How many are running.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Serves a request. The second future ends when every background task has that the first one began.
pub fn with_background_tasks<F: Future>(
    serving: F,
) -> (impl Future<Output = F::Output> + use<F>, impl Future<Output = ()> + Send + 'static) {
    let own = TaskTracker::new();
    let done = own.clone();
    let done = async move {
        done.close();
        done.wait().await;
    };
    (OF_REQUEST.scope(own, serving), done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_request_waits_only_for_its_own_background_tasks_and_their_tasks() {
        let background_tasks = BackgroundTasks::default();
        let (end_other, other_ends) = oneshot::channel::<()>();
        let (other, other_done) =
            with_background_tasks(async { drop(background_tasks.spawn(other_ends)) });
        other.await;

        let (end_own, own_ends) = oneshot::channel::<()>();
        let nested = background_tasks.clone();
        let (own, own_done) = with_background_tasks(async {
            background_tasks.spawn(async move { drop(nested.spawn(own_ends)) });
        });
        own.await;
        let mut own_done = std::pin::pin!(own_done);
        // Meanwhile the background task ends, and starts another one.
        for _ in 0..10 {
            let polled = poll_fn(|cx| Poll::Ready(own_done.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
            tokio::task::yield_now().await;
        }
        assert_eq!(background_tasks.count(), 2);
        end_own.send(()).unwrap();
        own_done.await;
        assert_eq!(background_tasks.count(), 1);

        end_other.send(()).unwrap();
        other_done.await;
        background_tasks.done().await;
        assert_eq!(background_tasks.count(), 0);
    }
}
