//! Fields of a request that name a person. None of them reaches Azure as the client wrote it.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value};

/// Whether a field names a person. Such a field gets the attendee's hash if the operation has it,
/// and is left out elsewhere.
pub(crate) fn names_person(field: &str) -> bool {
    NAMES.iter().any(|name| name.eq_ignore_ascii_case(field))
}

/// Fields and keys of metadata whose values name a person. `user_security_context` is Azure's own:
/// the ids and the address of an end user.
/// <https://learn.microsoft.com/azure/defender-for-cloud/gain-end-user-context-ai>
const NAMES: [&str; 11] = [
    "user",
    "user_id",
    "userid",
    "user_name",
    "username",
    "user_email",
    "email",
    "end_user",
    "end_user_id",
    "safety_identifier",
    "user_security_context",
];

/// Whether a field holds what a client notes about its request, such as `litellm_metadata`.
pub(crate) fn is_metadata(field: &str) -> bool {
    field.ends_with("metadata")
}

/// An object of metadata as JSON, with the attendee's hash instead of a person's name.
pub(crate) fn metadata<'m>(raw: &'m str, user: &str) -> Cow<'m, str> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(raw) else { return raw.into() };
    match hide(&mut fields, user) {
        true => Value::Object(fields).to_string().into(),
        false => raw.into(),
    }
}

/// The body of a call about a stored object, without what names a person at its top and in any
/// metadata. None if it can go as it came.
#[must_use]
pub fn hidden(body: &[u8], user: impl FnOnce() -> String) -> Option<Bytes> {
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(body) else { return None };
    let (user, before) = (user(), fields.len());
    fields.retain(|name, _| !names_person(name));
    let mut is_changed = fields.len() != before;
    for (name, value) in &mut fields {
        is_changed |= hide_below(name, value, &user);
    }
    is_changed.then(|| Value::Object(fields).to_string().into())
}

fn hide_below(name: &str, value: &mut Value, user: &str) -> bool {
    match value {
        Value::Object(fields) if is_metadata(name) => hide(fields, user),
        Value::Object(fields) => fields
            .iter_mut()
            .fold(false, |is_changed, (name, value)| hide_below(name, value, user) | is_changed),
        Value::Array(list) => list
            .iter_mut()
            .fold(false, |is_changed, value| hide_below("", value, user) | is_changed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Hides the names of persons in an object of metadata. Says whether there were any.
fn hide(fields: &mut Map<String, Value>, user: &str) -> bool {
    let mut is_changed = false;
    for (name, value) in fields {
        if names_person(name) && !value.is_null() {
            *value = user.into();
            is_changed = true;
        }
    }
    is_changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_metadata_become_the_hash_and_the_rest_stays_as_written() {
        let said = r#"{"run": "7",  "lesson":1e2}"#;
        assert_eq!(metadata(said, "hash"), said);
        let named = r#"{"run":"7","user_id":"ada@example.org","UserName":"Ada","email":null}"#;
        let hidden = r#"{"UserName":"hash","email":null,"run":"7","user_id":"hash"}"#;
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(read(&metadata(named, "hash")), read(hidden));
        for odd in ["null", "[]", "7", "{", "\"user\""] {
            assert_eq!(metadata(odd, "hash"), odd);
        }
    }

    #[test]
    fn a_body_without_names_goes_as_it_came() {
        assert_eq!(
            hidden(br#"{"messages":[{"role":"user","content":"user_id"}]}"#, || "hash".to_owned()),
            None
        );
        assert_eq!(hidden(b"", || "hash".to_owned()), None);
        let body = br#"{"user":"ada","End_User":"ada","litellm_metadata":{"user":"ada"},"thread":{"metadata":{"us\u0065r":"ada"}},"messages":[{"metadata":{"a":"b"}},{"metadata":{"email":"a@b"}}]}"#;
        let written: Value =
            serde_json::from_slice(&hidden(body, || "hash".to_owned()).unwrap()).unwrap();
        let expected = serde_json::json!({
            "litellm_metadata": {"user": "hash"},
            "thread": {"metadata": {"user": "hash"}},
            "messages": [{"metadata": {"a": "b"}}, {"metadata": {"email": "hash"}}],
        });
        assert_eq!(written, expected);
    }
}
