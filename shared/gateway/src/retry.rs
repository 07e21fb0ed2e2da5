//! Writes that are tried again.

use std::time::Duration;

/// Pauses before the second and third attempt of a background write.
pub(crate) const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(600)];

/// Makes a write, and makes it again after each of the pauses for as long as it fails with a fault
/// that allows it.
///
/// # Errors
///
/// The fault of the last try.
pub(crate) async fn with_retry<T, E, F: Future<Output = Result<T, E>>>(
    pauses: impl IntoIterator<Item = Duration>,
    mut write: impl FnMut() -> F,
    mut may_repeat: impl FnMut(&E) -> bool,
) -> Result<T, E> {
    for pause in pauses {
        match write().await {
            Err(fault) if may_repeat(&fault) => tokio::time::sleep(pause).await,
            outcome => return outcome,
        }
    }
    write().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn tries(may_repeat: bool) -> (Result<(), u32>, u32) {
        let mut tries = 0;
        let outcome = with_retry(
            [Duration::ZERO; 2],
            || {
                tries += 1;
                std::future::ready(Err(tries))
            },
            |_| may_repeat,
        );
        (outcome.await, tries)
    }

    #[tokio::test]
    async fn a_write_is_tried_once_more_than_there_are_pauses() {
        assert_eq!(tries(true).await, (Err(3), 3));
        assert_eq!(tries(false).await, (Err(1), 1));
    }
}
