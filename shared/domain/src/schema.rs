//! The schemas of maps: over limits and over units, which follow from their lists, and over tools.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::allowance::{Allowance, Limit};
use crate::hosted_tools::{HostedTool, HostedTools};
use crate::unit::{Unit, Units};

impl JsonSchema for Allowance {
    fn schema_name() -> Cow<'static, str> {
        "Allowance".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let limit = |limit: &Limit| {
            let schema = json!({
                "type": ["integer", "null"],
                "minimum": 1,
                "description": format!("{limit}, or `null` for no limit."),
            });
            (limit.name().to_owned(), schema)
        };
        let properties: Map<String, Value> = Limit::ALL.iter().map(limit).collect();
        let names: Vec<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
        json_schema!({"type": "object", "properties": properties, "required": names})
    }
}

impl JsonSchema for HostedTools {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HostedTools".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let decision = schemas.subschema_for::<HostedTool>();
        json_schema!({"type": "object", "additionalProperties": decision})
    }
}

impl JsonSchema for Units {
    fn schema_name() -> Cow<'static, str> {
        "Units".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let unit = |unit: &Unit| {
            let schema = json!({"type": "integer", "minimum": 1, "description": unit.words()});
            (unit.name().to_owned(), schema)
        };
        let properties: Map<String, Value> = Unit::ALL.iter().map(unit).collect();
        json_schema!({"type": "object", "properties": properties})
    }
}
