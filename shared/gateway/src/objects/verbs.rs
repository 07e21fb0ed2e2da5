//! What can be done with kept objects: one table of methods, paths and what each costs.

use http::Method;
use lanyard_domain::object::{Kind, ObjectId};

use super::query::Param;
use crate::error::ApiError;
use crate::parse;

/// What a call does to the object that its path names, and so what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Makes an object, and its owner is written down. A request.
    Create,
    /// Lists one's own. A request.
    List,
    /// Reads what clients read again until something is done. Nothing, but paced.
    Poll,
    /// Reads something below an object. A request.
    Read,
    /// Reads bytes, streamed. A request.
    Download,
    /// Changes an object, or something below it. A request.
    Change,
    /// Adds to what naming the object costs. A request.
    Extend,
    /// Deletes an object, and its owner is forgotten. A request.
    Delete,
}

/// One row of the table.
#[derive(Debug)]
pub struct Verb {
    /// What it concerns.
    pub kind: Kind,
    /// Its name, as SDKs call it.
    pub name: &'static str,
    /// The method.
    pub method: Method,
    /// The path below the kind's own: `ID` is the object's id, `*` any other.
    pub path: &'static [&'static str],
    /// What it does.
    pub deed: Deed,
    /// What its query may hold.
    pub(super) query: &'static [Param],
}

const ID: &str = "ID";
const ANY: &str = "*";

const BATCH_CANCEL: &[&str] = &[ID, "file_batches", ANY, "cancel"];
const BATCH_FILES: &[&str] = &[ID, "file_batches", ANY, "files"];

const NONE: &[Param] = &[];
const PAGE: &[Param] = &[Param::Limit, Param::Order, Param::After, Param::Before];
const ITEMS: &[Param] = &[Param::Limit, Param::Order, Param::After, Param::Before, Param::Include];
const FILES: &[Param] = &[Param::Limit, Param::Order, Param::After, Param::Before, Param::Purpose];
const STORE_FILES: &[Param] =
    &[Param::Limit, Param::Order, Param::After, Param::Before, Param::Filter];
const INCLUDE: &[Param] = &[Param::Include];
const RESPONSE: &[Param] =
    &[Param::Include, Param::Stream, Param::StartingAfter, Param::IncludeObfuscation];

const fn verb(
    kind: Kind,
    name: &'static str,
    method: Method,
    path: &'static [&'static str],
    deed: Deed,
    query: &'static [Param],
) -> Verb {
    Verb { kind, name, method, path, deed, query }
}

/// Every verb, but for `POST /responses`, which [`crate::Gateway::forward`] takes.
pub static VERBS: [Verb; 33] = {
    use Deed::{Change, Create, Delete, Download, Extend, List, Poll, Read};
    use Kind::{Conversation, File, Response, VectorStore};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const DELETE: Method = Method::DELETE;
    [
        verb(Response, "retrieve", GET, &[ID], Poll, RESPONSE),
        verb(Response, "delete", DELETE, &[ID], Delete, NONE),
        verb(Response, "cancel", POST, &[ID, "cancel"], Change, NONE),
        verb(Response, "input_items.list", GET, &[ID, "input_items"], Read, ITEMS),
        verb(Conversation, "create", POST, &[], Create, NONE),
        verb(Conversation, "retrieve", GET, &[ID], Poll, NONE),
        verb(Conversation, "update", POST, &[ID], Change, NONE),
        verb(Conversation, "delete", DELETE, &[ID], Delete, NONE),
        verb(Conversation, "items.create", POST, &[ID, "items"], Extend, INCLUDE),
        verb(Conversation, "items.list", GET, &[ID, "items"], Read, ITEMS),
        verb(Conversation, "items.retrieve", GET, &[ID, "items", ANY], Read, INCLUDE),
        verb(Conversation, "items.delete", DELETE, &[ID, "items", ANY], Change, NONE),
        verb(File, "create", POST, &[], Create, NONE),
        verb(File, "list", GET, &[], List, FILES),
        verb(File, "retrieve", GET, &[ID], Poll, NONE),
        verb(File, "delete", DELETE, &[ID], Delete, NONE),
        verb(File, "content", GET, &[ID, "content"], Download, NONE),
        verb(VectorStore, "create", POST, &[], Create, NONE),
        verb(VectorStore, "list", GET, &[], List, PAGE),
        verb(VectorStore, "retrieve", GET, &[ID], Poll, NONE),
        verb(VectorStore, "update", POST, &[ID], Change, NONE),
        verb(VectorStore, "delete", DELETE, &[ID], Delete, NONE),
        verb(VectorStore, "search", POST, &[ID, "search"], Change, NONE),
        verb(VectorStore, "files.create", POST, &[ID, "files"], Change, NONE),
        verb(VectorStore, "files.list", GET, &[ID, "files"], Read, STORE_FILES),
        verb(VectorStore, "files.retrieve", GET, &[ID, "files", ANY], Poll, NONE),
        verb(VectorStore, "files.update", POST, &[ID, "files", ANY], Change, NONE),
        verb(VectorStore, "files.delete", DELETE, &[ID, "files", ANY], Change, NONE),
        verb(VectorStore, "files.content", GET, &[ID, "files", ANY, "content"], Read, NONE),
        verb(VectorStore, "file_batches.create", POST, &[ID, "file_batches"], Change, NONE),
        verb(VectorStore, "file_batches.retrieve", GET, &[ID, "file_batches", ANY], Poll, NONE),
        verb(VectorStore, "file_batches.cancel", POST, BATCH_CANCEL, Change, NONE),
        verb(VectorStore, "file_batches.list_files", GET, BATCH_FILES, Read, STORE_FILES),
    ]
};

/// A path and a method, understood.
#[derive(Debug)]
pub(super) struct Asked<'p> {
    /// What is to be done.
    pub(super) verb: &'static Verb,
    /// The segments below the kind's path, unchecked.
    segments: Vec<&'p str>,
}

impl<'p> Asked<'p> {
    /// Finds the verb of a path.
    ///
    /// # Errors
    ///
    /// 404 for a path that no verb has, 405 for one that has others.
    pub(super) fn read(kind: Kind, method: &Method, path: &'p str) -> Result<Self, ApiError> {
        let below = parse::below(path, kind.operation())?;
        let segments: Vec<&str> = below.into_iter().flat_map(|below| below.split('/')).collect();
        let here = || VERBS.iter().filter(|verb| verb.kind == kind && fits(verb.path, &segments));
        match here().find(|verb| verb.method == *method) {
            Some(verb) => Ok(Self { verb, segments }),
            None => {
                let is_responses = kind == Kind::Response && segments.is_empty();
                let has = |method| here().any(|verb| verb.method == method);
                let has =
                    (has(Method::GET), has(Method::POST) || is_responses, has(Method::DELETE));
                Err(match has {
                    (false, false, false) => ApiError::UnknownRoute,
                    has => ApiError::MethodNotAllowed { allow: allow(has) },
                })
            }
        }
    }

    /// The id of the object that the path names.
    ///
    /// # Errors
    ///
    /// 404 if it cannot be one.
    pub(super) fn id(&self) -> Result<ObjectId, ApiError> {
        let place = self.verb.path.iter().position(|part| *part == ID);
        let text = place.and_then(|place| self.segments.get(place));
        text.and_then(|text| text.parse().ok()).ok_or_else(|| self.not_found())
    }

    /// The segments for Azure's path: the object's id as we have it, other ids checked.
    ///
    /// # Errors
    ///
    /// 404 if one of them cannot be an id.
    pub(super) fn segments<'s>(&'s self, id: &'s ObjectId) -> Result<Vec<&'s str>, ApiError> {
        let pairs = self.verb.path.iter().zip(&self.segments);
        pairs
            .map(|(part, given)| match *part {
                ID => Ok(id.as_str()),
                ANY if given.parse::<ObjectId>().is_ok() => Ok(*given),
                ANY => Err(self.not_found()),
                part => Ok(part),
            })
            .collect()
    }

    /// That there is no such object.
    pub(super) fn not_found(&self) -> ApiError {
        ApiError::ObjectNotFound { kind: self.verb.kind, param: None }
    }
}

fn fits(path: &[&str], segments: &[&str]) -> bool {
    path.len() == segments.len()
        && path.iter().zip(segments).all(|(part, given)| match *part {
            ID | ANY => !given.is_empty(),
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
