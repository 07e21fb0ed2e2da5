//! What anybody and attendees may know of an event.

use event::schema;
use http::Method;
use lanyard_gateway::people::schema as people;

use crate::operation::{Caller, Content, Operation};

pub(crate) fn operations() -> Vec<Operation> {
    let info = "Some earlier event-code proxies answered this.";
    let operations = [
        Operation::new(
            Method::GET,
            "/v1/event",
            "showAccess",
            "The event, your limits and what is left of them",
        )
        .returns(Content::Json(schema::access)),
        Operation::new(Method::POST, "/v1/eventinfo", "eventInfo", "The event, by its code alone")
            .describes(info)
            .returns(Content::Json(schema::event_info)),
        Operation::new(Method::POST, "/eventinfo", "eventInfoToo", "The same at another path")
            .describes(info)
            .returns(Content::Json(schema::event_info)),
        Operation {
            caller: Caller::Anybody,
            ..Operation::new(
                Method::GET,
                "/event/{id}",
                "showPublicEvent",
                "What anybody may know of an event",
            )
            .returns(Content::Json(schema::public))
        },
        Operation::new(
            Method::GET,
            "/event/mine",
            "showEventOfCode",
            "The event of a code, open or not, and what its user has used",
        )
        .describes("Authenticate with the event code alone, or with a user to see their usage.")
        .returns(Content::Json(schema::mine)),
        Operation::new(
            Method::POST,
            "/event/{id}/register",
            "register",
            "A personal key, where the event wants one",
        )
        .describes("Authenticate with the event code. The same proof shows the same key again.")
        .reads(Content::Json(people::proof))
        .returns(Content::Json(people::registered))
        .with_statuses(&[201]),
    ];
    operations.into_iter().map(|operation| Operation { tag: "Events", ..operation }).collect()
}
