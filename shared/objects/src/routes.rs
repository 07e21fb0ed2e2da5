//! The calls about stored objects: one table of methods, paths and actions.

use http::Method;
use lanyard_domain::object::{Kind, ObjectId};
use lanyard_gateway::error::ApiError;
use lanyard_gateway::parse;

use crate::query::Param;

/// The effect of a call on the object of its path. It decides what the call costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Creates an object and records its owner. Costs a request.
    Create,
    /// Lists the caller's own objects. Costs a request.
    List,
    /// Reads what clients poll. Free, but throttled.
    Poll,
    /// Reads something below an object. Costs a request.
    Read,
    /// Downloads bytes as a stream. Costs a request.
    Download,
    /// Changes an object or something below it. Costs a request.
    Change,
    /// Adds to the tokens that naming the object costs. Costs a request.
    Extend,
    /// Deletes an object and its record. Costs a request.
    Delete,
    /// Starts a job. Its cost is known when it has ended.
    Start,
    /// Submits tool outputs to a run that waits for them. Costs a request.
    Resume,
}

/// One row of the table.
#[derive(Debug)]
pub struct Route {
    /// The kind of object.
    pub kind: Kind,
    /// The name of the call in OpenAI's SDKs.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The path below the kind's own: `ID` is the object's id, `THREAD` that of a thread to which it
    /// belongs, `*` any other.
    pub path: &'static [&'static str],
    /// What it does.
    pub action: Action,
    /// The parameters that its query may hold.
    pub(super) query: &'static [Param],
}

const ID: &str = "ID";
const THREAD: &str = "THREAD";
const ANY: &str = "*";

const BATCH_CANCEL: &[&str] = &[ID, "file_batches", ANY, "cancel"];
const BATCH_FILES: &[&str] = &[ID, "file_batches", ANY, "files"];

const RUNS: &[&str] = &[THREAD, "runs"];
const RUN: &[&str] = &[THREAD, "runs", ID];
const RUN_CANCEL: &[&str] = &[THREAD, "runs", ID, "cancel"];
const RUN_STEPS: &[&str] = &[THREAD, "runs", ID, "steps"];
const RUN_STEP: &[&str] = &[THREAD, "runs", ID, "steps", ANY];
const RUN_OUTPUTS: &[&str] = &[THREAD, "runs", ID, "submit_tool_outputs"];
const MESSAGES: &[&str] = &[ID, "messages"];
const MESSAGE: &[&str] = &[ID, "messages", ANY];

const NONE: &[Param] = &[];
const PAGE: &[Param] = &[Param::Limit, Param::Order, Param::After, Param::Before];
const ITEMS: &[Param] = &[Param::Limit, Param::Order, Param::After, Param::Before, Param::Include];
const FILES: &[Param] = &[Param::Limit, Param::Order, Param::After, Param::Before, Param::Purpose];
const STORE_FILES: &[Param] =
    &[Param::Limit, Param::Order, Param::After, Param::Before, Param::Filter];
const OF_THREAD: &[Param] =
    &[Param::Limit, Param::Order, Param::After, Param::Before, Param::RunId];
const VARIANT: &[Param] = &[Param::Variant];
const INCLUDE: &[Param] = &[Param::Include];
const RESPONSE: &[Param] =
    &[Param::Include, Param::Stream, Param::StartingAfter, Param::IncludeObfuscation];

const fn route(
    kind: Kind,
    name: &'static str,
    method: Method,
    path: &'static [&'static str],
    action: Action,
    query: &'static [Param],
) -> Route {
    Route { kind, name, method, path, action, query }
}

/// Every route but `POST /responses`, which the gateway forwards.
pub static ROUTES: [Route; 68] = {
    use Action::{Change, Create, Delete, Download, Extend, List, Poll, Read, Resume, Start};
    use Kind::{
        Assistant, Container, Conversation, File, Response, Run, Thread, VectorStore, Video,
    };
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const DELETE: Method = Method::DELETE;
    [
        route(Response, "retrieve", GET, &[ID], Poll, RESPONSE),
        route(Response, "delete", DELETE, &[ID], Delete, NONE),
        route(Response, "cancel", POST, &[ID, "cancel"], Change, NONE),
        route(Response, "input_items.list", GET, &[ID, "input_items"], Read, ITEMS),
        route(Conversation, "create", POST, &[], Create, NONE),
        route(Conversation, "retrieve", GET, &[ID], Poll, NONE),
        route(Conversation, "update", POST, &[ID], Change, NONE),
        route(Conversation, "delete", DELETE, &[ID], Delete, NONE),
        route(Conversation, "items.create", POST, &[ID, "items"], Extend, INCLUDE),
        route(Conversation, "items.list", GET, &[ID, "items"], Read, ITEMS),
        route(Conversation, "items.retrieve", GET, &[ID, "items", ANY], Read, INCLUDE),
        route(Conversation, "items.delete", DELETE, &[ID, "items", ANY], Change, NONE),
        route(File, "create", POST, &[], Create, NONE),
        route(File, "list", GET, &[], List, FILES),
        route(File, "retrieve", GET, &[ID], Poll, NONE),
        route(File, "delete", DELETE, &[ID], Delete, NONE),
        route(File, "content", GET, &[ID, "content"], Download, NONE),
        route(VectorStore, "create", POST, &[], Create, NONE),
        route(VectorStore, "list", GET, &[], List, PAGE),
        route(VectorStore, "retrieve", GET, &[ID], Poll, NONE),
        route(VectorStore, "update", POST, &[ID], Change, NONE),
        route(VectorStore, "delete", DELETE, &[ID], Delete, NONE),
        route(VectorStore, "search", POST, &[ID, "search"], Change, NONE),
        route(VectorStore, "files.create", POST, &[ID, "files"], Change, NONE),
        route(VectorStore, "files.list", GET, &[ID, "files"], Read, STORE_FILES),
        route(VectorStore, "files.retrieve", GET, &[ID, "files", ANY], Poll, NONE),
        route(VectorStore, "files.update", POST, &[ID, "files", ANY], Change, NONE),
        route(VectorStore, "files.delete", DELETE, &[ID, "files", ANY], Change, NONE),
        route(VectorStore, "files.content", GET, &[ID, "files", ANY, "content"], Read, NONE),
        route(VectorStore, "file_batches.create", POST, &[ID, "file_batches"], Change, NONE),
        route(VectorStore, "file_batches.retrieve", GET, &[ID, "file_batches", ANY], Poll, NONE),
        route(VectorStore, "file_batches.cancel", POST, BATCH_CANCEL, Change, NONE),
        route(VectorStore, "file_batches.list_files", GET, BATCH_FILES, Read, STORE_FILES),
        route(Assistant, "create", POST, &[], Create, NONE),
        route(Assistant, "list", GET, &[], List, PAGE),
        route(Assistant, "retrieve", GET, &[ID], Poll, NONE),
        route(Assistant, "update", POST, &[ID], Change, NONE),
        route(Assistant, "delete", DELETE, &[ID], Delete, NONE),
        // Before the thread's own routes, because "runs" is no id here.
        route(Run, "create_and_run", POST, &["runs"], Start, NONE),
        route(Thread, "create", POST, &[], Create, NONE),
        route(Thread, "retrieve", GET, &[ID], Poll, NONE),
        route(Thread, "update", POST, &[ID], Change, NONE),
        route(Thread, "delete", DELETE, &[ID], Delete, NONE),
        route(Thread, "messages.create", POST, MESSAGES, Change, NONE),
        route(Thread, "messages.list", GET, MESSAGES, Read, OF_THREAD),
        route(Thread, "messages.retrieve", GET, MESSAGE, Poll, NONE),
        route(Thread, "messages.update", POST, MESSAGE, Change, NONE),
        route(Thread, "messages.delete", DELETE, MESSAGE, Change, NONE),
        route(Run, "create", POST, RUNS, Start, INCLUDE),
        route(Run, "list", GET, RUNS, Read, PAGE),
        route(Run, "retrieve", GET, RUN, Poll, NONE),
        route(Run, "update", POST, RUN, Change, NONE),
        route(Run, "cancel", POST, RUN_CANCEL, Change, NONE),
        route(Run, "submit_tool_outputs", POST, RUN_OUTPUTS, Resume, NONE),
        route(Run, "steps.list", GET, RUN_STEPS, Read, ITEMS),
        route(Run, "steps.retrieve", GET, RUN_STEP, Poll, INCLUDE),
        route(Video, "create", POST, &[], Start, NONE),
        route(Video, "list", GET, &[], List, PAGE),
        route(Video, "retrieve", GET, &[ID], Poll, NONE),
        route(Video, "delete", DELETE, &[ID], Delete, NONE),
        route(Video, "content", GET, &[ID, "content"], Download, VARIANT),
        route(Video, "remix", POST, &[ID, "remix"], Start, NONE),
        route(Container, "retrieve", GET, &[ID], Poll, NONE),
        route(Container, "delete", DELETE, &[ID], Delete, NONE),
        route(Container, "files.list", GET, &[ID, "files"], Read, PAGE),
        route(Container, "files.retrieve", GET, &[ID, "files", ANY], Poll, NONE),
        route(Container, "files.delete", DELETE, &[ID, "files", ANY], Change, NONE),
        route(Container, "files.content", GET, &[ID, "files", ANY, "content"], Download, NONE),
    ]
};

/// Words of calls that are not served and stand where others have an id. They are no ids, so such a
/// call is an unknown route and not a wrong method.
const NOT_IDS: [(Kind, &str); 3] =
    [(Kind::Video, "characters"), (Kind::Video, "edits"), (Kind::Video, "extensions")];

/// The route of a call, and the ids in its path.
#[derive(Debug)]
pub(super) struct RouteMatch<'p> {
    /// The route.
    pub(super) route: &'static Route,
    /// The segments below the kind's path, unchecked.
    segments: Vec<&'p str>,
}

impl<'p> RouteMatch<'p> {
    /// Finds the route of a path.
    ///
    /// # Errors
    ///
    /// 404 for a path of no route, 405 for a path that has other methods.
    pub(super) fn read(kind: Kind, method: &Method, path: &'p str) -> Result<Self, ApiError> {
        let below = parse::below(path, kind.operation())?;
        let segments: Vec<&str> = below.into_iter().flat_map(|below| below.split('/')).collect();
        let is_call = segments.first().is_some_and(|word| NOT_IDS.contains(&(kind, *word)));
        let here = || {
            ROUTES.iter().filter(|route| {
                let is_kinds = route.kind.operation() == kind.operation();
                is_kinds && !is_call && fits(route.path, &segments)
            })
        };
        match here().find(|route| route.method == *method) {
            Some(route) => Ok(Self { route, segments }),
            None => {
                let is_responses = kind == Kind::Response && segments.is_empty();
                let has = |method| here().any(|route| route.method == method);
                let has =
                    (has(Method::GET), has(Method::POST) || is_responses, has(Method::DELETE));
                Err(match has {
                    (false, false, false) => ApiError::UnknownRoute,
                    has => ApiError::MethodNotAllowed { allow: allow(has) },
                })
            }
        }
    }

    /// The objects that the path names. The call is about the last one.
    ///
    /// # Errors
    ///
    /// 404 if one cannot be an id.
    pub(super) fn ids(&self) -> Result<Vec<(Kind, ObjectId)>, ApiError> {
        let pairs = self.route.path.iter().zip(&self.segments);
        let named = pairs.filter_map(|(part, given)| match *part {
            ID => Some((self.route.kind, given)),
            THREAD => Some((Kind::Thread, given)),
            _ => None,
        });
        named
            .map(|(kind, given)| {
                given.parse::<ObjectId>().map(|id| (kind, id)).map_err(|_| not_found(kind))
            })
            .collect()
    }

    /// The segments for Azure's path. Every id is checked.
    ///
    /// # Errors
    ///
    /// 404 if one of them cannot be an id.
    pub(super) fn segments(&self) -> Result<Vec<&'p str>, ApiError> {
        let pairs = self.route.path.iter().zip(&self.segments);
        pairs
            .map(|(part, given)| match *part {
                ID | THREAD | ANY if given.parse::<ObjectId>().is_ok() => Ok(*given),
                THREAD => Err(not_found(Kind::Thread)),
                ID | ANY => Err(self.not_found()),
                part => Ok(part),
            })
            .collect()
    }

    /// Whether the response is the object itself.
    pub(super) fn is_about_itself(&self) -> bool {
        matches!(self.route.path.last(), Some(&ID | &"cancel" | &"submit_tool_outputs"))
    }

    /// The error for an object that the caller does not have.
    pub(super) fn not_found(&self) -> ApiError {
        not_found(self.route.kind)
    }
}

/// The error for an object of a kind that the caller does not have.
pub(super) fn not_found(kind: Kind) -> ApiError {
    ApiError::ObjectNotFound { kind, param: None }
}

fn fits(path: &[&str], segments: &[&str]) -> bool {
    path.len() == segments.len()
        && path.iter().zip(segments).all(|(part, given)| match *part {
            ID | THREAD | ANY => !given.is_empty(),
            part => part == *given,
        })
}

fn allow((get, post, delete): (bool, bool, bool)) -> &'static str {
    match (get, post, delete) {
        (true, true, true) => "GET, POST, DELETE, OPTIONS",
        (true, true, false) => "GET, POST, OPTIONS",
        (true, false, true) => "GET, DELETE, OPTIONS",
        (true, false, false) => "GET, OPTIONS",
        (false, true, true) => "POST, DELETE, OPTIONS",
        (false, true, false) => "POST, OPTIONS",
        (false, false, true) => "DELETE, OPTIONS",
        (false, false, false) => "OPTIONS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_calls_that_are_not_served_are_no_ids() {
        let read = |method: Method, path: &str| RouteMatch::read(Kind::Video, &method, path).err();
        for below in ["edits", "extensions", "characters", "characters/char_1"] {
            for method in [Method::POST, Method::GET, Method::DELETE] {
                let path = format!("/api/v1/videos/{below}");
                let refused = read(method, &path);
                assert!(matches!(refused, Some(ApiError::UnknownRoute)), "{path}: {refused:?}");
            }
        }
        assert!(read(Method::GET, "/api/v1/videos/video_1").is_none());
        let wrong = read(Method::POST, "/api/v1/videos/video_1");
        assert!(matches!(wrong, Some(ApiError::MethodNotAllowed { .. })), "{wrong:?}");
    }
}
