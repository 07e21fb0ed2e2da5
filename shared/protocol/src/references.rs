//! The ids of stored objects in JSON bodies.
//!
//! Azure takes the id of any object of its resource, whoever made it. So each protocol lists every
//! place of its body at which Azure reads an id, and what stands there must be the attendee's own.

use std::borrow::Cow;

use lanyard_domain::object::Kind;
use serde_json::value::RawValue;

use crate::error::{BodyRefused, invalid, not_allowed};
use crate::tree::Node;

/// A place of a body at which Azure reads an id.
#[derive(Clone, Copy, Debug)]
pub struct IdPlace {
    /// Names of fields with dots between them. `**` is any depth. Lists are gone through as if
    /// they were not there.
    path: &'static str,
    what: What,
    /// Whether the field is only parsed if its text mentions an id at all.
    is_searched_first: bool,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The id of an object of this kind.
    Names(Kind),
    /// An id of something that is never anybody's here: refused with these words.
    Refused(&'static str),
}

impl IdPlace {
    /// The id of an object of a kind.
    pub(crate) const fn names(path: &'static str, kind: Kind) -> Self {
        Self { path, what: What::Names(kind), is_searched_first: false }
    }

    /// The same, in a field that is long and rarely holds one: a chat without files need not be
    /// parsed for them.
    pub(crate) const fn names_if_mentioned(path: &'static str, kind: Kind) -> Self {
        Self { path, what: What::Names(kind), is_searched_first: true }
    }

    /// An id that is refused with these words.
    pub(crate) const fn refused(path: &'static str, why: &'static str) -> Self {
        Self { path, what: What::Refused(why), is_searched_first: false }
    }
}

/// Why a container is refused.
pub(crate) const CONTAINER: &str = "Containers cannot be named here, since they are shared by everybody at \
     the event. Write {\"type\": \"auto\"} for one of your own.";

/// An id in a body, unchecked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// What it names.
    pub kind: Kind,
    /// The field of the body in which it stands.
    pub param: &'static str,
    /// The id as it was sent.
    pub id: String,
}

/// Every id in a body, each once.
pub(crate) fn read(
    places: &[IdPlace],
    fields: &[(Cow<'_, str>, &RawValue)],
) -> Result<Vec<Reference>, BodyRefused> {
    let mut found = Vec::new();
    for place in places {
        let mut path = place.path.split('.');
        let field = path.next().unwrap_or_default();
        let path: Vec<&str> = path.collect();
        let raws = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(field));
        for (_, raw) in raws {
            if place.is_searched_first && !may_hold_ids(raw.get()) {
                continue;
            }
            let node = serde_json::from_str::<Node<'_>>(raw.get())
                .map_err(|_| invalid(field, "cannot be read"))?;
            let mut ids = Vec::new();
            collect(&node, &path, &mut ids);
            match place.what {
                What::Refused(why) if !ids.is_empty() => return Err(not_allowed(field, why)),
                What::Refused(_) => {}
                What::Names(kind) => found.extend(ids.into_iter().map(|id| Reference {
                    kind,
                    param: field,
                    id: id.to_owned(),
                })),
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether a text can hold a field such as `file_id`, spelt out or escaped.
fn may_hold_ids(text: &str) -> bool {
    let holds = |needle: &str| memchr::memmem::find(text.as_bytes(), needle.as_bytes()).is_some();
    holds("_id") || holds("_ID") || holds("_Id") || holds("_iD") || holds("\\u")
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
mod tests {
    use super::*;

    fn ids(json: &str, path: &str) -> Vec<String> {
        let node: Node<'_> = serde_json::from_str(json).unwrap();
        let path: Vec<_> = path.split('.').collect();
        let mut ids = Vec::new();
        collect(&node, &path, &mut ids);
        ids.into_iter().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn lists_doubles_letters_and_escapes_hide_nothing() {
        assert_eq!(ids(r#"{"file_ids":["a",["b"]]}"#, "file_ids"), ["a", "b"]);
        assert_eq!(ids(r#"{"file_id":"a","file_id":"b"}"#, "file_id"), ["a", "b"]);
        assert_eq!(ids(r#"{"File_Id":"a","file\u005fid":"b"}"#, "file_id"), ["a", "b"]);
        assert_eq!(
            ids(r#"[{"x":{"y":[{"file_id":"a"}]}},{"file_id":"b"}]"#, "**.file_id"),
            ["a", "b"]
        );
        assert!(ids(r#"{"file_id":{"type":"string"}}"#, "**.file_id").is_empty());
    }
}
