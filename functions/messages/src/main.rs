//! `POST /api/v1/messages` on Lambda.
//!
//! Generated from the table of functions.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lanyard_platform::lambda::Error> {
    lanyard_platform::lambda::stream(messages::handle).await
}
