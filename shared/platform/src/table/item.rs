//! Reading and writing the attributes of items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use lanyard_gateway::ports::Cause;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An item in the SDK's form.
pub type Item = HashMap<String, AttributeValue>;

/// The schema that this code writes. It reads this one and the previous one.
pub const SCHEMA: i64 = 2;

/// Text as an attribute.
#[must_use]
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number as an attribute.
#[must_use]
pub fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The text of an attribute.
///
/// # Errors
///
/// If it is missing or not text.
pub fn get_text<'i>(item: &'i Item, name: &str) -> Result<&'i str, Cause> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| format!("the item has no text {name:?}").into())
}

/// Where an item is in the table, for the log.
#[must_use]
pub fn place(item: &Item) -> String {
    let key = |name| get_text(item, name).unwrap_or("?");
    format!("{} {}", key("pk"), key("sk"))
}

/// The value of an item in a list. An item that cannot be read is logged and left out, so that the
/// others can be listed.
pub fn readable<T>(item: &Item, read: impl FnOnce(&Item) -> Result<T, Cause>) -> Option<T> {
    match read(item) {
        Ok(value) => Some(value),
        Err(cause) => {
            tracing::error!(item = place(item), cause, "item_unreadable");
            None
        }
    }
}

/// The whole number of an attribute; `None` if it is missing.
///
/// # Errors
///
/// If it is not a whole number.
pub fn get_number(item: &Item, name: &str) -> Result<Option<i64>, Cause> {
    item.get(name).map(|value| whole_number(name, value)).transpose()
}

/// The whole number in an attribute of this name.
///
/// # Errors
///
/// If it is not a whole number.
pub fn whole_number(name: &str, value: &AttributeValue) -> Result<i64, Cause> {
    let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| format!("the item's {name:?} is no whole number").into())
}

/// The same for a number that may have more than eighteen digits. Tables write those in any form:
/// `1200` and `1.2E+3` are one number.
///
/// # Errors
///
/// If it is not a whole number that is at least zero.
pub fn get_wide_number(item: &Item, name: &str) -> Result<Option<u128>, Cause> {
    let wide = |value: &AttributeValue| {
        let wrong = || format!("the item's {name:?} is no whole number");
        let digits = value.as_n().map_err(|_| wrong())?;
        Ok(wide_number(digits).ok_or_else(wrong)?)
    };
    item.get(name).map(wide).transpose()
}

fn wide_number(text: &str) -> Option<u128> {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: usize = exponent.trim_start_matches('+').parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let zeros = exponent.checked_sub(fraction.len()).filter(|zeros| *zeros < 39)?;
    format!("{whole}{fraction}{}", "0".repeat(zeros)).parse().ok()
}

/// Stores a value as one JSON attribute, next to its schema.
///
/// # Errors
///
/// If the value cannot be serialised, which does not happen with our types.
pub fn put_document(item: &mut Item, value: &impl Serialize) -> Result<(), Cause> {
    item.insert("schema".to_owned(), number(SCHEMA));
    item.insert("document".to_owned(), text(serde_json::to_string(value)?));
    Ok(())
}

/// The value that [`put_document`] stored.
///
/// # Errors
///
/// If the schema is newer than this code or the document is malformed.
pub fn get_document<T: DeserializeOwned>(item: &Item) -> Result<T, Cause> {
    let schema = get_number(item, "schema")?.unwrap_or_default();
    if !(SCHEMA - 1..=SCHEMA).contains(&schema) {
        return Err(format!("the item's schema is {schema}, this code reads up to {SCHEMA}").into());
    }
    Ok(serde_json::from_str(get_text(item, "document")?)?)
}

#[cfg(test)]
mod tests {
    use lanyard_domain::access::Access;
    use lanyard_domain::allowance::{Allowances, Limit};
    use lanyard_domain::bill::Priced;
    use lanyard_domain::catalog::Deployment;
    use lanyard_domain::credential::{Authority, Credential, Identity};
    use lanyard_domain::event::{Event, OwnDeployments, Signing};
    use lanyard_domain::hosted_tools::{HostedTool, HostedTools};
    use lanyard_domain::object::{Kind, Owned};
    use lanyard_domain::unit::Unit;
    use lanyard_domain::usage::UsageRecord;
    use lanyard_gateway::people::Claim;

    use super::*;

    fn item(schema: i64, document: &str) -> Item {
        HashMap::from([
            ("schema".to_owned(), number(schema)),
            ("document".to_owned(), text(document)),
        ])
    }

    /// Items as they exist in tables. A change that cannot read them needs a new schema, and code
    /// that still reads this one.
    #[test]
    fn items_of_schema_1_stay_readable() {
        let event = item(1, include_str!("../../golden/event.1.json"));
        let event: Event = get_document(&event).unwrap();
        assert_eq!((event.name.as_str(), event.allowances.attendees), ("Oslo Hack", Some(300)));
        let deployment = item(1, include_str!("../../golden/deployment.1.json"));
        let deployment: Deployment = get_document(&deployment).unwrap();
        let key = Credential::Key("main/gpt-4o-mini/sweden".to_owned());
        assert_eq!(deployment.credential, key);
        let deployment = item(1, include_str!("../../golden/deployment-identity.1.json"));
        let deployment: Deployment = get_document(&deployment).unwrap();
        let identity = Credential::Identity(Identity {
            tenant_id: "contoso.onmicrosoft.com".parse().unwrap(),
            client_id: "6731de76-14a6-49ae-97bc-6eba6914391e".parse().unwrap(),
            authority: Authority::Public,
        });
        assert_eq!(deployment.credential, identity);
    }

    /// The golden files hold what is written now. So the previous release can read a deployment
    /// with a key, although it does not know identities.
    #[test]
    fn deployments_are_written_as_the_golden_items() {
        for golden in [
            include_str!("../../golden/deployment.1.json"),
            include_str!("../../golden/deployment-identity.1.json"),
        ] {
            let deployment: Deployment = serde_json::from_str(golden).unwrap();
            let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
            assert_eq!(serde_json::to_value(&deployment).unwrap(), golden);
        }
        let object = item(1, include_str!("../../golden/object.1.json"));
        let object: Owned = get_document(&object).unwrap();
        assert_eq!((object.kind, object.id.as_str()), (Kind::VectorStore, "vs_0a1B"));
    }

    #[test]
    fn items_of_schema_1_keep_their_meaning() {
        let event = item(1, include_str!("../../golden/event.1.json"));
        let event: Event = get_document(&event).unwrap();
        assert_eq!((event.access, event.own_deployments), (Access::Open, OwnDeployments::None));
        assert!(event.records_requests && event.signing == Signing::default());
        assert!(!event.contact.is_email_public);
        let record = item(1, include_str!("../../golden/record.1.json"));
        let record: UsageRecord = get_document(&record).unwrap();
        assert_eq!((record.session, record.own_charge), (None, None));
    }

    #[test]
    fn items_of_schema_2_stay_readable() {
        let event = item(2, include_str!("../../golden/event.2.json"));
        let event: Event = get_document(&event).unwrap();
        assert_eq!(event.access, Access::Registered { auto_register: true });
        assert_eq!(event.signing.revoked.len(), 1);
        assert_eq!(event.hosted_tools, HostedTools::none());
        let allowing = include_str!("../../golden/event.2.json");
        let listed = r#""extra_tool_types": ["file_search"]"#;
        let allowing = allowing.replace(r#""extra_tool_types": []"#, listed);
        let event: Event = get_document(&item(2, &allowing)).unwrap();
        assert_eq!(event.hosted_tools.allowed(), ["file_search"]);
        let deciding = include_str!("../../golden/event-hosted-tools.2.json");
        let event: Event = get_document(&item(2, deciding)).unwrap();
        assert_eq!(event.hosted_tools.decision("web_search"), HostedTool::Refuse);
        assert_eq!(event.hosted_tools.allowed(), ["file_search"]);
        let record = item(2, include_str!("../../golden/record.2.json"));
        let record: UsageRecord = get_document(&record).unwrap();
        assert_eq!(record.response_id.unwrap().as_str(), "chatcmpl-1");
        assert_eq!(record.own_charge.unwrap().tokens(), 22);
        let claim = item(2, include_str!("../../golden/claim.2.json"));
        assert_eq!(get_document::<Claim>(&claim).unwrap().number, 77);
    }

    #[test]
    fn limits_and_charges_in_money_stay_readable() {
        let event = item(2, include_str!("../../golden/event-money.2.json"));
        let Allowances { attendee, event, .. } = get_document::<Event>(&event).unwrap().allowances;
        let limits = [attendee, event].map(|limits| limits.limit(Limit::UsdTotal));
        assert_eq!(limits, [Some(2_500_000_000), Some(50_000_000_000)]);
        assert_eq!(attendee.limit(Limit::UsdPerDay), Some(750_000_000));
        let record = item(2, include_str!("../../golden/record-money.2.json"));
        let record: UsageRecord = get_document(&record).unwrap();
        let bill = record.bill.unwrap();
        assert_eq!((record.charge.units.get(Unit::Usd), bill.nano_usd()), (4_350, 4_350));
        assert_eq!((&*bill.version, bill.count(Priced::CachedInput)), ("2026-11", 16));
        // Events and records of earlier releases have neither.
        let event = item(1, include_str!("../../golden/event.1.json"));
        let event: Event = get_document(&event).unwrap();
        assert!(
            !event.allowances.event.limits_money() && !event.allowances.attendee.limits_money()
        );
        let record = item(1, include_str!("../../golden/record.1.json"));
        let record: UsageRecord = get_document(&record).unwrap();
        assert_eq!((record.bill, record.charge.units.get(Unit::Usd)), (None, 0));
    }

    #[test]
    fn limits_on_models_stay_readable() {
        let golden = include_str!("../../golden/event-by-model.2.json");
        let allowances = get_document::<Event>(&item(2, golden)).unwrap().allowances;
        let name = "gpt-4o-mini".parse().unwrap();
        let limits = [&allowances.by_model.attendee, &allowances.by_model.event]
            .map(|limits| limits.of(&name).unwrap().iter().collect::<Vec<_>>());
        assert_eq!(limits[0], [(Limit::RequestsPerDay, 20), (Limit::RequestsTotal, 100)]);
        assert_eq!(limits[1], [(Limit::TokensTotal, 900_000), (Limit::UsdTotal, 12_500_000_000)]);
        let written = serde_json::to_value(&allowances.by_model).unwrap();
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        assert_eq!(written, golden["allowances"]["by_model"]);
        // Events of earlier releases have none, and none is written for them.
        let event = item(1, include_str!("../../golden/event.1.json"));
        let event: Event = get_document(&event).unwrap();
        assert!(event.allowances.by_model.is_empty());
        assert!(!serde_json::to_string(&event.allowances).unwrap().contains("by_model"));
    }

    #[test]
    fn items_of_a_newer_schema_are_refused() {
        let newer = item(SCHEMA + 1, include_str!("../../golden/event.1.json"));
        assert!(get_document::<Event>(&newer).is_err());
        assert!(get_document::<Event>(&item(SCHEMA, "{}")).is_err());
        assert!(get_document::<Event>(&Item::new()).is_err());
    }

    #[test]
    fn a_wide_number_is_read_in_each_form() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1200", Some(1_200)),
            ("1.2E+3", Some(1_200)),
            ("1E3", Some(1_000)),
            (
                "12345678901234567890123456789012345678",
                Some(12_345_678_901_234_567_890_123_456_789_012_345_678),
            ),
            ("1.25E+1", None),
            ("-1", None),
            ("1E+99", None),
            ("one", None),
        ] {
            assert_eq!(wide_number(text), expected, "{text}");
        }
    }
}
