//! `GET /api/v1/event` and its predecessor on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lanyard_platform::lambda::Error> {
    lanyard_platform::lambda::buffer(event::handle).await
}
