//! The finishing on Lambda, by schedule.

use std::time::Duration;

use lanyard_platform::lambda;
use tokio::time::Instant;

/// Less than the function's time, by what the reads under way may take.
const RUN: Duration = Duration::from_secs(40);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::on_schedule(|objects, now| finish_jobs::handle(objects, now, Instant::now() + RUN))
        .await
}
