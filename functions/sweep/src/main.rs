//! The sweep on Lambda, by schedule.

use lanyard_platform::clients::Clients;
use lanyard_platform::{lambda, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    telemetry::start();
    let clients = Clients::from_environment().await?;
    let gateway = clients.gateway();
    lambda::run_raw(|_| async {
        let swept = sweep::handle(gateway.clone(), clients.now()).await?;
        Ok(serde_json::to_value(swept)?)
    })
    .await
}
