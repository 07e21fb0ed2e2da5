//! Makes up a value that satisfies a simple JSON schema.
//!
//! Knows types, `enum`, `const`, bounds, nesting, references, alternatives and common patterns; knows
//! nothing of `not` or conditions. A schema that describes itself ends at a fixed depth.

use std::cell::Cell;

use serde_json::{Map, Number, Value};

use super::pattern;

/// From this depth on only what must be there is made, and `null` where it is allowed.
const DEEP: usize = 6;

/// Past this depth a required reference to itself can only be given up.
const DEEPEST: usize = 32;

/// The most values made for one schema, against schemas that double at each level.
const MOST_VALUES: usize = 5_000;

/// A value for a schema, the same for the same schema.
pub(super) fn example(schema: &Value) -> Value {
    Example { root: schema, left: Cell::new(MOST_VALUES) }.value(schema, "value", 0)
}

struct Example<'a> {
    root: &'a Value,
    left: Cell<usize>,
}

impl Example<'_> {
    fn value(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let left = self.left.get();
        if depth > DEEPEST || left == 0 {
            return Value::Null;
        }
        self.left.set(left - 1);

        if let Some(fixed) = fixed(schema) {
            return fixed.clone();
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let target = reference.strip_prefix('#').and_then(|path| self.root.pointer(path));
            return target.map_or(Value::Null, |target| self.value(target, name, depth + 1));
        }
        if let Some(variants) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
            return self.variant(variants, name, depth);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return self.value(&self.merged(schema, parts), name, depth + 1);
        }
        match kind(schema, depth) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "integer" => integer(schema),
            "number" => number(schema),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            _ => Value::String(text(schema, name)),
        }
    }

    fn variant(&self, variants: &[Value], name: &str, depth: usize) -> Value {
        let nothing = variants.iter().find(|variant| variant["type"] == "null");
        let something = variants.iter().find(|variant| variant["type"] != "null");
        let chosen = if depth >= DEEP { nothing.or(something) } else { something.or(nothing) };
        chosen.map_or(Value::Null, |chosen| self.value(chosen, name, depth + 1))
    }

    /// One schema from the parts of an `allOf`, the outer one included.
    fn merged(&self, outer: &Value, parts: &[Value]) -> Value {
        let mut merged = Map::new();
        for part in std::iter::once(outer).chain(parts) {
            let reference = part["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
            let part = reference.and_then(|path| self.root.pointer(path)).unwrap_or(part);
            for (key, value) in part.as_object().into_iter().flatten() {
                match (merged.get_mut(key), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => {
                        known.extend(more.clone());
                    }
                    (Some(Value::Array(known)), Value::Array(more)) => {
                        known.extend(more.iter().cloned());
                    }
                    (_, value) if key != "allOf" => {
                        merged.insert(key.clone(), value.clone());
                    }
                    (Some(_) | None, _) => {}
                }
            }
        }
        Value::Object(merged)
    }

    /// The required properties; all of them when the schema does not say which.
    fn object(&self, schema: &Value, depth: usize) -> Value {
        let properties = schema["properties"].as_object();
        let names: Vec<&str> = match (schema["required"].as_array(), properties) {
            (Some(required), _) => required.iter().filter_map(Value::as_str).collect(),
            (None, Some(all)) if depth < DEEP => all.keys().map(String::as_str).collect(),
            (None, _) => Vec::new(),
        };
        let made = names.into_iter().map(|name| {
            let property = properties.and_then(|all| all.get(name)).unwrap_or(&Value::Null);
            (name.to_owned(), self.value(property, name, depth + 1))
        });
        Value::Object(made.collect())
    }

    fn array(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let least = length(schema, "minItems").unwrap_or(0);
        let most = length(schema, "maxItems").unwrap_or(usize::MAX);
        let wanted = if depth >= DEEP { least } else { least.max(1) };
        if let Some(places) = schema["prefixItems"].as_array() {
            return places.iter().map(|place| self.value(place, name, depth + 1)).collect();
        }
        let items = || self.value(&schema["items"], name, depth + 1);
        std::iter::repeat_with(items).take(wanted.min(most).min(64)).collect()
    }
}

fn fixed(schema: &Value) -> Option<&Value> {
    let listed = |key: &str| schema[key].as_array().and_then(|values| values.first());
    schema
        .get("const")
        .or_else(|| listed("enum"))
        .or_else(|| schema.get("default").filter(|value| !value.is_null()))
        .or_else(|| listed("examples"))
}

fn kind(schema: &Value, depth: usize) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => {
            let mut names = kinds.iter().filter_map(Value::as_str);
            let wants_null = depth >= DEEP && kinds.iter().any(|kind| kind == "null");
            names.find(|name| (*name == "null") == wants_null).unwrap_or("null")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => match () {
            () if schema["properties"].is_object() => "object",
            () if schema["items"].is_object() => "array",
            () => "string",
        },
    }
}

fn length(schema: &Value, key: &str) -> Option<usize> {
    usize::try_from(schema[key].as_u64()?).ok()
}

/// The smallest number in the bounds that is also a multiple of `multipleOf`.
fn integer(schema: &Value) -> Value {
    let bound = |key: &str| whole(&schema[key]);
    let low = bound("minimum").or(bound("exclusiveMinimum").map(|low| low.saturating_add(1)));
    let high = bound("maximum").or(bound("exclusiveMaximum").map(|high| high.saturating_sub(1)));
    let least = low.unwrap_or_else(|| high.map_or(1, |high| high.min(1)));
    let step = bound("multipleOf").filter(|step| *step > 1).unwrap_or(1);
    let over = least.rem_euclid(step);
    let number = if over == 0 { least } else { least.saturating_add(step - over) };
    Value::from(number)
}

/// A bound as an integer, also when it is written `10.0`.
fn whole(bound: &Value) -> Option<i64> {
    let rounded = || bound.as_f64().and_then(|number| format!("{:.0}", number.ceil()).parse().ok());
    bound.as_i64().or_else(rounded)
}

fn number(schema: &Value) -> Value {
    let bound = |key: &str| schema[key].as_f64();
    let low = bound("minimum").or(bound("exclusiveMinimum"));
    let high = bound("maximum").or(bound("exclusiveMaximum"));
    let number = match (low, high) {
        (Some(low), Some(high)) => low.midpoint(high),
        (Some(low), None) => low + 1.0,
        (None, Some(high)) => high - 1.0,
        (None, None) => 1.5,
    };
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

fn text(schema: &Value, name: &str) -> String {
    let formatted = match schema["format"].as_str() {
        Some("date-time") => Some("2026-01-01T09:00:00Z"),
        Some("date") => Some("2026-01-01"),
        Some("time") => Some("09:00:00"),
        Some("email") => Some("simulated@example.com"),
        Some("uri") => Some("https://example.com/simulated"),
        Some("uuid") => Some("00000000-0000-4000-8000-000000000000"),
        Some(_) | None => None,
    };
    if let Some(formatted) = formatted {
        return formatted.to_owned();
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        return pattern::example(pattern);
    }
    let least = length(schema, "minLength").unwrap_or(0).min(1_000);
    let most = length(schema, "maxLength").unwrap_or(usize::MAX);
    let filler = std::iter::repeat_n('.', least);
    let plain = format!("simulated {name}");
    let missing = least.saturating_sub(plain.chars().count());
    plain.chars().chain(filler.take(missing)).take(most).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn required_properties_are_made_by_their_type() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer", "minimum": 3, "maximum": 9},
                "share": {"type": "number", "minimum": 0, "maximum": 1},
                "sure": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
                "place": {"type": "object", "properties": {"lat": {"type": "number"}},
                          "required": ["lat"]},
                "note": {"type": ["string", "null"]},
                "kind": {"const": "forecast"},
                "unwanted": {"type": "string"},
            },
            "required": ["city", "unit", "days", "share", "sure", "tags", "place", "note", "kind"],
        });
        assert_eq!(
            example(&schema),
            json!({
                "city": "simulated city", "unit": "celsius", "days": 3, "share": 0.5, "sure": true,
                "tags": ["simulated tags", "simulated tags"], "place": {"lat": 1.5},
                "note": "simulated note", "kind": "forecast",
            })
        );
    }

    #[test]
    fn references_and_alternatives_are_followed() {
        let schema = json!({
            "$defs": {"Point": {"type": "object", "properties": {"x": {"type": "integer"}}}},
            "type": "object",
            "properties": {
                "at": {"$ref": "#/$defs/Point"},
                "or": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Point"}]},
                "all": {"allOf": [{"$ref": "#/$defs/Point"}, {"properties": {"y": {"const": 2}}}]},
            },
        });
        assert_eq!(
            example(&schema),
            json!({"at": {"x": 1}, "or": {"x": 1}, "all": {"x": 1, "y": 2}})
        );
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let tree = json!({
            "type": "object",
            "properties": {
                "children": {"type": "array", "items": {"$ref": "#"}},
                "parent": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            },
            "required": ["children", "parent"],
        });
        assert!(example(&tree)["children"][0].is_object());

        let twins = json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}},
                           "required": ["a", "b"]});
        assert!(example(&twins).is_object());
    }

    #[test]
    fn bounds_of_texts_and_numbers_are_kept() {
        assert_eq!(example(&json!({"type": "string", "maxLength": 3})), json!("sim"));
        let long = example(&json!({"type": "string", "minLength": 40}));
        assert_eq!(long.as_str().unwrap().len(), 40);
        assert_eq!(example(&json!({"type": "string", "format": "date"})), json!("2026-01-01"));
        assert_eq!(example(&json!({"type": "string", "pattern": "^[A-Z]{2}$"})), json!("AA"));
        assert_eq!(example(&json!({"type": "integer", "minimum": 7, "multipleOf": 5})), json!(10));
        assert_eq!(example(&json!({"type": "integer", "exclusiveMinimum": 9.0})), json!(10));
        assert_eq!(example(&json!({"type": "integer", "maximum": -4})), json!(-4));
        assert_eq!(example(&json!(true)), json!("simulated value"));
    }
}
