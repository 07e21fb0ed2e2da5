//! Makes an event of a draft: defaults, and checks across fields.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use lanyard_domain::access::Access;
use lanyard_domain::admission::SeatPace;
use lanyard_domain::allowance::{Allowances, Limit, Preset};
use lanyard_domain::catalog::{Catalog, Deployment};
use lanyard_domain::event::{Contact, Event, OwnDeployments, Page, Signing};
use lanyard_domain::hosted_tools::HostedTools;
use lanyard_domain::ids::{EventId, OrganiserId};
use lanyard_domain::shard;
use lanyard_domain::token::EventCode;
use lanyard_domain::tool_calls::PricedTool;
use serde_json::{Map, Value};

use super::by_model;
use super::draft::{AllowancesDraft, ContactDraft, EventDraft, HostedDraft, Purpose};
use super::offer::{Offer, capacity, dearest_request, defaults, offered};
use super::window::{changed_window, new_window};
use crate::error::AdminError;
use crate::form::{Given, Mistakes};

/// The expected attendees by default.
const DEFAULT_ATTENDEES: u64 = 100;
/// The most choices by default.
const DEFAULT_CHOICES: u64 = 1;

/// The parts of a new event that its organiser does not choose.
pub(crate) struct NewEvent<'b> {
    pub(crate) id: EventId,
    pub(crate) organiser: &'b OrganiserId,
    pub(crate) user_salt: String,
    pub(crate) random: [u8; 8],
    pub(crate) now: DateTime<Utc>,
}

/// The event that a body describes.
///
/// # Errors
///
/// 400 with every mistake.
pub(crate) fn created(
    body: &Map<String, Value>,
    new_event: NewEvent<'_>,
    deployments: &[Deployment],
) -> Result<(Event, CodeIs), AdminError> {
    let mistakes = Mistakes::default();
    let draft = EventDraft::read(Purpose::Create, Access::Open, body, &mistakes);
    let name = draft.name.required("name", &mistakes);
    let window = new_window(draft.starts_at, draft.ends_at, draft.time_zone, &mistakes);
    let offered = offered(draft.deployments, None, deployments, &mistakes);
    let catalog = Catalog::new(deployments.to_vec(), offered.as_deref());
    let offer = Offer { catalog: &catalog, listed: offered.as_deref(), now: new_event.now };
    let default_deployments =
        defaults(draft.default_deployments, &BTreeMap::new(), &offer, &mistakes);
    let expected_attendees = draft.attendees.or(DEFAULT_ATTENDEES, DEFAULT_ATTENDEES);
    let preset = draft.preset.or(Preset::default(), Preset::default());
    let max_completion_tokens =
        draft.max_completion_tokens.or_before(preset.max_completion_tokens());
    let usual = Allowances::for_attendees(preset, expected_attendees, capacity(&catalog));
    let dearest = dearest_request(&catalog, max_completion_tokens);
    let code = draft.code.value();
    let code_is = if code.is_some() { CodeIs::Chosen } else { CodeIs::Drawn };
    let event = name.zip(window).map(|(name, window)| Event {
        code: code.unwrap_or_else(|| EventCode::generate(&name, new_event.random)),
        id: new_event.id,
        organiser: new_event.organiser.clone(),
        name,
        window,
        is_paused: false,
        expected_attendees,
        preset: Some(preset),
        allowances: new_allowances(
            draft.allowances,
            &usual,
            Shares { attendees: expected_attendees, dearest },
            (&catalog, &mistakes),
        ),
        seats_per_minute: Some(SeatPace::for_attendees(expected_attendees)),
        deployments: offered,
        default_deployments,
        max_completion_tokens,
        max_choices: draft.max_choices.or(DEFAULT_CHOICES, DEFAULT_CHOICES),
        hosted_tools: hosted_tools(draft.extra_tool_types, draft.hosted_tools, HostedTools::none()),
        keeps_objects: draft.keeps_objects.or(false, false),
        contact: contact(draft.contact, Contact::default()),
        page: Page {
            url: draft.url.value().unwrap_or_default(),
            url_text: draft.url_text.value().unwrap_or_default(),
            description: draft.description.value().unwrap_or_default(),
            image_url: draft.image_url.value().unwrap_or_default(),
        },
        user_salt: new_event.user_salt,
        version: 1,
        created_at: new_event.now,
        access: Access::Open,
        own_deployments: OwnDeployments::None,
        records_requests: true,
        signing: Signing::default(),
        shards: draft.shards.or(1, 1).try_into().unwrap_or(1),
    });
    let event = event.and_then(|event| draft.people.over(event, &mistakes));
    check_shards(event.as_ref(), &mistakes);
    check_money(event.as_ref(), &mistakes);
    mistakes.unless_any(event.map(|event| (event, code_is)))
}

/// Decisions on hosted tools: those from before, then the list of allowed types, then the decisions
/// that the body names.
fn hosted_tools(
    allowed: Given<Vec<String>>,
    decisions: Given<HostedDraft>,
    before: HostedTools,
) -> HostedTools {
    let tools = match allowed {
        Given::Value(allowed) => before.with_allowed(allowed),
        Given::Null => before.with_allowed(Vec::new()),
        Given::Absent | Given::Wrong => before,
    };
    match decisions {
        Given::Value(decisions) => {
            decisions.into_iter().fold(tools, |tools, (kind, decision)| tools.with(kind, decision))
        }
        Given::Null => HostedTools::none(),
        Given::Absent | Given::Wrong => tools,
    }
}

/// Where a code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeIs {
    /// The organiser chose it.
    Chosen,
    /// We drew it, and can draw another.
    Drawn,
}

/// An event with the fields of a body. Fields that the body does not name stay.
///
/// # Errors
///
/// 400 with every mistake.
pub(crate) fn changed(
    event: &Event,
    body: &Map<String, Value>,
    deployments: &[Deployment],
    now: DateTime<Utc>,
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
    let offer = Offer { catalog: &catalog, listed: offered.as_deref(), now };
    let default_deployments =
        defaults(draft.default_deployments, &event.default_deployments, &offer, &mistakes);
    let expected_attendees = draft.attendees.or(event.expected_attendees, DEFAULT_ATTENDEES);
    let max_completion_tokens = draft.max_completion_tokens.or_before(event.max_completion_tokens);
    let preset = event.preset.unwrap_or_default();
    let usual = Allowances::for_attendees(preset, expected_attendees, capacity(&catalog));
    let dearest = dearest_request(&catalog, max_completion_tokens);
    let text = |given: Given<String>, before: &String| given.or(before.clone(), String::new());
    let changed = window.map(|window| Event {
        name: draft.name.value().unwrap_or_else(|| event.name.clone()),
        window,
        expected_attendees,
        allowances: changed_allowances(
            draft.allowances,
            event,
            &usual,
            Shares { attendees: expected_attendees, dearest },
            (&catalog, &mistakes),
        ),
        seats_per_minute: event.seats_per_minute.map(|before| match draft.attendees {
            Given::Absent | Given::Wrong => before,
            Given::Null | Given::Value(_) => SeatPace::for_attendees(expected_attendees),
        }),
        deployments: offered,
        default_deployments,
        max_completion_tokens,
        max_choices: draft.max_choices.or(event.max_choices, DEFAULT_CHOICES),
        hosted_tools: hosted_tools(
            draft.extra_tool_types,
            draft.hosted_tools,
            event.hosted_tools.clone(),
        ),
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
    let changed = changed.and_then(|event| draft.people.over(event, &mistakes));
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
    check_money(changed.as_ref(), &mistakes);
    mistakes.unless_any(changed)
}

/// Each shard must have room for the largest request of one attendee: of what is counted by the
/// minute, shards can lend each other no more than one of them lets through.
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
            tokens(allowances.event.limit(Limit::TokensPerMinute)),
            tokens(allowances.attendee.limit(Limit::TokensPerMinute)),
        ),
    );
}

/// A limit on money is exact, so only hosted tools of which a call has a price and a bound go with it.
fn check_money(event: Option<&Event>, mistakes: &Mistakes) {
    let Some(event) = event else { return };
    let Allowances { attendee, event: together, .. } = &event.allowances;
    let is_unbounded = |kind: &&str| {
        PricedTool::of_response(kind).is_none() && PricedTool::of_message(kind).is_none()
    };
    let allowed = event.hosted_tools.allowed();
    let allowed: Vec<_> = allowed.into_iter().filter(is_unbounded).collect();
    if !allowed.is_empty() && (attendee.limits_money() || together.limits_money()) {
        let allowed = allowed.join(", ");
        mistakes.add(
            "hosted_tools",
            format!(
                "must not allow {allowed} in an event that limits US dollars: what their calls may \
                 cost has no bound"
            ),
        );
    }
}

/// What each attendee gets of the event's totals.
#[derive(Clone, Copy)]
struct Shares {
    attendees: u64,
    /// What a request to the dearest model may cost, in nano-dollars.
    dearest: Option<u64>,
}

impl Shares {
    /// The limits with each share that applies. A share of the dollars that is less than one request
    /// would refuse every request to that model, so then there is none.
    fn over(self, limits: Allowances, applies: impl Fn(Limit) -> bool) -> Allowances {
        let usd = Limit::UsdTotal;
        let mut limits = limits.with_shares(self.attendees, &applies);
        let is_enough = limits.attendee.limit(usd) >= self.dearest;
        if applies(usd) && !is_enough {
            limits.attendee.set(usd, None);
        }
        limits
    }
}

/// The limits of a new event. An attendee's totals are shares of the event's, unless the body has
/// them.
fn new_allowances(
    given: Given<AllowancesDraft>,
    usual: &Allowances,
    shares: Shares,
    offer: (&Catalog, &Mistakes),
) -> Allowances {
    let named = named_for_attendees(&given);
    let new = allowances(given, usual, usual, offer);
    shares.over(new, |limit| !named.contains(&limit))
}

/// The limits of a changed event. An attendee's total that was a share of the event's follows a
/// change of that, unless the body has it too.
fn changed_allowances(
    given: Given<AllowancesDraft>,
    event: &Event,
    usual: &Allowances,
    shares: Shares,
    offer: (&Catalog, &Mistakes),
) -> Allowances {
    let (named, before) = (named_for_attendees(&given), &event.allowances);
    let resets = matches!(&given, Given::Value(draft) if draft.attendee == Given::Null);
    let after = allowances(given, before, usual, offer);
    let was_share = |limit| before.has_share(limit, event.expected_attendees);
    let moves = |limit| before.event.limit(limit) != after.event.limit(limit);
    let follows = |limit| resets || (was_share(limit) && moves(limit) && !named.contains(&limit));
    shares.over(after.clone(), follows)
}

/// The limits that a body has for each attendee.
fn named_for_attendees(given: &Given<AllowancesDraft>) -> BTreeSet<Limit> {
    match given {
        Given::Value(AllowancesDraft { attendee: Given::Value(limits), .. }) => {
            limits.0.keys().copied().collect()
        }
        Given::Absent | Given::Null | Given::Wrong | Given::Value(_) => BTreeSet::new(),
    }
}

fn allowances(
    given: Given<AllowancesDraft>,
    before: &Allowances,
    usual: &Allowances,
    (catalog, mistakes): (&Catalog, &Mistakes),
) -> Allowances {
    let draft = match given {
        Given::Absent | Given::Wrong => return before.clone(),
        Given::Null => return usual.clone(),
        Given::Value(draft) => draft,
    };
    let attendees = match draft.event {
        Given::Null => usual.attendees,
        Given::Absent | Given::Value(_) | Given::Wrong => {
            draft.attendees.or_before(before.attendees)
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
        by_model: by_model::changed(draft.by_model, &before.by_model, catalog, mistakes),
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
