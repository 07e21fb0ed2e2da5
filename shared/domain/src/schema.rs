//! The schemas of maps: over limits and over units, which follow from their lists, and over tools.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::allowance::{Allowance, Limit};
use crate::amount::Amount;
use crate::by_model::ModelLimits;
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

/// The schema of limits by model. In a body, `null` lifts a limit, or all of a model.
fn model_limits(is_body: bool) -> Value {
    let limit = |limit: &Limit| {
        let (kind, least) = number(limit.quantity());
        let kind = if is_body { json!([kind, "null"]) } else { json!(kind) };
        let words = format!("{limit}.");
        (limit.name().to_owned(), json!({"type": kind, "minimum": least, "description": words}))
    };
    let properties: Map<String, Value> = Limit::BY_MODEL.iter().map(limit).collect();
    let kind = if is_body { json!(["object", "null"]) } else { json!("object") };
    json!({
        "type": "object",
        "description": "Limits on single models, by the names under which the event offers them: at \
                        most four in all.",
        "additionalProperties": {
            "type": kind, "properties": properties, "additionalProperties": false,
        },
    })
}

impl ModelLimits {
    /// The schema of a body that sets and lifts them.
    #[must_use]
    pub fn schema_of_body() -> Value {
        model_limits(true)
    }
}

impl JsonSchema for ModelLimits {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ModelLimits".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::try_from(model_limits(false)).unwrap_or_default()
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
