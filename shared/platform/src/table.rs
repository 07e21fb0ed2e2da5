//! The one table: its keys, and reading and writing attributes.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `CODE#<code>` | `CODE` | the event that a code names |
//! | `EVENT#<id>` | `EVENT` | an event's settings |
//! | `EVENT#<id>` | `ACCOUNT` | the event's account |
//! | `EVENT#<id>` | `ATTENDEE#<user>` | an attendee's account |
//! | `EVENT#<id>` | `HOUR#<utc hour>#<model>` | counters for charts; `-` where no model was chosen |
//! | `EVENT#<id>#<shard>` | `ACCOUNT` | a shard of the event's account, from the second on |
//! | `EVENT#<id>#<shard>` | `HOUR#<utc hour>#<model>` | what of the hour that shard admitted |
//! | `EVENT#<id>` | `AUDIT#<instant>#<id>` | who changed what |
//! | `ORGANISER#<id>` | `EVENT#<id>` | an organiser's events |
//! | `ORGANISER#<id>` | `DEPLOYMENT#<name>#<replica>` | an organiser's deployments |
//! | `TOKEN#<sha-256>` | `TOKEN` | the organiser whom a token names |
//! | `SWEEP` | `EVENT#<id>` | events that the sweep looks at |
//! | `REQUEST#<request id>` | `REQUEST` | a usage record, with its rating |
//! | `EVENT#<id>` | `SESSION#<session>#<user>#<request id>` | a request in the session that its client named |
//! | `EVENT#<id>` | `ISSUED#<token id>` | a signed token that was issued, without the token |
//! | `RATING#<event id>` | `<instant>#<request id>` | a rating, for reports |
//! | `CLAIM#<event id>` | `<user>` | who has claimed a user's name, by a hash of the proof |
//! | `OWN#<event id>#<user>` | `DEPLOYMENT#<name>#<replica>` | deployments that one attendee alone uses |
//! | `OBJECTS#<event id>` | `<user>#<kind>#<upstream id>` | whose an object kept upstream is |
//! | `JOBS` | `EVENT#<id>#<user>#<kind>#<upstream id>` | runs and films whose end nobody has seen |
//! | `MARKS` | `EVENT#<id>` | events that may have such objects |

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use lanyard_domain::account::AccountKey;
use lanyard_domain::ids::{
    DeploymentName, EventId, OrganiserId, Replica, RequestId, SessionId, TokenId,
};
use lanyard_domain::object::{Kind, ObjectId, Owned, Owner};
use lanyard_domain::token::{EventCode, UserId};
use lanyard_gateway::ports::Cause;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An item as DynamoDB has it.
pub type Item = HashMap<String, AttributeValue>;

/// The table, and how to reach it.
#[derive(Clone, Debug)]
pub struct Table {
    /// The engine.
    pub client: Client,
    /// The table's name.
    pub name: String,
}

impl Table {
    /// A query of the items of a partition whose sort keys begin so.
    pub(crate) fn below(&self, pk: String, prefix: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":prefix", text(prefix))
    }
}

/// The key of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// The event that a code names.
    #[must_use]
    pub fn code(code: &EventCode) -> Self {
        Self::new(Partition::Code.of(code.as_str()), "CODE")
    }

    /// An event's settings.
    #[must_use]
    pub fn event(id: &EventId) -> Self {
        Self::new(event_pk(id), "EVENT")
    }

    /// An account.
    #[must_use]
    pub fn account(key: &AccountKey) -> Self {
        match key {
            AccountKey::Event(event) => Self::new(event_pk(event), "ACCOUNT"),
            AccountKey::Shard(event, shard) => Self::new(shard_pk(event, *shard), "ACCOUNT"),
            AccountKey::Attendee(event, user) => {
                Self::new(event_pk(event), format!("{ATTENDEE_PREFIX}{user}"))
            }
        }
    }

    /// The counters of a model in an hour, next to a shard of the event's account.
    #[must_use]
    pub fn hour(
        event: &EventId,
        shard: u16,
        at: DateTime<Utc>,
        model: Option<&DeploymentName>,
    ) -> Self {
        let model = model.map_or(NO_MODEL, DeploymentName::as_str);
        let hour = at.format("%Y-%m-%dT%H");
        Self::new(shard_pk(event, shard), format!("{HOUR_PREFIX}{hour}#{model}"))
    }

    /// A change by an organiser.
    #[must_use]
    pub fn audit(event: &EventId, at: DateTime<Utc>, id: &RequestId) -> Self {
        Self::new(
            event_pk(event),
            format!("{AUDIT_PREFIX}{}#{id}", at.format("%Y-%m-%dT%H:%M:%S%.6fZ")),
        )
    }

    /// One of an organiser's events.
    #[must_use]
    pub fn organisers_event(organiser: &OrganiserId, event: &EventId) -> Self {
        Self::new(organiser_pk(organiser), format!("{EVENT_PREFIX}{event}"))
    }

    /// One of an organiser's deployments.
    #[must_use]
    pub fn deployment(organiser: &OrganiserId, name: &DeploymentName, replica: &Replica) -> Self {
        Self::new(organiser_pk(organiser), format!("{DEPLOYMENT_PREFIX}{name}#{replica}"))
    }

    /// The organiser whom a token names, by the token's hash.
    #[must_use]
    pub fn token(sha256_hex: &str) -> Self {
        Self::new(Partition::Token.of(sha256_hex), "TOKEN")
    }

    /// An event that the sweep looks at.
    #[must_use]
    pub fn sweep(event: &EventId) -> Self {
        Self::new(Partition::Sweep.of(""), format!("{EVENT_PREFIX}{event}"))
    }

    /// A usage record.
    #[must_use]
    pub fn request(id: &RequestId) -> Self {
        Self::new(Partition::Request.of(id.as_str()), "REQUEST")
    }

    /// An object kept upstream, by its owner and its id.
    #[must_use]
    pub fn object(owner: &Owner, kind: Kind, id: &ObjectId) -> Self {
        let sk = format!("{}{id}", objects_prefix(&owner.user, kind));
        Self::new(objects_pk(&owner.event), sk)
    }

    /// A run or a film whose end nobody has seen.
    #[must_use]
    pub fn job(job: &Owned) -> Self {
        let (event, prefix) = (&job.event, objects_prefix(&job.user, job.kind));
        Self::new(Partition::Jobs.of(""), format!("{EVENT_PREFIX}{event}#{prefix}{}", job.id))
    }

    /// That an event may have objects.
    #[must_use]
    pub fn mark(event: &EventId) -> Self {
        Self::new(Partition::Marks.of(""), format!("{EVENT_PREFIX}{event}"))
    }

    /// A request in the session that its client named.
    #[must_use]
    pub fn in_session(event: &EventId, session: &SessionId, user: &UserId, id: &RequestId) -> Self {
        Self::new(event_pk(event), format!("{}{id}", session_prefix(session, user)))
    }

    /// A signed token that was issued.
    #[must_use]
    pub fn issued(event: &EventId, token: &TokenId) -> Self {
        Self::new(event_pk(event), format!("{ISSUED_PREFIX}{token}"))
    }

    /// The rating of a request that was admitted at an instant.
    #[must_use]
    pub fn rating(event: &EventId, admitted_at: DateTime<Utc>, id: &RequestId) -> Self {
        let at = admitted_at.format("%Y-%m-%dT%H:%M:%S%.6fZ");
        Self::new(rating_pk(event), format!("{at}#{id}"))
    }

    /// The claim of a user's name.
    #[must_use]
    pub fn claim(event: &EventId, user: &UserId) -> Self {
        Self::new(Partition::Claim.of(event.as_str()), user.as_str())
    }

    /// A deployment that one attendee alone uses.
    #[must_use]
    pub fn own(event: &EventId, user: &UserId, name: &DeploymentName, replica: &Replica) -> Self {
        Self::new(own_pk(event, user), format!("{DEPLOYMENT_PREFIX}{name}#{replica}"))
    }

    /// The key's two attributes.
    #[must_use]
    pub fn attributes(self) -> Item {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk)),
            ("sk".to_owned(), AttributeValue::S(self.sk)),
        ])
    }
}

/// How the sort keys of attendees' accounts begin.
pub const ATTENDEE_PREFIX: &str = "ATTENDEE#";
/// How the sort keys of hourly counters begin.
pub const HOUR_PREFIX: &str = "HOUR#";

/// In place of a model, where none was chosen. No deployment can have this name.
pub const NO_MODEL: &str = "-";
/// How the sort keys of audit entries begin.
pub const AUDIT_PREFIX: &str = "AUDIT#";
/// How the sort keys of deployments begin.
pub const DEPLOYMENT_PREFIX: &str = "DEPLOYMENT#";
/// How the sort keys of references to events begin.
pub const EVENT_PREFIX: &str = "EVENT#";
/// How the sort keys of requests in sessions begin.
pub const SESSION_PREFIX: &str = "SESSION#";
/// How the sort keys of an attendee's requests in a session begin.
#[must_use]
pub fn session_prefix(session: &SessionId, user: &UserId) -> String {
    format!("{SESSION_PREFIX}{session}#{}#", parted(user))
}

/// How the sort keys of issued tokens begin.
pub const ISSUED_PREFIX: &str = "ISSUED#";

/// The kinds of partitions. What a function may do at the table is granted by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Partition {
    /// What a code names.
    Code,
    /// Everything of an event.
    Event,
    /// Everything of an organiser.
    Organiser,
    /// What a token names.
    Token,
    /// The events that the sweep looks at: one partition.
    Sweep,
    /// A usage record.
    Request,
    /// The ratings of an event.
    Rating,
    /// The names that have been claimed at an event.
    Claim,
    /// The deployments that one attendee alone uses.
    Own,
    /// The objects of an event that are kept upstream.
    Objects,
    /// The events that may have such objects: one partition.
    Marks,
    /// The runs and films whose end nobody has seen: one partition.
    Jobs,
}

impl Partition {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Code,
        Self::Event,
        Self::Organiser,
        Self::Token,
        Self::Sweep,
        Self::Request,
        Self::Rating,
        Self::Claim,
        Self::Own,
        Self::Objects,
        Self::Marks,
        Self::Jobs,
    ];

    /// How the keys of such partitions begin; the whole key of the sweep's.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Code => "CODE#",
            Self::Event => EVENT_PREFIX,
            Self::Organiser => "ORGANISER#",
            Self::Token => "TOKEN#",
            Self::Sweep => "SWEEP",
            Self::Request => "REQUEST#",
            Self::Rating => "RATING#",
            Self::Claim => "CLAIM#",
            Self::Own => "OWN#",
            Self::Objects => "OBJECTS#",
            Self::Marks => "MARKS",
            Self::Jobs => "JOBS",
        }
    }

    /// The key of one such partition.
    #[must_use]
    pub fn of(self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    /// The keys of all such partitions, in the words of an IAM policy.
    #[must_use]
    pub fn pattern(self) -> String {
        match self {
            Self::Code
            | Self::Event
            | Self::Organiser
            | Self::Token
            | Self::Request
            | Self::Rating
            | Self::Claim
            | Self::Own
            | Self::Objects => self.of("*"),
            Self::Sweep | Self::Marks | Self::Jobs => self.of(""),
        }
    }
}

/// The partition of the objects of an event.
#[must_use]
pub fn objects_pk(event: &EventId) -> String {
    Partition::Objects.of(event.as_str())
}

/// How the sort keys of an attendee's objects of a kind begin.
#[must_use]
pub fn objects_prefix(user: &UserId, kind: Kind) -> String {
    format!("{}#{kind}#", parted(user))
}

/// A user's name within a key. It may hold any character, the separator too; encoded, it ends
/// where it ends.
fn parted(user: &UserId) -> String {
    user.as_str().replace('%', "%25").replace('#', "%23")
}

/// The partition of a shard of an event's account; the first is in the event's own.
#[must_use]
pub fn shard_pk(event: &EventId, shard: u16) -> String {
    let first = event_pk(event);
    if shard == 0 { first } else { format!("{first}#{shard}") }
}

/// The partition of everything of an event.
#[must_use]
pub fn event_pk(id: &EventId) -> String {
    Partition::Event.of(id.as_str())
}

/// The partition of an event's ratings.
#[must_use]
pub fn rating_pk(id: &EventId) -> String {
    Partition::Rating.of(id.as_str())
}

/// The partition of the deployments that one attendee alone uses.
#[must_use]
pub fn own_pk(event: &EventId, user: &UserId) -> String {
    Partition::Own.of(&format!("{event}#{user}"))
}

/// The partition of everything of an organiser.
#[must_use]
pub fn organiser_pk(id: &OrganiserId) -> String {
    Partition::Organiser.of(id.as_str())
}

/// The schema that this code writes. It reads this one and the one before.
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
/// If it is missing or no text.
pub fn get_text<'i>(item: &'i Item, name: &str) -> Result<&'i str, Cause> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| format!("the item has no text {name:?}").into())
}

/// The whole number of an attribute; `None` if it is missing.
///
/// # Errors
///
/// If it is no whole number.
pub fn get_number(item: &Item, name: &str) -> Result<Option<i64>, Cause> {
    item.get(name).map(|value| whole_number(name, value)).transpose()
}

/// The whole number that an attribute of this name holds.
///
/// # Errors
///
/// If it is no whole number.
pub fn whole_number(name: &str, value: &AttributeValue) -> Result<i64, Cause> {
    let number = value.as_n().ok().and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| format!("the item's {name:?} is no whole number").into())
}

/// A value that is read and written whole, as one attribute of JSON beside its schema.
///
/// # Errors
///
/// If it cannot be written as JSON, which no type of ours does.
pub fn put_document(item: &mut Item, value: &impl Serialize) -> Result<(), Cause> {
    item.insert("schema".to_owned(), number(SCHEMA));
    item.insert("document".to_owned(), text(serde_json::to_string(value)?));
    Ok(())
}

/// The value that [`put_document`] wrote.
///
/// # Errors
///
/// If the schema is newer than this code, or the document malformed.
pub fn get_document<T: DeserializeOwned>(item: &Item) -> Result<T, Cause> {
    let schema = get_number(item, "schema")?.unwrap_or_default();
    if !(SCHEMA - 1..=SCHEMA).contains(&schema) {
        return Err(format!("the item's schema is {schema}, this code reads up to {SCHEMA}").into());
    }
    Ok(serde_json::from_str(get_text(item, "document")?)?)
}

/// The user whose account has this sort key.
#[must_use]
pub fn user_of(item: &Item) -> Option<UserId> {
    get_text(item, "sk").ok()?.strip_prefix(ATTENDEE_PREFIX)?.parse().ok()
}

/// Creates the table, for engines that start empty, unless it is there.
///
/// `attributes` and `keys` are pairs of a name and DynamoDB's word for its type or its role.
///
/// # Errors
///
/// If the engine does not answer or refuses the definition.
pub async fn create(
    table: &Table,
    attributes: &[(String, String)],
    keys: &[(String, String)],
) -> Result<(), Cause> {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement};
    let mut request = table
        .client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in attributes {
        let definition = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(kind.as_str().into())
            .build()?;
        request = request.attribute_definitions(definition);
    }
    for (name, role) in keys {
        let element = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(role.as_str().into())
            .build()?;
        request = request.key_schema(element);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(refused) if refused.is_resource_in_use_exception() => Ok(()),
            _ => Err(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::catalog::Deployment;
    use lanyard_domain::credential::{Authority, Credential, Identity};
    use lanyard_domain::entry::Access;
    use lanyard_domain::event::{Event, OwnDeployments, Signing};
    use lanyard_domain::usage::UsageRecord;
    use lanyard_gateway::people::Claim;

    use super::*;

    fn item(schema: i64, document: &str) -> Item {
        HashMap::from([
            ("schema".to_owned(), number(schema)),
            ("document".to_owned(), text(document)),
        ])
    }

    /// Items that stand in tables. A change that cannot read them needs a new schema, and code
    /// that still reads this one.
    #[test]
    fn items_of_schema_1_stay_readable() {
        let event = item(1, include_str!("../golden/event.1.json"));
        let event: Event = get_document(&event).unwrap();
        assert_eq!((event.name.as_str(), event.allowances.attendees), ("Oslo Hack", Some(300)));
        let deployment = item(1, include_str!("../golden/deployment.1.json"));
        let deployment: Deployment = get_document(&deployment).unwrap();
        let key = Credential::Key("main/gpt-4o-mini/sweden".to_owned());
        assert_eq!(deployment.credential, key);
        let deployment = item(1, include_str!("../golden/deployment-identity.1.json"));
        let deployment: Deployment = get_document(&deployment).unwrap();
        let identity = Credential::Identity(Identity {
            tenant_id: "contoso.onmicrosoft.com".parse().unwrap(),
            client_id: "6731de76-14a6-49ae-97bc-6eba6914391e".parse().unwrap(),
            authority: Authority::Public,
        });
        assert_eq!(deployment.credential, identity);
    }

    /// What is written now is what the golden files hold, so that a function of the release before
    /// reads a deployment with a key, whatever this one knows of identities.
    #[test]
    fn deployments_are_written_as_the_golden_items() {
        for golden in [
            include_str!("../golden/deployment.1.json"),
            include_str!("../golden/deployment-identity.1.json"),
        ] {
            let deployment: Deployment = serde_json::from_str(golden).unwrap();
            let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
            assert_eq!(serde_json::to_value(&deployment).unwrap(), golden);
        }
        let object = item(1, include_str!("../golden/object.1.json"));
        let object: Owned = get_document(&object).unwrap();
        assert_eq!((object.kind, object.id.as_str()), (Kind::VectorStore, "vs_0a1B"));
    }

    #[test]
    fn items_of_schema_1_mean_what_they_did() {
        let event = item(1, include_str!("../golden/event.1.json"));
        let event: Event = get_document(&event).unwrap();
        assert_eq!((event.access, event.own_deployments), (Access::Open, OwnDeployments::None));
        assert!(event.records_requests && event.signing == Signing::default());
        assert!(!event.contact.is_email_public);
        let record = item(1, include_str!("../golden/record.1.json"));
        let record: UsageRecord = get_document(&record).unwrap();
        assert_eq!((record.session, record.own_charge), (None, None));
    }

    #[test]
    fn items_of_schema_2_stay_readable() {
        let event = item(2, include_str!("../golden/event.2.json"));
        let event: Event = get_document(&event).unwrap();
        assert_eq!(event.access, Access::Registered { auto_register: true });
        assert_eq!(event.signing.revoked.len(), 1);
        let record = item(2, include_str!("../golden/record.2.json"));
        let record: UsageRecord = get_document(&record).unwrap();
        assert_eq!(record.answer.unwrap().as_str(), "chatcmpl-1");
        assert_eq!(record.own_charge.unwrap().tokens(), 22);
        let claim = item(2, include_str!("../golden/claim.2.json"));
        assert_eq!(get_document::<Claim>(&claim).unwrap().number, 77);
    }

    #[test]
    fn items_of_a_newer_schema_are_refused() {
        let newer = item(SCHEMA + 1, include_str!("../golden/event.1.json"));
        assert!(get_document::<Event>(&newer).is_err());
        assert!(get_document::<Event>(&item(SCHEMA, "{}")).is_err());
        assert!(get_document::<Event>(&Item::new()).is_err());
    }
}
