//! The sweep on Lambda, by schedule.

use lanyard_platform::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::on_schedule(sweep::handle).await
}
