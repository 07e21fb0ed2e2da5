//! Writes the body for Azure: governed fields as the protocol wants them, the rest as it came.

use crate::added::AddedField;
use crate::demand::Demanded;
use crate::identity;
use crate::payload::{Payload, Target};
use crate::tools;

/// Fields that no JSON body keeps. A protocol writes those that it wants anew.
const REPLACED: [&str; 9] = [
    "model",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "stream",
    "stream_options",
    "background",
    "data_sources",
    "dataSources",
];

/// Writes a JSON body: the model, what the protocol adds, and every other field as it came.
/// Nothing is stored, and nothing is served at another tier.
pub(crate) fn body(
    payload: &Payload<'_>,
    demanded: &Demanded,
    target: &Target<'_>,
    out: &mut Vec<u8>,
    add: impl FnOnce(&mut Object<'_>),
) {
    let mut object = Object { out };
    object.text("model", target.azure_name);
    add(&mut object);
    for (name, raw) in &payload.fields {
        match name.as_ref() {
            "store" => object.raw("store", "false"),
            "safety_identifier" => object.identity(AddedField::SafetyIdentifier, target),
            // It describes what is stored; Azure refuses it without.
            name if identity::is_metadata(name) => {}
            "service_tier" => object.raw("service_tier", "\"default\""),
            "tool_choice" => object.raw(name, demanded.written_tool_choice(raw)),
            "tools" | "web_search_options" if !demanded.dropped_tools.is_empty() => {
                object.tools(name, raw.get(), &demanded.dropped_tools);
            }
            name if REPLACED.contains(&name) || identity::names_person(name) => {}
            name => object.raw(name, raw.get()),
        }
    }
    object.end();
}

/// Writes a JSON body with this model and every other field as it came.
pub(crate) fn with_model(payload: &Payload<'_>, azure_name: &str, out: &mut Vec<u8>) {
    let mut object = Object { out };
    object.text("model", azure_name);
    let kept = |name: &str| name != "model" && !identity::names_person(name);
    for (name, raw) in payload.fields.iter().filter(|(name, _)| kept(name)) {
        object.raw(name, raw.get());
    }
    object.end();
}

/// Writes a form with these fields in place of those that name a model or a person.
pub(crate) fn form<'o>(
    payload: &Payload<'_>,
    ours: impl IntoIterator<Item = (&'o str, &'o str)>,
    out: &mut Vec<u8>,
) {
    if let Some(form) = &payload.form {
        form.write(ours, |name| name == "model" || identity::names_person(name), out);
    }
}

/// A JSON object that is being written.
pub(crate) struct Object<'o> {
    pub(crate) out: &'o mut Vec<u8>,
}

impl Object<'_> {
    /// A field with a value that is JSON.
    pub(crate) fn raw(&mut self, name: &str, value: &str) {
        self.out.push(if self.out.is_empty() { b'{' } else { b',' });
        self.quoted(name);
        self.out.push(b':');
        self.out.extend_from_slice(value.as_bytes());
    }

    /// A field with a text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.raw(name, "");
        self.quoted(value);
    }

    /// A field that names a person: with the attendee's hash, if the deployment accepts it.
    pub(crate) fn identity(&mut self, field: AddedField, target: &Target<'_>) {
        if let Some(user) = target.identity(field) {
            self.text(field.name(), user);
        }
    }

    /// A field that holds tools, without those of the types that are removed; nothing if none is
    /// left.
    pub(crate) fn tools(&mut self, name: &str, value: &str, dropped: &[String]) {
        if name == "web_search_options" {
            if !dropped.iter().any(|kind| kind == tools::WEB_SEARCH) {
                self.raw(name, value);
            }
            return;
        }
        if name == tools::MCP_SERVERS {
            if !dropped.iter().any(|kind| kind == tools::MCP) {
                self.raw(name, value);
            }
            return;
        }
        let left = tools::without(value, dropped);
        if left != "[]" {
            self.raw(name, &left);
        }
    }

    /// Closes the object.
    pub(crate) fn end(self) {
        self.out.push(b'}');
    }

    fn quoted(&mut self, text: &str) {
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut *self.out, text);
    }
}
