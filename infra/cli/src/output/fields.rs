//! Which fields `--json=FIELDS` prints.

use serde_json::{Map, Value};

use crate::error::CliError;

/// Names of fields, such as `name` or `allowances.event.tokens_total`. None is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields(Vec<String>);

impl Fields {
    pub(super) fn read(text: &str) -> Self {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Self(names.map(str::to_owned).collect())
    }

    /// The chosen fields of a value.
    ///
    /// In a list, such as `{"events": […]}`, they are the fields of its items, also beside a sum such
    /// as `{"rows": […], "total": {…}}`. What a command prints about one thing may wrap it as well,
    /// such as `{"event": {…}, "warnings": […]}`.
    ///
    /// # Errors
    ///
    /// A field that is nowhere, with those that there are.
    pub(super) fn of(&self, value: &Value) -> Result<Value, CliError> {
        if self.0.is_empty() {
            return Ok(value.clone());
        }
        let has_any = |value: &&Value| self.0.iter().any(|name| at(value, name).is_some());
        let items = match value {
            Value::Array(items) => Some(items),
            Value::Object(_) if has_any(&value) => None,
            Value::Object(fields) => {
                let mut lists = fields.iter().filter(|(name, _)| *name != "warnings");
                let list = lists.find_map(|(_, value)| value.as_array());
                let list = list.filter(|_| fields.len() <= 4);
                let has_them =
                    |list: &&Vec<Value>| list.is_empty() || list.iter().any(|item| has_any(&item));
                let wrapped = fields.values().filter(|value| value.is_object()).find(has_any);
                match (wrapped, list.filter(has_them)) {
                    (Some(wrapped), None) => return self.of_one(&[wrapped]).map(first),
                    (_, _) => list,
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        let Some(items) = items else { return self.of_one(&[value]).map(first) };
        let items: Vec<_> = items.iter().collect();
        self.of_one(&items).map(Value::Array)
    }

    /// The chosen fields of each item. A field has to be in one of them at least.
    fn of_one(&self, items: &[&Value]) -> Result<Vec<Value>, CliError> {
        for name in &self.0 {
            if !items.is_empty() && !items.iter().any(|item| at(item, name).is_some()) {
                let known = items.first().and_then(|item| item.as_object());
                let known: Vec<_> = known.into_iter().flat_map(Map::keys).cloned().collect();
                return Err(CliError::Usage(format!(
                    "There is no field {name}. Fields: {}",
                    known.join(", ")
                )));
            }
        }
        let chosen = |item: &&Value| {
            let field =
                |name: &String| (name.clone(), at(item, name).cloned().unwrap_or(Value::Null));
            Value::Object(self.0.iter().map(field).collect())
        };
        Ok(items.iter().map(chosen).collect())
    }
}

/// The value at a path of names.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

fn first(values: Vec<Value>) -> Value {
    values.into_iter().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_gives_the_fields_of_its_items() {
        let list = json!({"events": [{"name": "A", "code": "a", "x": {"y": 1}}, {"name": "B"}]});
        let chosen = Fields::read("name, x.y").of(&list).unwrap();
        assert_eq!(chosen, json!([{"name": "A", "x.y": 1}, {"name": "B", "x.y": null}]));
        assert_eq!(Fields::read("name").of(&json!({"events": []})).unwrap(), json!([]));
    }

    #[test]
    fn a_list_goes_before_its_sum() {
        let rows = json!([{"user": "ada", "tokens": 1}]);
        let usage = json!({"by": "attendee", "rows": rows, "total": {"tokens": 1}});
        let chosen = Fields::read("user,tokens").of(&usage).unwrap();
        assert_eq!(chosen, json!([{"user": "ada", "tokens": 1}]));
        assert_eq!(Fields::read("tokens").of(&usage).unwrap(), json!([{"tokens": 1}]));
        let chosen = Fields::read("total.tokens").of(&usage).unwrap();
        assert_eq!(chosen, json!({"total.tokens": 1}));
        let unused = json!({"by": "attendee", "rows": [], "total": {"tokens": 0}});
        assert_eq!(Fields::read("user,tokens").of(&unused).unwrap(), json!([]));
    }

    #[test]
    fn one_thing_gives_its_own_fields() {
        let event = json!({"name": "A", "warnings": ["w"], "allowances": {"event": 3}});
        let chosen = Fields::read("name,allowances.event").of(&event).unwrap();
        assert_eq!(chosen, json!({"name": "A", "allowances.event": 3}));
        assert_eq!(Fields::read("").of(&event).unwrap(), event);
        let wrapped = json!({"event": event, "warnings": []});
        let chosen = Fields::read("name,allowances.event").of(&wrapped).unwrap();
        assert_eq!(chosen, json!({"name": "A", "allowances.event": 3}));
        let chosen = Fields::read("event.name").of(&wrapped).unwrap();
        assert_eq!(chosen, json!({"event.name": "A"}));
    }

    #[test]
    fn a_field_that_is_nowhere_is_an_error_with_those_that_are() {
        let refused = Fields::read("nmae").of(&json!({"events": [{"name": "A", "code": "a"}]}));
        assert_eq!(refused.unwrap_err().to_string(), "There is no field nmae. Fields: code, name");
    }
}
