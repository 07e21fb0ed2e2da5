//! The finishing on Lambda, by schedule.

use std::time::Duration;

use lanyard_platform::clients::Clients;
use lanyard_platform::{lambda, telemetry};
use tokio::time::Instant;

/// Less than the function's time, by what the reads under way may take.
const RUN: Duration = Duration::from_secs(40);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    telemetry::start();
    let clients = Clients::from_environment().await?;
    let gateway = clients.gateway();
    lambda::run_raw(|_| async {
        let until = Instant::now() + RUN;
        let finished = finish_jobs::handle(gateway.clone(), clients.now(), until).await?;
        Ok(serde_json::to_value(finished)?)
    })
    .await
}
