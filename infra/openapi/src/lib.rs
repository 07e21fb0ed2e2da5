//! The description of the API, `functions/pages/assets/openapi.json`.
//!
//! Lanyard's own requests and responses are described by the types and readers that its functions
//! use. Proxied operations name the fields that Lanyard governs, and link the public description of
//! the rest. `cargo run -p xtask -- generate` writes the file.

mod attendees;
mod codes;
mod document;
mod events;
mod objects;
mod operation;
mod organisers;
mod pages;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use document::Document;
use operation::Operation;

/// The description as the text of its file.
///
/// # Panics
///
/// If a schema cannot be written as JSON, which no type of ours does.
#[must_use]
#[expect(clippy::expect_used, reason = "a mistake of ours, seen when the file is generated")]
pub fn text() -> String {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    let mut schemas = SchemaGenerator::from(settings);
    let operations = operations();
    let document = Document::new(&operations, &mut schemas);
    // A function carries the file, so it is indented by as little as can be read.
    let mut text = Vec::new();
    let mut writer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b" "));
    document.serialize(&mut writer).expect("a description is JSON");
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    format!("{text}\n")
}

/// Every operation, in the order in which people read of them.
fn operations() -> Vec<Operation> {
    let groups = [
        attendees::operations(),
        objects::operations(),
        events::operations(),
        organisers::operations(),
        pages::operations(),
    ];
    groups.into_iter().flatten().collect()
}
