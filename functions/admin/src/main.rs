//! The organisers' API on Lambda: by way of API Gateway, or by direct invocation.

use std::sync::Arc;

use lanyard_administration::{Admin, serve_invocation};
use lanyard_platform::clients::Clients;
use lanyard_platform::organisers::Organisers;
use lanyard_platform::shell::Machine;
use lanyard_platform::{lambda, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    telemetry::start();
    let clients = Clients::from_environment().await?;
    let admin = Arc::new(Admin {
        organisers: Organisers::new(clients.table),
        ledger: clients.ledger,
        keys: clients.keys,
        clock: Arc::new(Machine),
        allow_loopback: false,
    });
    lambda::run_raw(|payload| serve_invocation(&admin, payload)).await
}
