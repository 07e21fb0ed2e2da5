//! The schemas of maps: over limits and over units, which follow from their lists, and over tools.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::allowance::{Allowance, Limit};
use crate::amount::Amount;
use crate::hosted_tools::{HostedTool, HostedTools};
use crate::limit::Quantity;
use crate::unit::{Unit, Units};

/// The type of an amount in JSON, and the least that is not nothing.
fn number(quantity: Quantity) -> (&'static str, Value) {
    match quantity {
        Quantity::Unit(Unit::Usd) => ("number", json!(1e-9)),
        Quantity::Requests | Quantity::Tokens | Quantity::Unit(_) => ("integer", json!(1)),
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": 0})
    }
}

impl JsonSchema for Allowance {
    fn schema_name() -> Cow<'static, str> {
        "Allowance".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let limit = |limit: &Limit| {
            let (kind, least) = number(limit.quantity());
            let schema = json!({
                "type": [kind, "null"],
                "minimum": least,
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
            let (kind, least) = number(Quantity::Unit(*unit));
            let schema = json!({"type": kind, "minimum": least, "description": unit.words()});
            (unit.name().to_owned(), schema)
        };
        let properties: Map<String, Value> = Unit::ALL.iter().map(unit).collect();
        json_schema!({"type": "object", "properties": properties})
    }
}
