//! `POST /api/v1/images/edits` on Lambda.
//!
//! Generated from the table of functions.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lanyard_platform::lambda::Error> {
    lanyard_platform::lambda::stream(images_edits::handle).await
}
