//! Reading an object field by field, so that every mistake is reported at once.

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::error::{AdminError, Mistake};
use crate::read::Reader;

/// The most mistakes that are listed.
const MOST_MISTAKES: usize = 100;
/// The part of an unknown field's name that is repeated.
const LONGEST_NAME: usize = 64;

/// The part of a name in a body that a mistake repeats.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(RefCell<Vec<Mistake>>);

impl Mistakes {
    /// Notes that a field's value is wrong.
    pub(crate) fn add(&self, field: impl Into<String>, message: impl Into<String>) {
        self.push(Mistake { field: field.into(), message: message.into(), is_unknown: false });
    }

    fn push(&self, mistake: Mistake) {
        let mut mistakes = self.0.borrow_mut();
        if mistakes.len() < MOST_MISTAKES {
            mistakes.push(mistake);
        }
    }

    /// The value, unless there were mistakes on the way to it.
    ///
    /// # Errors
    ///
    /// [`AdminError::Invalid`] with all of them.
    pub(crate) fn unless_any<T>(self, value: Option<T>) -> Result<T, AdminError> {
        match (self.0.into_inner(), value) {
            (mistakes, Some(value)) if mistakes.is_empty() => Ok(value),
            (mistakes, _) => Err(AdminError::Invalid(mistakes)),
        }
    }
}

/// A field of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// Nothing.
    Absent,
    /// `null`: the field is to be cleared.
    Null,
    /// A value.
    Value(T),
    /// Something wrong, which has been noted.
    Wrong,
}

impl<T> Given<T> {
    /// The value, where there is a good one.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null | Self::Wrong => None,
        }
    }

    /// The value of a field that must be given.
    pub(crate) fn required(self, field: &str, mistakes: &Mistakes) -> Option<T> {
        if matches!(self, Self::Absent | Self::Null) {
            mistakes.add(field, "is required");
        }
        self.value()
    }

    /// The value, `None` if the body clears the field, or `before` if the body does not name it.
    pub(crate) fn or_before(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Null => None,
            Self::Absent | Self::Wrong => before,
        }
    }

    /// The value, `before` if the body does not name the field, or `cleared` if it clears it.
    pub(crate) fn or(self, before: T, cleared: T) -> T {
        match self {
            Self::Value(value) => value,
            Self::Absent | Self::Wrong => before,
            Self::Null => cleared,
        }
    }
}

/// An object that is being read.
pub(crate) struct Form<'a> {
    object: &'a Map<String, Value>,
    path: String,
    mistakes: &'a Mistakes,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Form<'a> {
    /// The outer object of a body.
    pub(crate) fn new(object: &'a Map<String, Value>, mistakes: &'a Mistakes) -> Self {
        Self { object, path: String::new(), mistakes, known: RefCell::default() }
    }

    /// The full path of a field.
    pub(crate) fn path_of(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// Notes that a field is wrong.
    pub(crate) fn mistake(&self, name: &str, message: impl Into<String>) {
        self.mistakes.add(self.path_of(name), message);
    }

    /// A field, read by its reader, which knows the expected value.
    pub(crate) fn field<T>(
        &self,
        name: &'static str,
        reader: Reader<impl FnOnce(&'a Value) -> Result<T, String>>,
    ) -> Given<T> {
        #[cfg(feature = "schema")]
        crate::noted::note(self.path_of(name), reader.schema);
        self.read(name, reader.read)
    }

    fn read<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&'a Value) -> Result<T, String>,
    ) -> Given<T> {
        self.known.borrow_mut().push(name);
        match self.object.get(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(value) => match read(value) {
                Ok(value) => Given::Value(value),
                Err(message) => {
                    self.mistake(name, message);
                    Given::Wrong
                }
            },
        }
    }

    /// A field that must be there.
    pub(crate) fn required<T>(
        &self,
        name: &'static str,
        reader: Reader<impl FnOnce(&'a Value) -> Result<T, String>>,
    ) -> Option<T> {
        match self.field(name, reader) {
            Given::Value(value) => Some(value),
            Given::Wrong => None,
            Given::Absent | Given::Null => {
                self.mistake(name, "is required");
                None
            }
        }
    }

    /// A field that is itself an object.
    pub(crate) fn form(&self, name: &'static str) -> Given<Form<'a>> {
        let path = format!("{}.", self.path_of(name));
        let mistakes = self.mistakes;
        #[cfg(feature = "schema")]
        crate::noted::note_object(self.path_of(name));
        self.read(name, |value| {
            let object = value.as_object().ok_or("must be an object")?;
            Ok(Form { object, path, mistakes, known: RefCell::default() })
        })
    }

    /// A field that is an object of objects, whose names the body chooses.
    #[cfg_attr(not(feature = "schema"), expect(unused_variables, reason = "only schemas need it"))]
    pub(crate) fn forms(
        &self,
        name: &'static str,
        schema: impl FnOnce() -> Value,
    ) -> Given<Vec<(&'a str, Given<Form<'a>>)>> {
        let (path, mistakes) = (self.path_of(name), self.mistakes);
        #[cfg(feature = "schema")]
        crate::noted::note(path.clone(), schema());
        let form = |name: &str, value: &'a Value| {
            let short = shortened(name);
            match value {
                Value::Null => Given::Null,
                Value::Object(object) => Given::Value(Form {
                    object,
                    path: format!("{path}.{short}."),
                    mistakes,
                    known: RefCell::default(),
                }),
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                    mistakes.add(format!("{path}.{short}"), "must be an object");
                    Given::Wrong
                }
            }
        };
        self.read(name, |value| {
            let object = value.as_object().ok_or("must be an object")?;
            Ok(object.iter().map(|(name, value)| (name.as_str(), form(name, value))).collect())
        })
    }

    /// Reports every field that was not read.
    pub(crate) fn close(self) {
        let known = self.known.into_inner();
        for name in self.object.keys().filter(|name| !known.contains(&name.as_str())) {
            self.mistakes.push(Mistake {
                field: format!("{}{}", self.path, shortened(name)),
                message: format!("is not a field that can be set; there are: {}", known.join(", ")),
                is_unknown: true,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;
    use serde_json::json;

    fn mistakes(body: &Value) -> Vec<String> {
        let mistakes = Mistakes::default();
        let form = Form::new(body.as_object().unwrap(), &mistakes);
        form.required("name", read::line(1..=9));
        if let Given::Value(inner) = form.form("inner") {
            inner.field("size", read::whole(0..=9));
            inner.close();
        }
        form.close();
        mistakes.0.into_inner().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_mistake_is_noted_with_its_path() {
        assert!(mistakes(&json!({"name": "x", "inner": {"size": 1}})).is_empty());
        assert_eq!(
            mistakes(&json!({"name": 1, "inner": {"size": -1, "colour": 2}, "zzz": 0})),
            [
                "name must be one line of text, 1 to 9 characters",
                "inner.size must be a whole number from 0 to 9",
                "inner.colour is not a field that can be set; there are: size",
                "zzz is not a field that can be set; there are: name, inner",
            ]
        );
        assert_eq!(
            mistakes(&json!({"inner": []})),
            ["name is required", "inner must be an object"]
        );
    }

    #[test]
    fn a_flood_of_mistakes_is_cut() {
        let body: Map<String, Value> = (0..500).map(|i| (format!("f{i}"), json!(0))).collect();
        assert_eq!(mistakes(&Value::Object(body)).len(), MOST_MISTAKES);
    }
}
