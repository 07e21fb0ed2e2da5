//! `POST /api/v1/responses/{id}/rate` on Lambda.

use std::sync::Arc;

use lanyard_gateway::people::People;
use lanyard_platform::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    let people = |clients: lanyard_platform::clients::Clients, gateway| {
        Arc::new(People { gateway, store: Arc::new(clients.table) })
    };
    lambda::buffer_with(people, rate::handle).await
}
