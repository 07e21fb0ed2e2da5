//! An attendee's own deployments on Lambda.

use std::sync::Arc;

use lanyard_administration::own::attendee::OwnDesk;
use lanyard_platform::clients::Clients;
use lanyard_platform::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let desk = |clients: Clients, gateway| {
        let (table, keys) = (clients.table, clients.keys);
        Arc::new(OwnDesk { gateway, table, keys, allow_loopback: false })
    };
    lambda::buffer_with(desk, own_deployments::handle).await
}
