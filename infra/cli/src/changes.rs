//! What is different in an event or a deployment after a change.

use serde_json::{Map, Value};

/// Fields that say nothing about settings, or that the summary shows.
const LEFT_OUT: [&str; 4] = ["version", "warnings", "code", "status"];

/// The settings that differ, each as `name: before → after`, after what is known to have changed
/// beside them, such as a key, which the service does not show.
pub(crate) fn between(before: &Value, after: &Value, mut found: Vec<String>) -> Vec<String> {
    let removed = names(before).filter(|name| after.get(name).is_none());
    for name in names(after).chain(removed).filter(|name| !LEFT_OUT.contains(&name.as_str())) {
        add(name, &before[name], &after[name], &mut found);
    }
    if found.is_empty() && ["code", "status"].iter().all(|name| before[*name] == after[*name]) {
        found.push("nothing".to_owned());
    }
    found
}

fn names(of: &Value) -> impl Iterator<Item = &String> {
    of.as_object().into_iter().flat_map(Map::keys)
}

fn add(name: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let names =
                before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
            for part in names {
                let of =
                    |fields: &Map<String, Value>| fields.get(part).cloned().unwrap_or(Value::Null);
                add(&format!("{name}.{part}"), &of(before), &of(after), found);
            }
        }
        _ => found.push(format!("{name}: {} → {}", words(before), words(after))),
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_setting_that_differs_is_named_with_both_values() {
        let before = json!({
            "name": "Hack", "version": 1, "warnings": ["x"], "access": "open", "status": "open",
            "allowances": {"attendee": {"tokens_per_minute": 40000, "in_flight": 8}},
        });
        let mut after = before.clone();
        assert_eq!(between(&before, &after, Vec::new()), ["nothing"]);
        let key = vec!["key: replaced".to_owned()];
        assert_eq!(between(&before, &after, key.clone()), key);
        after["version"] = 2.into();
        after["access"] = "roster".into();
        after["allowances"]["attendee"]["tokens_per_minute"] = Value::Null;
        after["allowances"]["attendee"]["requests_per_day"] = 7.into();
        assert_eq!(
            between(&before, &after, Vec::new()),
            [
                "access: open → roster",
                "allowances.attendee.tokens_per_minute: 40000 → none",
                "allowances.attendee.requests_per_day: none → 7",
            ]
        );
        after = before.clone();
        after["status"] = "paused".into();
        assert!(between(&before, &after, Vec::new()).is_empty(), "the summary shows it");
    }
}
