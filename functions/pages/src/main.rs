//! The pages on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lanyard_platform::lambda::Error> {
    lanyard_platform::lambda::stream_files(pages::handle).await
}
