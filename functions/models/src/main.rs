//! `GET /api/v1/models` on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lanyard_platform::lambda::Error> {
    lanyard_platform::lambda::buffer(models::handle).await
}
