//! Calls about stored objects: a row of the table of routes, and ids of the caller, of another
//! attendee, or of no object.

use bytes::Bytes;
use http::Method;
use lanyard_domain::object::Kind;
use lanyard_gateway::testing::id_prefix;
use lanyard_protocol::Protocol;

use super::super::PROMPT;
use super::super::samples::{FORM, JSON};
use super::{Grammar, Sent};
use crate::routes::{Action, ROUTES, Route};

/// How many attendees there are. The first two have objects from the beginning.
pub(in super::super) const USERS: usize = 3;

/// An object that Azure stores.
#[derive(Clone, Debug)]
pub(in super::super) struct Known {
    pub(in super::super) kind: Kind,
    pub(in super::super) id: String,
    /// The number of its owner.
    pub(in super::super) user: usize,
}

/// The id of the object of this kind that an attendee has from the beginning.
pub(in super::super) fn first_id(kind: Kind, user: usize) -> String {
    format!("{}_first{user}", id_prefix(kind))
}

/// The kind whose ids begin like this one.
pub(in super::super) fn kind_of(id: &str) -> Option<Kind> {
    let (begin, _) = id.split_once('_')?;
    Kind::ALL.iter().copied().find(|kind| id_prefix(*kind) == begin)
}

const BASES: [&str; 5] = ["v1", "openai/v1", "openai", "v1/openai", "openai-proxy"];

const QUERIES: [&str; 12] = [
    "",
    "limit=2",
    "limit=0",
    "order=asc&after=file_first0",
    "before=asst_none",
    "include[]=a&include=b",
    "stream=true",
    "stream=maybe",
    "purpose=user_data",
    "variant=thumbnail",
    "run_id=../x",
    "limit=1&limit=2",
];

const ODD_IDS: [&str; 6] = ["resp_none", "..", "%2e%2e", "a%2fb", "runs", "x;y"];

impl Grammar<'_> {
    /// A call about stored objects.
    pub(in super::super) fn stored(&mut self) -> Option<Sent> {
        let route = &ROUTES[usize::from(self.byte()) % ROUTES.len()];
        self.begin();
        let mut path =
            format!("/api/{}/{}", self.pick(&BASES)?, Protocol::of_kind(route.kind).path);
        for part in route.path {
            let segment = match *part {
                "ID" => self.id(route.kind),
                "THREAD" => self.id(Kind::Thread),
                "*" => "part_1".to_owned(),
                part => part.to_owned(),
            };
            path = format!("{path}/{segment}");
        }
        let query = if self.one_in(4) { self.pick(&QUERIES)? } else { "" };
        let is_usual = !self.one_in(16);
        let method = match is_usual {
            true => route.method.as_str(),
            false => self.pick(&["GET", "POST", "DELETE", "PUT"])?,
        };
        let takes_form = route.kind == Kind::File && route.action == Action::Create;
        let builder = http::Request::builder().method(method).uri(format!("{path}?{query}"));
        let builder = self.headers(builder, if takes_form { FORM } else { JSON })?;
        let body =
            if method == Method::POST.as_str() { self.stored_body(route) } else { Bytes::new() };
        let makes = matches!(route.action, Action::Create | Action::Start);
        Some(Sent {
            operation: route.kind.operation(),
            http: builder.body(body).ok()?,
            route: is_usual.then_some(route),
            user: self.user,
            is_foreign: self.is_foreign,
            makes,
        })
    }

    /// An id for a path or a body: mostly the caller's own.
    pub(in super::super) fn id(&mut self, kind: Kind) -> String {
        if self.one_in(12) {
            return self.pick(&ODD_IDS).unwrap_or_default().to_owned();
        }
        let user = if self.one_in(6) { (self.user + 1) % USERS } else { self.user };
        let known: Vec<_> =
            self.known.iter().filter(|known| known.kind == kind && known.user == user).collect();
        let place = usize::from(self.bytes.first().copied().unwrap_or_default());
        let Some(known) = place.checked_rem(known.len()).and_then(|at| known.get(at)) else {
            return first_id(kind, user);
        };
        let id = known.id.clone();
        self.is_foreign |= user != self.user;
        id
    }

    fn stored_body(&mut self, route: &Route) -> Bytes {
        if self.one_in(16) {
            return Bytes::new();
        }
        if route.kind == Kind::File {
            let purpose = self.pick(&["user_data", "vision", "assistants", "batch"]);
            return self.file_form(purpose.unwrap_or_default());
        }
        let fields = match (route.kind, route.action) {
            (Kind::Conversation, _) => {
                vec![format!(
                    r#""items":[{{"type":"message","role":"user","content":"{PROMPT}"}}]"#
                )]
            }
            (Kind::VectorStore, Action::Create) => {
                vec![format!(r#""name":"{PROMPT}","file_ids":["{}"]"#, self.id(Kind::File))]
            }
            (Kind::VectorStore, _) => {
                vec![format!(r#""query":"{PROMPT}","file_id":"{}""#, self.id(Kind::File))]
            }
            (Kind::Assistant, _) => {
                vec![format!(r#""model":"model","instructions":"{PROMPT}""#)]
            }
            (Kind::Run, Action::Start) => {
                let stream = self.one_in(2);
                vec![format!(
                    r#""assistant_id":"{}","stream":{stream},"max_completion_tokens":50"#,
                    self.id(Kind::Assistant)
                )]
            }
            (Kind::Run, Action::Resume) => {
                vec![format!(r#""stream":{},"tool_outputs":[]"#, self.one_in(2))]
            }
            (Kind::Thread, Action::Create) => {
                vec![format!(r#""messages":[{{"role":"user","content":"{PROMPT}"}}]"#)]
            }
            (Kind::Thread, _) if route.path.contains(&"messages") => {
                vec![format!(r#""role":"user","content":"{PROMPT}""#)]
            }
            (Kind::Video, _) => {
                let seconds = self.pick(&["4", "8", "0", "99"]).unwrap_or_default();
                vec![format!(r#""prompt":"{PROMPT}","seconds":"{seconds}""#)]
            }
            (Kind::Response | Kind::File | Kind::Thread | Kind::Run | Kind::Container, _) => {
                Vec::new()
            }
        };
        self.json(fields)
    }
}
