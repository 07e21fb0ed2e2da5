//! A limit is one row of the domain's table. These places describe it separately; everything else
//! goes over the table.

use lanyard_domain::limit::Limit;
use serde_json::Value;

fn unnamed(is_named: impl Fn(&str) -> bool) -> Vec<&'static str> {
    Limit::ALL.iter().map(|limit| limit.name()).filter(|name| !is_named(name)).collect()
}

#[test]
fn the_pages_describe_every_limit() {
    let pages = include_str!("../../functions/pages/web/texts/common.js");
    let missing = unnamed(|name| pages.contains(&format!("\n  {name}: \"")));
    assert!(
        missing.is_empty(),
        "LIMIT_NAMES in functions/pages/web/texts/common.js lacks {missing:?}"
    );
}

#[test]
fn openapi_describes_every_limit() {
    let openapi = include_str!("../../functions/pages/assets/openapi.json");
    let openapi: Value = serde_json::from_str(openapi).unwrap();
    for schema in ["AttendeeAllowance", "EventAllowance"] {
        let allowance = &openapi["components"]["schemas"][schema]["properties"];
        let missing = unnamed(|name| allowance[name].is_object());
        assert!(missing.is_empty(), "the schema {schema} in openapi.json lacks {missing:?}");
    }
}
