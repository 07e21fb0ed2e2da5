//! What a reply waits for: nothing, a time, or a gate that the test opens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Lets through only as much as the test releases. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A gate that lets nothing through yet.
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets so many more through.
    pub fn release(&self, passes: usize) {
        self.0.add_permits(passes);
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.close();
    }

    async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

/// A value for each piece of a body, by its number.
#[derive(Clone)]
pub struct PerPiece<T>(Arc<dyn Fn(usize) -> T + Send + Sync>);

impl<T> PerPiece<T> {
    pub(super) fn new(make: impl Fn(usize) -> T + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    pub(super) fn get(&self, number: usize) -> T {
        (self.0)(number)
    }
}

impl<T> fmt::Debug for PerPiece<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PerPiece")
    }
}

/// The wait before one step of a reply.
#[derive(Debug, Clone)]
pub enum Wait {
    /// None.
    Nothing,
    /// Some time.
    Time(Duration),
    /// A time that depends on the piece.
    Times(PerPiece<Duration>),
    /// Until the test lets it through.
    Gate(Gate),
}

impl Wait {
    /// Returns when the step may be done. The number is that of the piece.
    pub async fn pass(&self, number: usize) {
        match self {
            Self::Nothing => {}
            Self::Time(time) => tokio::time::sleep(*time).await,
            Self::Times(times) => {
                let time = times.get(number);
                // Not even a yield, so that a piece without a pause leaves at once.
                if !time.is_zero() {
                    tokio::time::sleep(time).await;
                }
            }
            Self::Gate(gate) => gate.pass().await,
        }
    }
}
