//! What a draft makes of an event: defaults, and whether its fields go together.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use lanyard_domain::allowance::{Allowances, Capacity};
use lanyard_domain::catalog::{Catalog, Deployment};
use lanyard_domain::entry::Access;
use lanyard_domain::event::{Contact, Event, OwnDeployments, Page, Signing};
use lanyard_domain::ids::{DeploymentName, EventId, OrganiserId};
use lanyard_domain::operation::Operation;
use lanyard_domain::shard;
use lanyard_domain::token::EventCode;
use lanyard_domain::window::{Window, parse_instant};
use lanyard_domain::zone::Zone;
use serde_json::{Map, Value};

use super::draft::{AllowancesDraft, ContactDraft, Defaults, EventDraft, Purpose};
use crate::error::AdminError;
use crate::form::{Given, Mistakes};

/// The crowd that is expected unless the organiser says otherwise.
const USUAL_CROWD: u64 = 100;
/// The largest completion unless the organiser says otherwise.
const USUAL_COMPLETION: u64 = 4_096;
/// The most choices unless the organiser says otherwise.
const USUAL_CHOICES: u64 = 1;
/// The longest event.
const LONGEST_DAYS: i64 = 31;

/// What a new event has that its organiser does not choose.
pub(super) struct Birth<'b> {
    pub(super) id: EventId,
    pub(super) organiser: &'b OrganiserId,
    pub(super) user_salt: String,
    pub(super) luck: [u8; 8],
    pub(super) now: DateTime<Utc>,
}

/// The event that a body describes.
///
/// # Errors
///
/// 400 with every mistake.
pub(super) fn created(
    body: &Map<String, Value>,
    birth: Birth<'_>,
    deployments: &[Deployment],
) -> Result<(Event, CodeIs), AdminError> {
    let mistakes = Mistakes::default();
    let draft = EventDraft::read(Purpose::Create, Access::Open, body, &mistakes);
    let name = required("name", draft.name, &mistakes);
    let window = new_window(draft.starts_at, draft.ends_at, draft.time_zone, &mistakes);
    let offered = offered(draft.deployments, None, deployments, &mistakes);
    let catalog = Catalog::new(deployments.to_vec(), offered.as_deref());
    let default_deployments =
        defaults(draft.default_deployments, &BTreeMap::new(), &catalog, &mistakes);
    let expected_attendees = draft.attendees.or(USUAL_CROWD, USUAL_CROWD);
    let max_completion_tokens = draft.max_completion_tokens.or(USUAL_COMPLETION, USUAL_COMPLETION);
    let usual =
        Allowances::for_crowd(expected_attendees, max_completion_tokens, capacity(&catalog));
    let code = draft.code.value();
    let code_is = if code.is_some() { CodeIs::Chosen } else { CodeIs::Drawn };
    let event = name.zip(window).map(|(name, window)| Event {
        code: code.unwrap_or_else(|| EventCode::generate(&name, birth.luck)),
        id: birth.id,
        organiser: birth.organiser.clone(),
        name,
        window,
        is_paused: false,
        expected_attendees,
        allowances: allowances(draft.allowances, usual, usual),
        deployments: offered,
        default_deployments,
        max_completion_tokens,
        max_choices: draft.max_choices.or(USUAL_CHOICES, USUAL_CHOICES),
        extra_tool_types: draft.extra_tool_types.value().unwrap_or_default(),
        keeps_objects: draft.keeps_objects.or(false, false),
        contact: contact(draft.contact, Contact::default()),
        page: Page {
            url: draft.url.value().unwrap_or_default(),
            url_text: draft.url_text.value().unwrap_or_default(),
            description: draft.description.value().unwrap_or_default(),
            image_url: draft.image_url.value().unwrap_or_default(),
        },
        user_salt: birth.user_salt,
        version: 1,
        created_at: birth.now,
        access: Access::Open,
        own_deployments: OwnDeployments::None,
        records_requests: true,
        signing: Signing::default(),
        shards: draft.shards.or(1, 1).try_into().unwrap_or(1),
    });
    let event = event.and_then(|event| draft.people.over(event));
    check_shards(event.as_ref(), &mistakes);
    mistakes.unless_any(event.map(|event| (event, code_is)))
}

/// Where a code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeIs {
    /// The organiser chose it.
    Chosen,
    /// We drew it, and can draw another.
    Drawn,
}

/// An event with what a body says of it. What the body does not name stays.
///
/// # Errors
///
/// 400 with every mistake.
pub(super) fn changed(
    event: &Event,
    body: &Map<String, Value>,
    deployments: &[Deployment],
) -> Result<Event, AdminError> {
    let mistakes = Mistakes::default();
    let draft = EventDraft::read(Purpose::Change, event.access, body, &mistakes);
    for (field, is_null) in [
        ("name", draft.name == Given::Null),
        ("starts_at", draft.starts_at == Given::Null),
        ("ends_at", draft.ends_at == Given::Null),
        ("time_zone", draft.time_zone == Given::Null),
        ("code", draft.code == Given::Null),
    ] {
        if is_null {
            mistakes.add(field, "cannot be cleared");
        }
    }
    let window =
        changed_window(&event.window, draft.starts_at, draft.ends_at, draft.time_zone, &mistakes);
    let offered = offered(draft.deployments, event.deployments.clone(), deployments, &mistakes);
    let catalog = Catalog::new(deployments.to_vec(), offered.as_deref());
    let default_deployments =
        defaults(draft.default_deployments, &event.default_deployments, &catalog, &mistakes);
    let expected_attendees = draft.attendees.or(event.expected_attendees, USUAL_CROWD);
    let max_completion_tokens =
        draft.max_completion_tokens.or(event.max_completion_tokens, USUAL_COMPLETION);
    let usual =
        Allowances::for_crowd(expected_attendees, max_completion_tokens, capacity(&catalog));
    let text = |given: Given<String>, before: &String| given.or(before.clone(), String::new());
    let changed = window.map(|window| Event {
        name: draft.name.value().unwrap_or_else(|| event.name.clone()),
        window,
        expected_attendees,
        allowances: allowances(draft.allowances, event.allowances, usual),
        deployments: offered,
        default_deployments,
        max_completion_tokens,
        max_choices: draft.max_choices.or(event.max_choices, USUAL_CHOICES),
        extra_tool_types: draft.extra_tool_types.or(event.extra_tool_types.clone(), Vec::new()),
        keeps_objects: draft.keeps_objects.or(event.keeps_objects, false),
        contact: contact(draft.contact, event.contact.clone()),
        page: Page {
            url: text(draft.url, &event.page.url),
            url_text: text(draft.url_text, &event.page.url_text),
            description: text(draft.description, &event.page.description),
            image_url: text(draft.image_url, &event.page.image_url),
        },
        ..event.clone()
    });
    let changed = changed.and_then(|event| draft.people.over(event));
    if draft.shards.or(event.shards.into(), 1) != u64::from(event.shards) {
        let shards = event.shards;
        mistakes.add(
            "shards",
            format!(
                "stays {shards}: the parts of an event are cut when it is made; make another event"
            ),
        );
    }
    check_shards(changed.as_ref(), &mistakes);
    mistakes.unless_any(changed)
}

/// Each shard must bear what one attendee may ask for at once: of what is counted by the minute,
/// shards can lend each other no more than one of them lets through.
fn check_shards(event: Option<&Event>, mistakes: &Mistakes) {
    let Some((event, most)) = event.filter(|event| event.shards > 1).and_then(|event| {
        let allowances = &event.allowances;
        Some((event, shard::most_shards(&allowances.attendee, &allowances.event)?))
    }) else {
        return;
    };
    if u64::from(event.shards) <= most {
        return;
    }
    let tokens = |limit: Option<u64>| limit.map_or("any number of".to_owned(), |n| n.to_string());
    let allowances = &event.allowances;
    mistakes.add(
        "shards",
        format!(
            "must be at most {} here: each shard owns its part of the event's {} tokens per minute, \
             and an attendee may ask for {} tokens at once (allowances.attendee.tokens_per_minute)",
            most.max(1),
            tokens(allowances.event.tokens_per_minute),
            tokens(allowances.attendee.tokens_per_minute),
        ),
    );
}

fn required<T>(field: &str, given: Given<T>, mistakes: &Mistakes) -> Option<T> {
    if matches!(given, Given::Absent | Given::Null) {
        mistakes.add(field, "is required");
    }
    given.value()
}

fn new_window(
    starts_at: Given<String>,
    ends_at: Given<String>,
    zone: Given<Zone>,
    mistakes: &Mistakes,
) -> Option<Window> {
    let zone = required("time_zone", zone, mistakes);
    // Without a zone, whether the times are times can still be said.
    let reading_zone = zone.unwrap_or(Zone::UTC);
    let starts_at = required("starts_at", starts_at, mistakes)
        .and_then(|text| instant("starts_at", &text, reading_zone, mistakes));
    let ends_at = required("ends_at", ends_at, mistakes)
        .and_then(|text| instant("ends_at", &text, reading_zone, mistakes));
    window(starts_at?, ends_at?, zone?, mistakes)
}

/// A change of the zone alone keeps the instants and changes how they, and days, are read.
fn changed_window(
    before: &Window,
    starts_at: Given<String>,
    ends_at: Given<String>,
    zone: Given<Zone>,
    mistakes: &Mistakes,
) -> Option<Window> {
    let zone = zone.or(before.zone(), before.zone());
    let read = |field, given: Given<String>, before| match given {
        Given::Value(text) => instant(field, &text, zone, mistakes),
        Given::Absent | Given::Null | Given::Wrong => Some(before),
    };
    let starts_at = read("starts_at", starts_at, before.starts_at());
    let ends_at = read("ends_at", ends_at, before.ends_at());
    window(starts_at?, ends_at?, zone, mistakes)
}

fn instant(field: &str, text: &str, zone: Zone, mistakes: &Mistakes) -> Option<DateTime<Utc>> {
    match parse_instant(text, zone) {
        Ok(instant) => Some(instant.trunc_subsecs(0)),
        Err(fault) => {
            mistakes.add(field, fault.to_string());
            None
        }
    }
}

fn window(
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    zone: Zone,
    mistakes: &Mistakes,
) -> Option<Window> {
    let window = match Window::new(starts_at, ends_at, zone) {
        Ok(window) => window,
        Err(fault) => {
            mistakes.add("ends_at", fault.to_string());
            return None;
        }
    };
    // By the clock on the wall: a month in which the clocks change is a month.
    let on_the_wall = |instant: DateTime<Utc>| instant.with_timezone(&zone).naive_local();
    if on_the_wall(ends_at) - on_the_wall(starts_at) > TimeDelta::days(LONGEST_DAYS) {
        mistakes.add("ends_at", format!("must be at most {LONGEST_DAYS} days after starts_at"));
        return None;
    }
    Some(window)
}

fn offered(
    given: Given<Vec<DeploymentName>>,
    before: Option<Vec<DeploymentName>>,
    deployments: &[Deployment],
    mistakes: &Mistakes,
) -> Option<Vec<DeploymentName>> {
    if let Given::Value(names) = &given {
        let all = Catalog::new(deployments.to_vec(), None).names(None);
        let unknown: Vec<_> = names
            .iter()
            .enumerate()
            .filter(|(_, name)| !all.contains(name))
            .map(|(index, _)| format!("[{index}]"))
            .collect();
        if !unknown.is_empty() {
            mistakes.add(
                "deployments",
                match all.as_slice() {
                    [] => format!("{} is unknown: you have no deployments yet", unknown.join(", ")),
                    all => format!("{} is unknown; you have: {}", unknown.join(", "), joined(all)),
                },
            );
        }
    }
    given_or(given, before)
}

/// What was given, nothing where it is cleared, and what there was before otherwise.
fn given_or<T>(given: Given<T>, before: Option<T>) -> Option<T> {
    match given {
        Given::Value(value) => Some(value),
        Given::Null => None,
        Given::Absent | Given::Wrong => before,
    }
}

fn joined(names: &[DeploymentName]) -> String {
    names.iter().map(DeploymentName::as_str).collect::<Vec<_>>().join(", ")
}

/// What a request that names no model gets: what the body says, what there was before if the event
/// still offers it, or the obvious one.
fn defaults(
    given: Given<Defaults>,
    before: &BTreeMap<Operation, DeploymentName>,
    catalog: &Catalog,
    mistakes: &Mistakes,
) -> BTreeMap<Operation, DeploymentName> {
    let forgets_all = matches!(given, Given::Null);
    let mut given = given.value().unwrap_or_default();
    let mut defaults = BTreeMap::new();
    for operation in Operation::ALL {
        let names = catalog.names(Some(operation));
        let before = before.get(&operation).filter(|name| !forgets_all && names.contains(name));
        let chosen = match given.remove(&operation) {
            Some(Some(name)) if !names.contains(&name) => {
                let field = format!("default_deployments.{operation}");
                mistakes.add(
                    field,
                    match names.as_slice() {
                        [] => "must be left out: the event offers no deployment that does this"
                            .to_owned(),
                        names => {
                            format!("must be one that the event offers for this: {}", joined(names))
                        }
                    },
                );
                None
            }
            Some(Some(name)) => Some(name),
            Some(None) => obvious(operation, names),
            None => before.cloned().or_else(|| obvious(operation, names)),
        };
        defaults.extend(chosen.map(|name| (operation, name)));
    }
    defaults
}

/// Any model will do for a curl line from a slide; embeddings of two models do not mix.
fn obvious(operation: Operation, names: Vec<DeploymentName>) -> Option<DeploymentName> {
    let is_obvious = match operation {
        Operation::ChatCompletions
        | Operation::Completions
        | Operation::ImagesGenerations
        | Operation::ImagesEdits
        | Operation::AudioTranscriptions
        | Operation::AudioTranslations
        | Operation::AudioSpeech
        | Operation::Moderations
        | Operation::Responses
        | Operation::Conversations
        | Operation::Files
        | Operation::VectorStores
        | Operation::Assistants
        | Operation::Threads
        | Operation::Videos => true,
        Operation::Embeddings => names.len() == 1,
    };
    names.into_iter().next().filter(|_| is_obvious)
}

/// What the offered deployments can take together, as far as it is known.
fn capacity(catalog: &Catalog) -> Capacity {
    let at_work = || catalog.deployments().iter().filter(|deployment| deployment.weight > 0);
    let sum = |quota: fn(&Deployment) -> Option<u64>| {
        at_work().filter_map(quota).reduce(u64::saturating_add)
    };
    Capacity {
        requests_per_minute: sum(|deployment| deployment.requests_per_minute),
        tokens_per_minute: sum(|deployment| deployment.tokens_per_minute),
    }
}

fn allowances(given: Given<AllowancesDraft>, before: Allowances, usual: Allowances) -> Allowances {
    let draft = match given {
        Given::Absent | Given::Wrong => return before,
        Given::Null => return usual,
        Given::Value(draft) => draft,
    };
    let attendees = match draft.event {
        Given::Null => usual.attendees,
        Given::Absent | Given::Value(_) | Given::Wrong => {
            given_or(draft.attendees, before.attendees)
        }
    };
    let limits = |given, before, usual| match given {
        Given::Absent | Given::Wrong => before,
        Given::Null => usual,
        Given::Value(limits) => super::draft::LimitsDraft::over(&limits, before),
    };
    Allowances {
        attendee: limits(draft.attendee, before.attendee, usual.attendee),
        event: limits(draft.event, before.event, usual.event),
        attendees,
    }
}

fn contact(given: Given<ContactDraft>, before: Contact) -> Contact {
    match given {
        Given::Absent | Given::Wrong => before,
        Given::Null => Contact::default(),
        Given::Value(draft) => Contact {
            name: draft.name.or(before.name, String::new()),
            email: draft.email.or(before.email, String::new()),
            is_email_public: draft.is_email_public.or(before.is_email_public, false),
        },
    }
}
