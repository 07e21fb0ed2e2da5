//! An event as a body describes it: each field read by itself, nothing compared yet.

use std::collections::BTreeMap;

use lanyard_domain::access::Access;
use lanyard_domain::allowance::{Allowance, Limit, Preset};
#[cfg(feature = "schema")]
use lanyard_domain::by_model::ModelLimits;
use lanyard_domain::hosted_tools::{
    CLIENT_EXECUTED, HostedTool, KNOWN_HOSTED, is_client_executed, is_type_name,
};
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::instant::InvalidInstant;
use lanyard_domain::limit::Quantity;
use lanyard_domain::operation::Operation;
use lanyard_domain::shard;
use lanyard_domain::token::EventCode;
use lanyard_domain::unit::Unit;
use lanyard_domain::zone::Zone;
use serde_json::{Map, Value, json};

use super::people::PeopleDraft;
use crate::form::{Form, Given, Mistakes};
use crate::read::{self, Reader, reader, reads};
use crate::time::local_instant_schema;

/// Whether an event is made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Create,
    Change,
}

/// The fields of a body about an event.
pub(super) struct EventDraft {
    pub(super) name: Given<String>,
    /// As given: what it means depends on the zone.
    pub(super) starts_at: Given<String>,
    pub(super) ends_at: Given<String>,
    pub(super) time_zone: Given<Zone>,
    pub(super) code: Given<EventCode>,
    pub(super) attendees: Given<u64>,
    /// Only new events have one: the defaults are applied once.
    pub(super) preset: Given<Preset>,
    pub(super) deployments: Given<Vec<DeploymentName>>,
    pub(super) default_deployments: Given<Defaults>,
    pub(super) max_completion_tokens: Given<u64>,
    pub(super) max_choices: Given<u64>,
    pub(super) extra_tool_types: Given<Vec<String>>,
    pub(super) hosted_tools: Given<HostedDraft>,
    pub(super) keeps_objects: Given<bool>,
    pub(super) shards: Given<u64>,
    pub(super) allowances: Given<AllowancesDraft>,
    pub(super) contact: Given<ContactDraft>,
    pub(super) url: Given<String>,
    pub(super) url_text: Given<String>,
    pub(super) description: Given<String>,
    pub(super) image_url: Given<String>,
    pub(super) people: PeopleDraft,
}

/// The default deployments of a body; `None` leaves the choice to us.
pub(super) type Defaults = BTreeMap<Operation, Option<DeploymentName>>;

/// The decisions on hosted tools of a body; `None` for the default of a type.
pub(super) type HostedDraft = BTreeMap<String, Option<HostedTool>>;

pub(super) struct AllowancesDraft {
    pub(super) attendee: Given<LimitsDraft>,
    pub(super) event: Given<LimitsDraft>,
    pub(super) attendees: Given<u64>,
    pub(super) by_model: ByModelDraft,
}

/// The limits on single models that a body names, of each attendee and of the event.
pub(super) struct ByModelDraft {
    pub(super) attendee: Given<ModelsDraft>,
    pub(super) event: Given<ModelsDraft>,
}

/// The limits of each model that a body names; `None` where it lifts all of a model.
pub(crate) type ModelsDraft = Vec<(String, Option<LimitsDraft>)>;

/// The limits that a body names, `None` where it lifts one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitsDraft(pub(crate) BTreeMap<Limit, Option<u64>>);

pub(super) struct ContactDraft {
    pub(super) name: Given<String>,
    pub(super) email: Given<String>,
    pub(super) is_email_public: Given<bool>,
}

impl EventDraft {
    /// Reads every field of a body about an event with this access, and notes what is wrong with each.
    pub(super) fn read(
        purpose: Purpose,
        access: Access,
        body: &Map<String, Value>,
        mistakes: &Mistakes,
    ) -> Self {
        let form = Form::new(body, mistakes);
        let draft = Self {
            name: form.field("name", read::line(1..=128)),
            starts_at: form.field("starts_at", time()),
            ends_at: form.field("ends_at", time()),
            time_zone: form.field("time_zone", time_zone()),
            code: match purpose {
                Purpose::Create => form.field("code", read::parsed()),
                Purpose::Change => form.field("code", code_stays()),
            },
            attendees: form.field("attendees", read::whole(1..=100_000)),
            preset: match purpose {
                Purpose::Create => form.field("preset", read::one_of(&Preset::ALL)),
                Purpose::Change => Given::Absent,
            },
            deployments: form.field("deployments", read::list()),
            default_deployments: map(form.form("default_deployments"), defaults),
            max_completion_tokens: form.field("max_completion_tokens", read::whole(1..=1_000_000)),
            max_choices: form.field("max_choices", read::whole(1..=128)),
            extra_tool_types: form.field("extra_tool_types", tool_types()),
            hosted_tools: form.field("hosted_tools", hosted_tools()),
            keeps_objects: form.field("keeps_objects", read::yes_or_no()),
            shards: form.field("shards", read::whole(1..=shard::MOST.into())),
            allowances: map(form.form("allowances"), AllowancesDraft::read),
            contact: map(form.form("contact"), ContactDraft::read),
            url: form.field("url", read::address(&["https", "http"])),
            url_text: form.field("url_text", read::line(1..=128)),
            description: form.field("description", read::text(8_192)),
            image_url: form.field("image_url", read::address(&["https"])),
            people: PeopleDraft::read(&form, access),
        };
        form.close();
        draft
    }
}

/// A time as text; its value is read when the zone is known.
fn time() -> reads!(String) {
    reader(local_instant_schema, |value| {
        let text = value.as_str().map(ToOwned::to_owned);
        text.ok_or_else(|| InvalidInstant::Format.to_string())
    })
}

/// The types of tools that `extra_tool_types` may name. Tools that clients execute need no
/// permission, but may be named.
fn tool_types() -> reads!(Vec<String>) {
    let known = || KNOWN_HOSTED.into_iter().chain(CLIENT_EXECUTED).chain(["computer_use_preview"]);
    let schema = move || {
        let types: Vec<_> = known().collect();
        json!({"type": "array", "items": {"type": "string", "enum": types}})
    };
    reader(schema, move |value| {
        let one = |value: &Value| known().find(|known| value == known).map(ToOwned::to_owned);
        let listed = value.as_array().and_then(|list| list.iter().map(one).collect::<Option<_>>());
        listed.ok_or_else(|| {
            format!("must be a list of some of: {}", known().collect::<Vec<_>>().join(", "))
        })
    })
}

/// The most decisions on hosted tools. Azure knows about ten types.
const MOST_HOSTED: usize = 64;

/// Decisions on hosted tools; `null` is the default of a type.
fn hosted_tools() -> reads!(HostedDraft) {
    let schema = || {
        let decisions = DECISIONS.map(|(word, _)| json!(word));
        let decision = json!({"type": ["string", "null"], "enum":
            decisions.into_iter().chain([Value::Null]).collect::<Vec<_>>()});
        json!({
            "type": "object",
            "description": "By type of hosted tool, such as `web_search`. Types that are not named are dropped.",
            "propertyNames": {"pattern": "^[a-z0-9_]{1,64}$"},
            "additionalProperties": decision,
        })
    };
    reader(schema, |value| {
        let map = value.as_object().filter(|map| map.len() <= MOST_HOSTED).ok_or(HOSTED)?;
        map.iter().map(|(kind, value)| Ok((kind.clone(), hosted_tool(kind, value)?))).collect()
    })
}

fn hosted_tool(kind: &str, value: &Value) -> Result<Option<HostedTool>, String> {
    if !is_type_name(kind) {
        return Err("has a name that is no type of tool: write it as web_search".to_owned());
    }
    let decision = DECISIONS.into_iter().find(|(word, _)| value == word);
    match decision {
        None if value.is_null() => Ok(None),
        None => Err(HOSTED.to_owned()),
        Some((_, HostedTool::Drop | HostedTool::Refuse)) if is_client_executed(kind) => {
            Err(format!(
                "cannot forbid {kind}: clients execute these tools themselves, so they always pass"
            ))
        }
        Some((_, decision)) => Ok(Some(decision)),
    }
}

const DECISIONS: [(&str, HostedTool); 3] =
    [("allow", HostedTool::Allow), ("drop", HostedTool::Drop), ("refuse", HostedTool::Refuse)];

const HOSTED: &str =
    "must be an object such as {\"web_search\": \"allow\"}, each type with allow, drop or refuse";

fn time_zone() -> reads!(Zone) {
    let schema = || json!({"type": "string", "description": "An IANA name, such as Europe/Oslo."});
    reader(schema, |value| {
        let zone = value.as_str().and_then(|text| text.parse().ok());
        zone.ok_or_else(|| "must be the name of an IANA time zone, such as Europe/Oslo".to_owned())
    })
}

/// No value: the code is changed by another call.
fn code_stays() -> reads!(EventCode) {
    reader(
        || Value::Bool(false),
        |_| {
            Err("cannot be set here: POST to rotate-code, which can let the old code work for a \
                 while"
                .to_owned())
        },
    )
}

fn map<'a, T>(given: Given<Form<'a>>, read: impl FnOnce(Form<'a>) -> T) -> Given<T> {
    match given {
        Given::Value(form) => Given::Value(read(form)),
        Given::Absent => Given::Absent,
        Given::Null => Given::Null,
        Given::Wrong => Given::Wrong,
    }
}

fn defaults(form: Form<'_>) -> Defaults {
    let mut defaults = Defaults::new();
    for operation in Operation::ALL.iter().copied() {
        match form.field(operation.name(), read::parsed()) {
            Given::Value(name) => {
                defaults.insert(operation, Some(name));
            }
            Given::Null => {
                defaults.insert(operation, None);
            }
            Given::Absent | Given::Wrong => {}
        }
    }
    form.close();
    defaults
}

impl AllowancesDraft {
    fn read(form: Form<'_>) -> Self {
        let (event, attendee) = (form.form("event"), form.form("attendee"));
        let attendees = match &event {
            Given::Value(event) => event.field("attendees", read::limit()),
            Given::Absent | Given::Null | Given::Wrong => Given::Absent,
        };
        let by_model = ByModelDraft { attendee: models_of(&attendee), event: models_of(&event) };
        let draft = Self {
            attendee: map(attendee, LimitsDraft::read),
            event: map(event, LimitsDraft::read),
            attendees,
            by_model,
        };
        form.close();
        draft
    }
}

/// The limits on single models among those of an account. Without limits of the account, there are
/// none on models.
fn models_of(account: &Given<Form<'_>>) -> Given<ModelsDraft> {
    match account {
        Given::Value(account) => models(account),
        Given::Null => Given::Null,
        Given::Absent | Given::Wrong => Given::Absent,
    }
}

/// The limits on single models that an object names in `by_model`.
pub(crate) fn models(account: &Form<'_>) -> Given<ModelsDraft> {
    let models = account.forms("by_model", models_schema);
    let one = |(name, limits): (&str, Given<Form<'_>>)| match limits {
        Given::Value(limits) => Some((name.to_owned(), Some(LimitsDraft::of_model(limits)))),
        Given::Null => Some((name.to_owned(), None)),
        Given::Absent | Given::Wrong => None,
    };
    match models {
        Given::Value(models) => Given::Value(models.into_iter().filter_map(one).collect()),
        Given::Null => Given::Null,
        Given::Absent => Given::Absent,
        Given::Wrong => Given::Wrong,
    }
}

/// The schema of the limits by model in a body.
#[cfg(feature = "schema")]
fn models_schema() -> Value {
    ModelLimits::schema_of_body()
}

#[cfg(not(feature = "schema"))]
fn models_schema() -> Value {
    Value::Null
}

impl LimitsDraft {
    /// Reads the limits of one account.
    pub(crate) fn read(form: Form<'_>) -> Self {
        Self::among(Limit::ALL, form)
    }

    /// Reads the limits of one account on one model.
    fn of_model(form: Form<'_>) -> Self {
        Self::among(Limit::BY_MODEL, form)
    }

    fn among(known: &[Limit], form: Form<'_>) -> Self {
        let mut limits = BTreeMap::new();
        for limit in known.iter().copied() {
            let given = match limit.quantity() {
                Quantity::Unit(Unit::Usd) => form.field(limit.name(), read::limit_of_money()),
                Quantity::Requests | Quantity::Tokens | Quantity::Unit(_) => {
                    form.field(limit.name(), read::limit())
                }
            };
            match given {
                Given::Value(value) => {
                    limits.insert(limit, Some(value));
                }
                Given::Null => {
                    limits.insert(limit, None);
                }
                Given::Absent | Given::Wrong => {}
            }
        }
        form.close();
        Self(limits)
    }

    /// An allowance with these limits in it.
    pub(super) fn over(&self, allowance: Allowance) -> Allowance {
        self.0.iter().fold(allowance, |allowance, (limit, value)| allowance.with(*limit, *value))
    }
}

impl ContactDraft {
    fn read(form: Form<'_>) -> Self {
        let draft = Self {
            name: form.field("name", read::line(1..=128)),
            email: form.field("email", read::email()),
            is_email_public: form.field("email_public", read::yes_or_no()),
        };
        form.close();
        draft
    }
}
