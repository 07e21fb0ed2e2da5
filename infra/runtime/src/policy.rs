//! The template's roles, decided as IAM would: may this function make this call?
//!
//! Only what the template uses is known: roles of our own, statements that allow, four condition
//! operators. Anything else is an error rather than a guess, so that a policy that cannot be
//! checked here cannot be written either.

pub mod wire;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_yaml_ng::Value;

use crate::template::Place;
use crate::template::stack::{Stack, attribute, texts};

/// A call as IAM sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// The action, such as `dynamodb:GetItem`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// The condition keys of the call. A key that is not here is missing from the call.
    pub context: BTreeMap<String, Vec<String>>,
}

/// One thing that a role allows, flat enough to be compared and read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowed {
    /// The action.
    pub action: String,
    /// The resource, wildcards included.
    pub resource: String,
    /// Of a condition's key, one of the values that it accepts; `None` without conditions.
    pub only: Option<(String, String)>,
}

/// What each function of the template may do.
#[derive(Clone, Debug)]
pub struct Policies(BTreeMap<String, Vec<Statement>>);

impl Policies {
    /// Reads the template of this build, as it would be deployed with these parameters in place
    /// of their defaults.
    ///
    /// # Errors
    ///
    /// If a role cannot be found, or has something that is not supported here, with its place.
    pub fn read(place: &Place, parameters: &[(&str, &str)]) -> Result<Self> {
        Self::parse(crate::template::TEMPLATE, place, parameters)
    }

    fn parse(text: &str, place: &Place, parameters: &[(&str, &str)]) -> Result<Self> {
        let template: Value = serde_yaml_ng::from_str(text)?;
        let stack = Stack::new(&template, place, parameters)?;
        let mut functions = BTreeMap::new();
        for (name, resource) in stack.of_type("AWS::Serverless::Function") {
            let package = resource["Metadata"]["BuildProperties"]["Binary"].as_str();
            let package = package.with_context(|| format!("{name} names no binary"))?;
            let role = statements_of(&stack, resource);
            let role = role.with_context(|| format!("the role of {name} cannot be determined"))?;
            functions.insert(package.to_owned(), role);
        }
        Ok(Self(functions))
    }

    /// Every function, by the name of its package.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the function's role allows the call. A function that is not there may do nothing.
    #[must_use]
    pub fn allows(&self, function: &str, request: &Request) -> bool {
        let statements = self.0.get(function).map(Vec::as_slice).unwrap_or_default();
        statements.iter().any(|statement| statement.allows(request))
    }

    /// All that a function's role allows.
    #[must_use]
    pub fn allowed(&self, function: &str) -> BTreeSet<Allowed> {
        let statements = self.0.get(function).map(Vec::as_slice).unwrap_or_default();
        statements.iter().flat_map(Statement::allowed).collect()
    }
}

/// The statements of the role of a function, those of its managed policies included.
fn statements_of(stack: &Stack<'_>, function: &Value) -> Result<Vec<Statement>> {
    let properties = &function["Properties"];
    ensure!(
        properties["Policies"].is_null(),
        "SAM adds a policy for every log group to roles that it makes: name a role of our own"
    );
    let role = attribute(&properties["Role"], "Arn").context("Role is no !GetAtt")?;
    let role = &stack.resource(role, "AWS::IAM::Role")?["Properties"];
    let mut documents = Vec::new();
    for policy in stack.list(&role["Policies"])? {
        documents.push(policy["PolicyDocument"].clone());
    }
    for arn in stack.list(&role["ManagedPolicyArns"])? {
        let arn = arn.as_str().context("a managed policy without an ARN")?;
        documents.push(stack.managed_policy(arn)?);
    }
    let mut statements = Vec::new();
    for document in documents {
        for statement in stack.list(&document["Statement"])? {
            statements.push(Statement::read(&statement)?);
        }
    }
    Ok(statements)
}

/// A statement that allows.
#[derive(Clone, Debug)]
struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

/// A condition on one key.
#[derive(Clone, Debug)]
struct Condition {
    operator: Operator,
    key: String,
    values: Vec<String>,
}

/// The operators that the template uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// `false`: the key must be in the call.
    Null,
    /// Each value of the key equals one of these. True of a key that is missing, too.
    AllEqual,
    /// Each value of the key matches one of these. True of a key that is missing, too.
    AllLike,
    /// The key's number is at most this, if it is there.
    AtMostIfExists,
}

impl Operator {
    fn read(name: &str) -> Result<Self> {
        match name {
            "Null" => Ok(Self::Null),
            "ForAllValues:StringEquals" => Ok(Self::AllEqual),
            "ForAllValues:StringLike" => Ok(Self::AllLike),
            "NumericLessThanEqualsIfExists" => Ok(Self::AtMostIfExists),
            _ => bail!("the condition operator {name} is not known to infra/runtime/src/policy.rs"),
        }
    }
}

impl Statement {
    fn read(statement: &Value) -> Result<Self> {
        let fields = statement.as_mapping().context("a statement is no mapping")?;
        for field in fields.keys().filter_map(Value::as_str) {
            ensure!(
                ["Sid", "Effect", "Action", "Resource", "Condition"].contains(&field),
                "a statement's {field} is not known to infra/runtime/src/policy.rs"
            );
        }
        ensure!(statement["Effect"].as_str() == Some("Allow"), "a statement that does not allow");
        let mut conditions = Vec::new();
        for (operator, keys) in statement["Condition"].as_mapping().into_iter().flatten() {
            let operator = Operator::read(operator.as_str().unwrap_or_default())?;
            for (key, values) in keys.as_mapping().context("a condition without keys")? {
                let key = key.as_str().context("a condition's key is no text")?.to_owned();
                conditions.push(Condition { operator, key, values: texts(values)? });
            }
        }
        let actions = texts(&statement["Action"])?;
        Ok(Self { actions, resources: texts(&statement["Resource"])?, conditions })
    }

    fn allows(&self, request: &Request) -> bool {
        self.actions.iter().any(|action| like(action, &request.action))
            && self.resources.iter().any(|resource| like(resource, &request.resource))
            && self.conditions.iter().all(|condition| condition.holds(&request.context))
    }

    fn allowed(&self) -> Vec<Allowed> {
        let closed = |key: &str| {
            let is_closed = |c: &Condition| c.operator == Operator::Null && c.key == key;
            self.conditions.iter().any(is_closed)
        };
        let sets = self.conditions.iter().filter(|condition| {
            // A set of values that a call without the key fulfils limits nothing.
            matches!(condition.operator, Operator::AllEqual | Operator::AllLike)
                && closed(&condition.key)
        });
        let mut only: Vec<Option<(String, String)>> = sets
            .flat_map(|set| set.values.iter().map(|value| Some((set.key.clone(), value.clone()))))
            .collect();
        if only.is_empty() {
            only.push(None);
        }
        let mut allowed = Vec::new();
        for action in &self.actions {
            for resource in &self.resources {
                allowed.extend(only.iter().map(|only| Allowed {
                    action: action.clone(),
                    resource: resource.clone(),
                    only: only.clone(),
                }));
            }
        }
        allowed
    }
}

impl Condition {
    fn holds(&self, context: &BTreeMap<String, Vec<String>>) -> bool {
        // An empty set is as good as none, to IAM as well.
        let given = context.get(&self.key).filter(|values| !values.is_empty());
        let of_these = |matches: fn(&str, &str) -> bool, value: &str| {
            self.values.iter().any(|v| matches(v, value))
        };
        match self.operator {
            Operator::Null => self.values.iter().any(|value| (value == "true") == given.is_none()),
            Operator::AllEqual => given.is_none_or(|all| all.iter().all(|v| of_these(str::eq, v))),
            Operator::AllLike => given.is_none_or(|all| all.iter().all(|v| of_these(like, v))),
            Operator::AtMostIfExists => given.is_none_or(|all| {
                let at_most = |most: &str, value: &str| {
                    let numbers = most.parse::<u64>().ok().zip(value.parse::<u64>().ok());
                    numbers.is_some_and(|(most, value)| value <= most)
                };
                all.iter().all(|v| of_these(at_most, v))
            }),
        }
    }
}

/// Whether a text matches a pattern of IAM: `*` is any text, `?` any character.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            text.char_indices().any(|(at, _)| like(rest, &text[at..])) || like(rest, "")
        }
        Some(wanted) => {
            let mut given = text.chars();
            given.next().is_some_and(|c| wanted == '?' || wanted == c)
                && like(&pattern[wanted.len_utf8()..], given.as_str())
        }
    }
}

#[cfg(test)]
mod tests;
