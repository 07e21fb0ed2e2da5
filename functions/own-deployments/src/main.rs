//! An attendee's own deployments on Lambda.

use lanyard_platform::clients::Clients;
use lanyard_platform::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::buffer_with(Clients::own_deployments, own_deployments::handle).await
}
