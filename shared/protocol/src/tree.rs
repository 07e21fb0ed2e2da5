//! JSON values in which ids are looked for. Only texts, lists and objects have content here.
//!
//! Duplicate fields are both kept, because it is unknown which one Azure reads.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::json::Text;

/// A JSON value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Node<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Self>),
    /// An object's fields in their order.
    Map(Vec<(Cow<'a, str>, Self)>),
    /// `null`.
    Null,
    /// A number, `true` or `false`.
    Other,
}

impl<'a> Node<'a> {
    /// Every value of a field of this name, in upper or lower case.
    pub(crate) fn all<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Self> {
        let fields = match self {
            Self::Map(fields) => fields.as_slice(),
            Self::Text(_) | Self::List(_) | Self::Null | Self::Other => &[],
        };
        fields.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, node)| node)
    }

    /// The value of a field of exactly this name, if it is there once.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        let Self::Map(fields) = self else { return None };
        let mut named = fields.iter().filter(|(key, _)| key == name);
        let (_, node) = named.next()?;
        named.next().is_none().then_some(node)
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::List(_) | Self::Map(_) | Self::Null | Self::Other => None,
        }
    }

    /// The parts of a list or the values of an object.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Self> {
        let (list, map): (&[Self], &[(Cow<'a, str>, Self)]) = match self {
            Self::List(list) => (list, &[]),
            Self::Map(map) => (&[], map),
            Self::Text(_) | Self::Null | Self::Other => (&[], &[]),
        };
        list.iter().chain(map.iter().map(|(_, node)| node))
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Node::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Node::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = list.next_element()? {
                    nodes.push(node);
                }
                Ok(Node::List(nodes))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(Node::Map(fields))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Node::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Node::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Node::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Node::Other)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Node::Null)
            }
        }
        deserializer.deserialize_any(Any)
    }
}
