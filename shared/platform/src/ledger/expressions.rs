//! Translates a write to DynamoDB: one condition expression and one update expression with aliases.
//!
//! Attributes always get an alias, because their names contain `@` and DynamoDB reserves many
//! words. An attribute or a number that occurs again keeps its alias.

use std::collections::HashMap;
use std::fmt::{self, Display, Write as _};

use aws_sdk_dynamodb::types::AttributeValue;
use lanyard_domain::account::{Change, Condition, Field, Write};
use lanyard_domain::ids::RequestId;

use super::item::{HOLD_PREFIX, Named, write_hold};
use crate::table::number;

/// The usual capacity of a clause in characters.
const CLAUSE: usize = 256;

/// A write as DynamoDB expressions.
#[derive(Debug)]
pub(crate) struct Expressions {
    /// The condition expression.
    pub(crate) condition: Option<String>,
    /// The update expression.
    pub(crate) update: String,
    /// The attributes by alias.
    pub(crate) names: HashMap<String, String>,
    /// The values by alias.
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

impl Expressions {
    /// Translates a write.
    #[must_use]
    pub(crate) fn of(write: &Write) -> Self {
        let mut words = Words::default();
        let mut condition = Clause::joined(" AND ");
        for one in &write.conditions {
            words.condition(&mut condition, one);
        }
        let mut set = Clause::beginning("SET ");
        let mut add = Clause::beginning("ADD ");
        let mut remove = Clause::beginning("REMOVE ");
        for change in &write.changes {
            match change {
                Change::Add(field, by) => {
                    let (field, by) = (words.field(*field), words.number(*by));
                    add.push(format_args!("{field} {by}"));
                }
                Change::Set(field, to) => {
                    let (field, to) = (words.field(*field), words.number(*to));
                    set.push(format_args!("{field} = {to}"));
                }
                Change::Remove(field) => remove.push(format_args!("{}", words.field(*field))),
                Change::PutHold(id, hold) => {
                    let (id, hold) = (words.hold(id), words.value(write_hold(hold)));
                    set.push(format_args!("{id} = {hold}"));
                }
                Change::RemoveHold(id) => remove.push(format_args!("{}", words.hold(id))),
            }
        }
        let mut update = set.text;
        for clause in [add.text, remove.text] {
            if !update.is_empty() && !clause.is_empty() {
                update.push(' ');
            }
            update.push_str(&clause);
        }
        let (names, values) = words.into_maps();
        Self {
            condition: (!condition.text.is_empty()).then_some(condition.text),
            update,
            names,
            values: (!values.is_empty()).then_some(values),
        }
    }
}

/// Parts of an expression, joined as they are added.
struct Clause {
    text: String,
    begins: &'static str,
    then: &'static str,
}

impl Clause {
    /// A list after a verb.
    fn beginning(verb: &'static str) -> Self {
        Self { text: String::new(), begins: verb, then: ", " }
    }

    /// Parts with a word between them.
    fn joined(word: &'static str) -> Self {
        Self { text: String::new(), begins: "", then: word }
    }

    fn push(&mut self, part: fmt::Arguments<'_>) {
        if self.text.is_empty() {
            self.text.reserve(CLAUSE);
        }
        self.text.push_str(if self.text.is_empty() { self.begins } else { self.then });
        // Writing to memory cannot fail.
        let _ = self.text.write_fmt(part);
    }
}

/// The target of an alias.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attribute<'w> {
    Number(Field),
    Hold(&'w RequestId),
}

impl Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(field) => Named(*field).fmt(f),
            Self::Hold(id) => write!(f, "{HOLD_PREFIX}{id}"),
        }
    }
}

/// The alias of an attribute, by its index.
#[derive(Clone, Copy)]
struct Name(usize);

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#n{}", self.0)
    }
}

/// The alias of a value, by its index.
#[derive(Clone, Copy)]
struct Value(usize);

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ":v{}", self.0)
    }
}

/// The targets that have an alias. There are a few dozen at most, so a linear search is faster than
/// hashing.
#[derive(Default)]
struct Words<'w> {
    attributes: Vec<Attribute<'w>>,
    numbers: Vec<(i64, Value)>,
    values: Vec<AttributeValue>,
}

impl<'w> Words<'w> {
    fn name(&mut self, attribute: Attribute<'w>) -> Name {
        let known = self.attributes.iter().position(|known| *known == attribute);
        Name(known.unwrap_or_else(|| {
            self.attributes.push(attribute);
            self.attributes.len() - 1
        }))
    }

    fn field(&mut self, field: Field) -> Name {
        self.name(Attribute::Number(field))
    }

    fn hold(&mut self, id: &'w RequestId) -> Name {
        self.name(Attribute::Hold(id))
    }

    fn value(&mut self, value: AttributeValue) -> Value {
        self.values.push(value);
        Value(self.values.len() - 1)
    }

    fn number(&mut self, wanted: i64) -> Value {
        if let Some((_, known)) = self.numbers.iter().find(|(known, _)| *known == wanted) {
            return *known;
        }
        let value = self.value(number(wanted));
        self.numbers.push((wanted, value));
        value
    }

    fn condition(&mut self, clause: &mut Clause, condition: &'w Condition) {
        match condition {
            // An absent number counts as zero.
            Condition::AtMost(field, most) if *most >= 0 => {
                let (field, most) = (self.field(*field), self.number(*most));
                clause.push(format_args!("(attribute_not_exists({field}) OR {field} <= {most})"));
            }
            Condition::AtMost(field, most) => {
                let (field, most) = (self.field(*field), self.number(*most));
                clause.push(format_args!("{field} <= {most}"));
            }
            Condition::AtLeast(field, least) => {
                let (field, least) = (self.field(*field), self.number(*least));
                clause.push(format_args!("{field} >= {least}"));
            }
            Condition::Below(field, bound) => {
                let (field, bound) = (self.field(*field), self.number(*bound));
                clause.push(format_args!("(attribute_not_exists({field}) OR {field} < {bound})"));
            }
            Condition::Is(field, value) => {
                let (field, value) = (self.field(*field), self.number(*value));
                clause.push(format_args!("{field} = {value}"));
            }
            Condition::Present(field) => {
                clause.push(format_args!("attribute_exists({})", self.field(*field)));
            }
            Condition::Absent(field) => {
                clause.push(format_args!("attribute_not_exists({})", self.field(*field)));
            }
            Condition::HoldPresent(id) => {
                clause.push(format_args!("attribute_exists({})", self.hold(id)));
            }
            Condition::HoldAbsent(id) => {
                clause.push(format_args!("attribute_not_exists({})", self.hold(id)));
            }
        }
    }

    /// The names and values of all aliases.
    fn into_maps(self) -> (HashMap<String, String>, HashMap<String, AttributeValue>) {
        let names = self.attributes.iter().enumerate();
        let values = self.values.into_iter().enumerate();
        (
            names.map(|(place, name)| (Name(place).to_string(), name.to_string())).collect(),
            values.map(|(place, value)| (Value(place).to_string(), value)).collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::limit::Quantity;

    use super::*;

    #[test]
    fn a_write_becomes_an_expression_without_duplicate_names() {
        let id = "req_1".parse::<RequestId>().unwrap();
        let day = "2026-12-05".parse().unwrap();
        let write = Write {
            conditions: vec![
                Condition::HoldPresent(id.clone()),
                Condition::AtMost(Field::Committed, 30),
                Condition::AtMost(Field::Open, -1),
                Condition::Below(Field::Tat(Quantity::Tokens), 30),
            ],
            changes: vec![
                Change::RemoveHold(id),
                Change::Add(Field::Committed, 30),
                Change::Set(Field::Tat(Quantity::Tokens), 7),
                Change::Add(Field::Day(Quantity::Tokens, day), 30),
            ],
        };
        let Expressions { condition, update, names, values } = Expressions::of(&write);
        assert_eq!(
            condition.unwrap(),
            "attribute_exists(#n0) AND (attribute_not_exists(#n1) OR #n1 <= :v0) AND #n2 <= :v1 \
             AND (attribute_not_exists(#n3) OR #n3 < :v0)"
        );
        assert_eq!(update, "SET #n3 = :v2 ADD #n1 :v0, #n4 :v0 REMOVE #n0");
        let mut names: Vec<_> =
            names.into_iter().map(|(alias, name)| alias + " " + &name).collect();
        names.sort();
        let expected = [
            "#n0 hold@req_1",
            "#n1 committed",
            "#n2 open",
            "#n3 token_tat",
            "#n4 day_tokens@2026-12-05",
        ];
        assert_eq!(names, expected);
        let values = values.unwrap();
        assert_eq!(
            [":v0", ":v1", ":v2"].map(|alias| values[alias].as_n().unwrap().as_str()),
            ["30", "-1", "7"]
        );
        assert_eq!(values.len(), 3);
    }

    #[test]
    fn a_write_without_conditions_or_changes_has_no_expression() {
        let words = Expressions::of(&Write::default());
        assert_eq!((words.condition, words.update.as_str(), words.values), (None, "", None));
        let removal = Write { conditions: vec![], changes: vec![Change::Remove(Field::Seats)] };
        assert_eq!(Expressions::of(&removal).update, "REMOVE #n0");
    }
}
