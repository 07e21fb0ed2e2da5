//! The differences between two versions, for the audit log.

use serde_json::{Map, Value};

use crate::audit::FieldChange;

/// The part of a long text that the audit log repeats.
const LONGEST_TEXT: usize = 200;

/// The fields that differ, by their paths.
pub(crate) fn between(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes);
    changes
}

fn compare(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    changes: &mut Vec<FieldChange>,
) {
    let only_before = before.keys().filter(|name| !after.contains_key(*name));
    for name in after.keys().chain(only_before) {
        let field = format!("{path}{name}");
        let side = |side: &Map<String, Value>| side.get(name).cloned().unwrap_or_default();
        match (side(before), side(after)) {
            (from, to) if from == to => {}
            (Value::Object(from), Value::Object(to)) => {
                compare(&format!("{field}."), &from, &to, changes);
            }
            (from, to) => {
                changes.push(FieldChange { field, from: shortened(from), to: shortened(to) });
            }
        }
    }
}

fn shortened(value: Value) -> Value {
    match value.as_str() {
        Some(text) if text.chars().count() > LONGEST_TEXT => {
            let beginning: String = text.chars().take(LONGEST_TEXT).collect();
            Value::String(format!("{beginning}…"))
        }
        Some(_) | None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_differences_are_changes() {
        let before = json!({"a": 1, "b": {"c": 2, "d": null}, "e": [1], "f": "x"});
        let after = json!({"a": 1, "b": {"c": 3, "d": null}, "e": [1, 2], "g": true});
        let changes = between(before.as_object().unwrap(), after.as_object().unwrap());
        let lines: Vec<_> =
            changes.iter().map(|c| format!("{} {} {}", c.field, c.from, c.to)).collect();
        assert_eq!(lines, ["b.c 2 3", "e [1] [1,2]", "g null true", "f \"x\" null"]);
    }
}
