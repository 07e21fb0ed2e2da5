//! The organisers' API on Lambda: by way of API Gateway, or by direct invocation.

use lanyard_platform::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::administer(admin::handle).await
}
