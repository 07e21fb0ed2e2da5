//! What a reply waits for: nothing, a time, or the test's leave.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Lets through only as much as the test releases. Clones are the same gate.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    /// A gate that lets nothing through yet.
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets so many more through.
    pub(crate) fn release(&self, passes: usize) {
        self.0.add_permits(passes);
    }

    /// Lets everything through from now on.
    pub(crate) fn open(&self) {
        self.0.close();
    }

    async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

/// The wait before one step of a reply.
#[derive(Debug, Clone)]
pub(super) enum Wait {
    /// None
    Nothing,
    /// Some time
    Time(Duration),
    /// The test's leave
    Gate(Gate),
}

impl Wait {
    /// Returns when the step may be done.
    pub(super) async fn pass(&self) {
        match self {
            Self::Nothing => {}
            Self::Time(time) => tokio::time::sleep(*time).await,
            Self::Gate(gate) => gate.pass().await,
        }
    }
}
