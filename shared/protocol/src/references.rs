//! The ids of stored objects in JSON bodies.
//!
//! Azure accepts the id of any object of its resource, of any attendee. So an object that a body
//! names must be the attendee's own, wherever the id is.
//!
//! The rule uses the names of fields, not the form of a text. A text, or a list of texts, under one
//! of the [`NAMES`] is an id at any depth of any field. Texts under other names, such as `content`,
//! `text`, `output` or `arguments`, are free and never read. Nor is anything below the [`FREE`]
//! names: schemas, metadata and arguments that a client may shape as it likes. Ids whose field has
//! too plain a name for this, such as `id` or `conversation`, are listed by their place in each
//! protocol.
//!
//! Clients send the output of earlier turns back. What it only reports names nothing: citations,
//! and the results of tools that Azure has run ([`REPORTS`]).

use std::sync::LazyLock;

use lanyard_domain::object::Kind;
use memchr::{memchr2_iter, memmem};

use crate::error::{BodyRefused, invalid, not_allowed};
use crate::json::hides_letters;
use crate::tree::Node;

/// The fields that have ids, wherever they are. What ends in such a name has ids as well.
const NAMES: [(&str, What); 13] = [
    ("file_id", What::Names(Kind::File)),
    ("file_ids", What::Names(Kind::File)),
    ("vector_store_id", What::Names(Kind::VectorStore)),
    ("vector_store_ids", What::Names(Kind::VectorStore)),
    ("assistant_id", What::Names(Kind::Assistant)),
    ("thread_id", What::Names(Kind::Thread)),
    ("previous_response_id", What::Names(Kind::Response)),
    ("conversation_id", What::Names(Kind::Conversation)),
    ("video_id", What::Names(Kind::Video)),
    ("container_id", What::Names(Kind::Container)),
    ("container_ids", What::Names(Kind::Container)),
    ("skill_id", What::Refused(SKILL)),
    ("character_id", What::Refused(CHARACTERS)),
];

/// Fields whose values clients shape as they like. Azure looks for no ids in them.
const FREE: [&str; 10] = [
    "arguments",
    "attributes",
    "env",
    "headers",
    "input_examples",
    "input_schema",
    "json_schema",
    "output_schema",
    "parameters",
    "schema",
];

/// Whether clients shape what is below a field as they like. Metadata has many names: Codex sends
/// `client_metadata` with the ids of its own threads.
fn is_free(name: &str) -> bool {
    ends_with(name, "metadata") || FREE.iter().any(|free| name.eq_ignore_ascii_case(free))
}

fn ends_with(name: &str, end: &str) -> bool {
    let at = name.len().checked_sub(end.len());
    at.and_then(|at| name.get(at..)).is_some_and(|last| last.eq_ignore_ascii_case(end))
}

/// Where an item of an earlier turn reports what a tool has found or made, by its type: Azure reads
/// no objects there.
const REPORTS: [(&str, &str); 2] =
    [("file_search_call", "results"), ("code_interpreter_call", "outputs")];

/// The same, for what reports a file of Claude's code execution.
const CODE_OUTPUT: &str = "code_execution_output";

/// Where texts of an earlier turn say what they cite.
const CITING: [&str; 2] = ["annotations", "citations"];

/// Whether this is the type of a citation.
fn is_citation(kind: &str) -> bool {
    ["_citation", "_location"].iter().any(|end| kind.ends_with(end)) || kind == "file_path"
}

/// A place of a body at which Azure reads an id, beside the fields that hold ids by their name.
#[derive(Clone, Copy, Debug)]
pub struct IdPlace {
    /// Names of fields with dots between them. `**` is any depth. Lists are gone through as if
    /// they were not there.
    path: &'static str,
    what: What,
    /// Whether the field is only parsed if its text holds this.
    mention: Option<&'static str>,
}

/// The ids at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The id of an object of this kind.
    Names(Kind),
    /// An id of an object that has no owner here: refused with this message.
    Refused(&'static str),
    /// What clients shape as they like, below any field of this name.
    Free,
}

impl IdPlace {
    /// The id of an object of a kind.
    pub(crate) const fn names(path: &'static str, kind: Kind) -> Self {
        Self { path, what: What::Names(kind), mention: None }
    }

    /// An id that is refused with this message.
    pub(crate) const fn refused(path: &'static str, why: &'static str) -> Self {
        Self { path, what: What::Refused(why), mention: None }
    }

    /// A field below which clients write what they like, wherever it stands.
    pub(crate) const fn free(name: &'static str) -> Self {
        Self { path: name, what: What::Free, mention: None }
    }

    /// The same, in a field that is long and rarely holds one: it is parsed only if its text holds
    /// this.
    pub(crate) const fn if_mentioned(self, mention: &'static str) -> Self {
        Self { mention: Some(mention), ..self }
    }
}

/// Why a container of Anthropic's is refused.
pub(crate) const CONTAINER: &str = "Containers cannot be named here, since they are shared by everybody at \
     the event. Leave container out.";

/// Why a skill is refused.
const SKILL: &str = "Stored skills cannot be named here, since they are shared by everybody at the \
     event. Leave skill_id out.";

/// Why a character of a video is refused.
pub(crate) const CHARACTERS: &str = "Characters cannot be named here, since they are shared by everybody at \
     the event. Describe them in prompt.";

/// An id in a body, unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// What it names.
    pub kind: Kind,
    /// The field of the body that has it.
    pub param: &'static str,
    /// The id as it was sent.
    pub id: String,
    /// How often it stands there. The model reads the object as often.
    pub times: u64,
    /// Whether an earlier turn only cites it. Nothing is read then.
    pub is_cited: bool,
}

impl Reference {
    /// Whether an earlier turn names it and the request can do without it: a container in which a
    /// tool has worked.
    #[must_use]
    pub fn is_of_earlier_turn(&self) -> bool {
        self.kind == Kind::Container && ["input", "items"].contains(&self.param)
    }
}

/// Every id in a body, each once.
pub(crate) fn read<'f>(
    places: &[IdPlace],
    fields: impl Iterator<Item = (&'f str, &'f str)>,
) -> Result<Vec<Reference>, BodyRefused> {
    let mut found = Vec::new();
    for (name, text) in fields {
        let here = || {
            places.iter().filter(|place| {
                let (field, _) = place.path.split_once('.').unwrap_or((place.path, ""));
                place.what != What::Free
                    && name.eq_ignore_ascii_case(field)
                    && place.is_mentioned(text)
            })
        };
        let is_name = || id_name(name).is_some() || name.eq_ignore_ascii_case("container");
        // A text of the outer object holds no names.
        let may_hold = || text.starts_with(['{', '[']) && may_hold_ids(text);
        let may_name = (is_name() || may_hold()) && !is_free(name);
        if !may_name && here().next().is_none() {
            continue;
        }
        let param = param_of(name);
        let node =
            serde_json::from_str::<Node<'_>>(text).map_err(|_| invalid(param, "cannot be read"))?;
        if may_name {
            scan(name, &node, param, places, &mut found)?;
        }
        for place in here() {
            let path: Vec<&str> = place.path.split('.').skip(1).collect();
            let mut ids = Vec::new();
            collect(&node, &path, &mut ids);
            add(place.what, ids, param, &mut found)?;
        }
    }
    found.sort();
    found.dedup_by(|next, one| {
        let is_same = (next.kind, next.param, &next.id, next.is_cited)
            == (one.kind, one.param, &one.id, one.is_cited);
        one.times += if is_same { next.times } else { 0 };
        is_same
    });
    Ok(found)
}

impl IdPlace {
    fn is_mentioned(&self, text: &str) -> bool {
        self.mention.is_none_or(|mention| {
            memmem::find(text.as_bytes(), mention.as_bytes()).is_some() || hides_letters(text)
        })
    }
}

/// The name of a field of the outer object, as errors name it.
fn param_of(name: &str) -> &'static str {
    const PARAMS: [&str; 18] = [
        "additional_messages",
        "assistant_id",
        "attachments",
        "characters",
        "content",
        "conversation",
        "file_id",
        "file_ids",
        "files",
        "input",
        "input_reference",
        "instructions",
        "items",
        "messages",
        "previous_response_id",
        "thread",
        "tool_resources",
        "tools",
    ];
    PARAMS.into_iter().find(|param| name.eq_ignore_ascii_case(param)).unwrap_or("body")
}

/// Adds the ids at a place.
fn add(
    what: What,
    ids: Vec<&str>,
    param: &'static str,
    found: &mut Vec<Reference>,
) -> Result<(), BodyRefused> {
    match what {
        What::Refused(why) if !ids.is_empty() => return Err(not_allowed(param, why)),
        What::Refused(_) | What::Free => {}
        What::Names(kind) => found.extend(ids.into_iter().map(|id| Reference {
            kind,
            param,
            id: id.to_owned(),
            times: 1,
            is_cited: false,
        })),
    }
    Ok(())
}

/// The containers whose files an earlier turn cites. Other cited ids say nothing that matters here.
fn add_cited(citation: &Node<'_>, param: &'static str, found: &mut Vec<Reference>) {
    let ids = citation.all("container_id").filter_map(Node::text);
    found.extend(ids.map(|id| Reference {
        kind: Kind::Container,
        param,
        id: id.to_owned(),
        times: 1,
        is_cited: true,
    }));
}

/// The type of an object that has one type.
fn only_type<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    let mut kinds = node.all("type");
    let kind = kinds.next().and_then(Node::text);
    kind.filter(|_| kinds.next().is_none())
}

/// The kind of the ids under a name.
fn id_name(name: &str) -> Option<What> {
    // All of them end so, and most names do not.
    let is_id = |end: &str| name.len() > end.len() && ends_with(name, end);
    if !is_id("_id") && !is_id("_ids") {
        return None;
    }
    // The same kind of id may have a longer name, such as `remix_video_id`.
    let is_named = |known: &str| {
        let ends = name.len().checked_sub(known.len()).and_then(|at| name.split_at_checked(at));
        ends.is_some_and(|(begin, end)| {
            end.eq_ignore_ascii_case(known) && (begin.is_empty() || begin.ends_with('_'))
        })
    };
    NAMES.iter().find(|(known, _)| is_named(known)).map(|(_, what)| *what)
}

/// Every id in a field and below it.
fn scan(
    name: &str,
    node: &Node<'_>,
    param: &'static str,
    places: &[IdPlace],
    found: &mut Vec<Reference>,
) -> Result<(), BodyRefused> {
    let is_free_here =
        |place: &IdPlace| place.what == What::Free && name.eq_ignore_ascii_case(place.path);
    if is_free(name) || places.iter().any(is_free_here) {
        return Ok(());
    }
    if let Some(what) = id_name(name) {
        let mut ids = Vec::new();
        collect(node, &[], &mut ids);
        add(what, ids, param, found)?;
    }
    if name.eq_ignore_ascii_case("container") {
        let mut ids = Vec::new();
        collect(node, &[], &mut ids);
        collect(node, &["id"], &mut ids);
        add(What::Names(Kind::Container), ids, param, found)?;
    }
    match node {
        Node::Map(fields) => {
            let kind = only_type(node).unwrap_or_default();
            fields.iter().try_for_each(|(name, node)| {
                let is_report = REPORTS.contains(&(kind, name.as_ref()))
                    || (kind.ends_with(CODE_OUTPUT) && name == "file_id");
                if is_report { Ok(()) } else { scan(name, node, param, places, found) }
            })
        }
        Node::List(list) => list.iter().try_for_each(|node| match node {
            Node::Map(_) if CITING.contains(&name) && only_type(node).is_some_and(is_citation) => {
                add_cited(node, param, found);
                Ok(())
            }
            Node::Map(_) | Node::List(_) => scan("", node, param, places, found),
            Node::Text(_) | Node::Null | Node::Other => Ok(()),
        }),
        Node::Text(_) | Node::Null | Node::Other => Ok(()),
    }
}

/// The beginnings of a field `container`, in any letters.
static CONTAINERS: LazyLock<[memmem::Finder<'_>; 2]> =
    LazyLock::new(|| ["\"c", "\"C"].map(memmem::Finder::new));

/// Whether a text can hold a field such as `file_id` or `container`, spelt out or escaped, in any
/// letters. Most bodies are long and hold none.
fn may_hold_ids(text: &str) -> bool {
    let bytes = text.as_bytes();
    let follows = |at: usize, word: &[u8]| {
        bytes.get(at..at + word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word))
    };
    memchr2_iter(b'_', b'\\', bytes).any(|at| follows(at, b"_id") || follows(at, b"\\u"))
        || CONTAINERS
            .iter()
            .any(|begin| begin.find_iter(bytes).any(|at| follows(at, b"\"container")))
}

/// The texts at a path.
fn collect<'n>(node: &'n Node<'_>, path: &[&'n str], ids: &mut Vec<&'n str>) {
    if let Node::List(list) = node {
        for part in list {
            collect(part, path, ids);
        }
        return;
    }
    match path {
        [] => ids.extend(node.text()),
        ["**", rest @ ..] => {
            collect(node, rest, ids);
            for child in node.children() {
                collect(child, path, ids);
            }
        }
        [name, rest @ ..] => {
            for child in node.all(name) {
                collect(child, rest, ids);
            }
        }
    }
}

#[cfg(test)]
mod tests;
