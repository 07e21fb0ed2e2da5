//! What organisers call.

use http::Method;
use lanyard_administration::schema::{local_instant, requests, responses};
use serde_json::json;

use crate::operation::{Caller, Content, MakeSchema, Operation, Parameter};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

pub(crate) fn operations() -> Vec<Operation> {
    let groups = [events(), attendees(), reports(), credentials(), deployments()];
    groups.into_iter().flatten().collect()
}

/// An operation of organisers that returns this.
fn operation(
    method: Method,
    path: &str,
    id: &str,
    summary: &str,
    response: MakeSchema,
) -> Operation {
    let operation = Operation::new(method, path, id, summary).returns(Content::Json(response));
    Operation { tag: "Organisers", caller: Caller::Organiser, ..operation }
}

/// The same operation with the query of a page.
fn paged(operation: Operation) -> Operation {
    Operation { query: Parameter::page(), ..operation }
}

fn events() -> Vec<Operation> {
    let step = |path, id, summary| operation(POST, path, id, summary, responses::event);
    vec![
        paged(operation(GET, "/admin/events", "listEvents", "Your events", responses::events)),
        operation(POST, "/admin/events", "createEvent", "Creates an event", responses::event)
            .reads(Content::Json(requests::event_draft))
            .with_statuses(&[201]),
        operation(GET, "/admin/events/{id}", "showEvent", "One event", responses::event),
        operation(PATCH, "/admin/events/{id}", "changeEvent", "Edits an event", responses::event)
            .reads(Content::Json(requests::event_change)),
        operation(
            DELETE,
            "/admin/events/{id}",
            "deleteEvent",
            "Deletes an event that nobody has used",
            responses::deleted_event,
        ),
        step("/admin/events/{id}/pause", "pauseEvent", "Pauses an event within ten seconds"),
        step("/admin/events/{id}/resume", "resumeEvent", "Resumes an event"),
        step("/admin/events/{id}/end", "endEvent", "Ends an event now"),
        step("/admin/events/{id}/rotate-code", "rotateCode", "Rotates the code")
            .may_read(Content::Json(requests::rotation_draft)),
        operation(
            POST,
            "/admin/events/{id}/reset",
            "resetEvent",
            "Deletes the usage and the attendees of a rehearsal",
            responses::reset_event,
        )
        .may_read(Content::Json(requests::reset)),
    ]
}

fn attendees() -> Vec<Operation> {
    vec![
        paged(operation(
            GET,
            "/admin/events/{id}/attendees",
            "listAttendees",
            "Attendees and what they used",
            responses::attendees,
        )),
        operation(
            GET,
            "/admin/events/{id}/attendees/{user}",
            "showAttendee",
            "One attendee, with what refuses them now and the last rejected requests",
            responses::attendee_details,
        ),
        operation(
            PATCH,
            "/admin/events/{id}/attendees/{user}",
            "changeAttendee",
            "Blocks an attendee, or sets limits of their own",
            responses::attendee,
        )
        .reads(Content::Json(requests::attendee_change)),
        operation(
            DELETE,
            "/admin/events/{id}/attendees/{user}",
            "freeSeat",
            "Frees the seat of an attendee who has used nothing, or removes one who has never come",
            responses::freed_seat,
        ),
    ]
}

fn reports() -> Vec<Operation> {
    let by = json!({"type": "string", "enum": ["attendee", "model", "hour", "session"]});
    let mut query = vec![Parameter::new("by", by)];
    // By model only: hours of which a part is not before it.
    query.push(Parameter::new("since", local_instant()));
    query.extend(Parameter::page());
    vec![
        Operation {
            query,
            ..operation(
                GET,
                "/admin/events/{id}/usage",
                "showUsage",
                "Totals; by hour or model also errors and times to the first byte",
                responses::usage,
            )
        },
        paged(operation(
            GET,
            "/admin/events/{id}/ratings",
            "showRatings",
            "What attendees think of the responses",
            responses::ratings,
        )),
        paged(operation(
            GET,
            "/admin/events/{id}/audit",
            "showAudit",
            "The audit log, the newest change first",
            responses::audit,
        )),
    ]
}

fn credentials() -> Vec<Operation> {
    vec![
        paged(operation(
            GET,
            "/admin/tokens",
            "listOrganiserTokens",
            "Your organiser tokens",
            responses::organiser_tokens,
        )),
        operation(
            POST,
            "/admin/tokens",
            "makeOrganiserToken",
            "Makes another organiser token; it is shown once",
            responses::organiser_token,
        )
        .reads(Content::Json(requests::organiser_token_draft))
        .with_statuses(&[201]),
        operation(
            DELETE,
            "/admin/tokens/{token}",
            "revokeOrganiserToken",
            "Revokes an organiser token",
            responses::organiser_token,
        ),
        paged(operation(
            GET,
            "/admin/events/{id}/tokens",
            "listTokens",
            "Signed tokens",
            responses::tokens,
        )),
        operation(
            POST,
            "/admin/events/{id}/tokens",
            "makeToken",
            "Issues a signed token for a user; it is shown once",
            responses::token,
        )
        .reads(Content::Json(requests::token_draft))
        .with_statuses(&[201]),
        operation(
            DELETE,
            "/admin/events/{id}/tokens",
            "revokeTokens",
            "Revokes every token and every personal key",
            responses::all_revoked,
        ),
        operation(
            DELETE,
            "/admin/events/{id}/tokens/{token}",
            "revokeToken",
            "Revokes one token",
            responses::token,
        ),
        paged(operation(
            GET,
            "/admin/events/{id}/roster",
            "showRoster",
            "The roster",
            responses::roster,
        )),
        operation(
            PUT,
            "/admin/events/{id}/roster",
            "writeRoster",
            "Replaces the roster",
            responses::roster_change,
        )
        .reads(Content::JsonOrCsv(requests::roster)),
        operation(
            DELETE,
            "/admin/events/{id}/roster/{user}",
            "unlist",
            "Takes a user off the roster",
            responses::deleted_user,
        ),
        operation(
            DELETE,
            "/admin/events/{id}/registrations/{user}",
            "freeName",
            "Deletes a registration, so that the name can be claimed again",
            responses::deleted_user,
        ),
    ]
}

fn deployments() -> Vec<Operation> {
    let user =
        || Parameter { is_required: true, ..Parameter::new("user", json!({"type": "string"})) };
    let replica = || Parameter::new("replica", json!({"type": "string"}));
    vec![
        Operation {
            query: vec![user()],
            ..operation(
                GET,
                "/admin/events/{id}/own-deployments",
                "listDeploymentsForOne",
                "Deployments for one attendee",
                responses::attendees_deployments,
            )
        },
        Operation {
            query: vec![user()],
            ..operation(
                PUT,
                "/admin/events/{id}/own-deployments/{name}",
                "putDeploymentForOne",
                "Adds or changes a deployment for one attendee",
                responses::deployment,
            )
            .reads(Content::Json(requests::deployment_draft))
            .with_statuses(&[200, 201])
        },
        Operation {
            query: vec![user(), replica()],
            ..operation(
                DELETE,
                "/admin/events/{id}/own-deployments/{name}",
                "deleteDeploymentForOne",
                "Deletes a deployment for one attendee",
                responses::deleted_deployment,
            )
        },
        paged(operation(
            GET,
            "/admin/audit",
            "showOrganiserAudit",
            "What changed about your deployments and tokens, the newest change first",
            responses::audit,
        )),
        paged(operation(
            GET,
            "/admin/deployments",
            "listDeployments",
            "Your deployments",
            responses::deployments,
        )),
        operation(
            PUT,
            "/admin/deployments/{name}",
            "putDeployment",
            "Adds or changes a deployment",
            responses::deployment,
        )
        .reads(Content::Json(requests::deployment_draft))
        .with_statuses(&[200, 201]),
        Operation {
            query: vec![replica()],
            ..operation(
                DELETE,
                "/admin/deployments/{name}",
                "deleteDeployment",
                "Deletes a deployment",
                responses::deleted_deployment,
            )
        },
    ]
}
