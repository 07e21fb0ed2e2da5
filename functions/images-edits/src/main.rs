//! `POST /api/v1/images/edits` on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lanyard_platform::lambda::Error> {
    lanyard_platform::lambda::stream(images_edits::handle).await
}
