//! `/api/v1/videos` on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lanyard_platform::lambda::Error> {
    lanyard_platform::lambda::stream(videos::handle).await
}
