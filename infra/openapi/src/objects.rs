//! Calls about stored objects, from their table of routes.

use http::Method;
use lanyard_domain::object::Kind;
use lanyard_objects::routes::{Action, ROUTES, Route};
use lanyard_protocol::{assistants, threads, videos};

use crate::operation::{Content, Operation};

pub(crate) fn operations() -> Vec<Operation> {
    ROUTES.iter().map(operation).collect()
}

fn operation(route: &Route) -> Operation {
    let plural = plural(route.kind);
    let words = format!("{plural} {}", route.name).replace(['.', '_'], " ");
    let (id, path) = (camel_case(&words), path(route));
    let summary = format!("{}: {}", capitalised(&plural.replace('_', " ")), route.name);
    let summary = summary.replace(['.', '_'], " ");
    let operation = Operation::new(route.method.clone(), &path, &id, &summary)
        .links(&plural.replace('_', "-"))
        .returns(if route.action == Action::Download {
            Content::Text("application/octet-stream")
        } else {
            Content::OpenAi
        });
    let operation = Operation { tag: "Objects", ..operation };
    match (&route.method, route.kind) {
        (&Method::POST, Kind::File) => operation.reads(Content::OpenAiForm),
        (&Method::POST, _) if !route.name.ends_with("cancel") => operation.reads(body(route)),
        _ => operation,
    }
}

/// The JSON body of a call.
fn body(route: &Route) -> Content {
    match (route.kind, route.name) {
        (Kind::Run, "create" | "create_and_run") => Content::Governed("Run", threads::RUN_FIELDS),
        (Kind::Assistant, "create" | "update") => {
            Content::Governed("Assistant", assistants::FIELDS)
        }
        (Kind::Video, "create") => Content::Governed("Video", videos::FIELDS),
        (Kind::Video, "remix") => Content::Governed("VideoRemix", videos::REMIX_FIELDS),
        (
            Kind::Response
            | Kind::Conversation
            | Kind::File
            | Kind::VectorStore
            | Kind::Assistant
            | Kind::Thread
            | Kind::Run
            | Kind::Video
            | Kind::Container,
            _,
        ) => Content::OpenAi,
    }
}

/// The plural of a kind, as paths and SDKs call it.
fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Run => "runs",
        Kind::Response
        | Kind::Conversation
        | Kind::File
        | Kind::VectorStore
        | Kind::Assistant
        | Kind::Thread
        | Kind::Video
        | Kind::Container => kind.operation().name(),
    }
}

fn path(route: &Route) -> String {
    let own = if route.kind == Kind::Run { "{run}" } else { "{id}" };
    let segments = route.path.iter().map(|segment| match *segment {
        "ID" => own,
        "THREAD" => "{thread}",
        "*" => "{part}",
        fixed => fixed,
    });
    let mut path = format!("/v1/{}", route.kind.operation().name());
    for segment in segments {
        path.push('/');
        path.push_str(segment);
    }
    path
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn camel_case(words: &str) -> String {
    let mut words = words.split(' ');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &capitalised(word))
}
