//! CloudFormation's functions and references, as far as environments and roles use them.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_yaml_ng::Value;

/// Where a stack is deployed, or seems to be.
#[derive(Clone, Debug)]
pub struct Place {
    /// The stack's name.
    pub stack: String,
    /// AWS's region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The table's name.
    pub table: String,
}

impl Place {
    /// The ARN of the table of this name, or of ours.
    #[must_use]
    pub fn table(&self, name: &str) -> String {
        format!("arn:aws:dynamodb:{}:{}:table/{name}", self.region, self.account)
    }

    /// The ARN of a parameter, whose name begins with a slash.
    #[must_use]
    pub fn parameter(&self, name: &str) -> String {
        format!("arn:aws:ssm:{}:{}:parameter{name}", self.region, self.account)
    }

    /// The ARN of a log group's streams.
    #[must_use]
    pub fn log(&self, group: &str) -> String {
        format!("arn:aws:logs:{}:{}:log-group:{group}:*", self.region, self.account)
    }

    fn managed_policy(&self, resource: &str) -> String {
        format!("arn:aws:iam::{}:policy/{resource}", self.account)
    }
}

/// A template with its parameters.
pub(crate) struct Stack<'t> {
    template: &'t Value,
    place: &'t Place,
    parameters: BTreeMap<String, String>,
}

impl<'t> Stack<'t> {
    pub(crate) fn new(
        template: &'t Value,
        place: &'t Place,
        given: &[(&str, &str)],
    ) -> Result<Self> {
        let mut parameters = BTreeMap::new();
        for (name, parameter) in template["Parameters"].as_mapping().into_iter().flatten() {
            let name = name.as_str().context("a parameter without a name")?;
            let given = given.iter().find(|(of, _)| *of == name).map(|(_, value)| *value);
            let value = match given {
                Some(value) => value.to_owned(),
                None => texts(&parameter["Default"])
                    .with_context(|| format!("the parameter {name} has no default"))?
                    .concat(),
            };
            parameters.insert(name.to_owned(), value);
        }
        for (name, _) in given {
            ensure!(parameters.contains_key(*name), "the template has no parameter {name}");
        }
        Ok(Self { template, place, parameters })
    }

    /// The resources of a type, with their names.
    pub(crate) fn of_type(&self, kind: &str) -> impl Iterator<Item = (&'t str, &'t Value)> {
        let all = self.template["Resources"].as_mapping().into_iter().flatten();
        all.filter(move |(_, resource)| resource["Type"].as_str() == Some(kind))
            .map(|(name, resource)| (name.as_str().unwrap_or_default(), resource))
    }

    pub(crate) fn resource(&self, name: &str, kind: &str) -> Result<&'t Value> {
        let resource = &self.template["Resources"][name];
        ensure!(resource["Type"].as_str() == Some(kind), "{name} is no {kind}");
        Ok(resource)
    }

    /// The document of one of the template's own policies.
    pub(crate) fn managed_policy(&self, arn: &str) -> Result<Value> {
        let mut own = self.of_type("AWS::IAM::ManagedPolicy");
        let (_, policy) = own
            .find(|(name, _)| self.place.managed_policy(name) == arn)
            .with_context(|| format!("{arn} stands elsewhere, and what it allows with it"))?;
        Ok(policy["Properties"]["PolicyDocument"].clone())
    }

    /// A plain value as text.
    pub(crate) fn text(&self, value: &Value) -> Result<String> {
        let value = self.value(value)?.context("it has no value")?;
        Ok(texts(&value)?.concat())
    }

    /// A list without what the stack's conditions leave out; a missing one is empty.
    pub(crate) fn list(&self, value: &Value) -> Result<Vec<Value>> {
        match self.value(value)? {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Sequence(list)) => Ok(list),
            Some(_) => bail!("a list is expected"),
        }
    }

    /// A value with its functions carried out; `None` for `AWS::NoValue`.
    fn value(&self, value: &Value) -> Result<Option<Value>> {
        Ok(Some(match value {
            Value::Sequence(list) => {
                let list = list.iter().filter_map(|value| self.value(value).transpose());
                Value::Sequence(list.collect::<Result<_>>()?)
            }
            Value::Mapping(fields) => {
                let mut resolved = serde_yaml_ng::Mapping::new();
                for (name, field) in fields {
                    ensure!(
                        name.as_str().is_none_or(|name| !name.starts_with("Fn::")),
                        "functions are written short here: {name:?}"
                    );
                    if let Some(field) = self.value(field)? {
                        resolved.insert(name.clone(), field);
                    }
                }
                Value::Mapping(resolved)
            }
            Value::Tagged(call) => return self.call(value, &call.tag.to_string(), &call.value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }))
    }

    fn call(&self, buffered: &Value, function: &str, given: &Value) -> Result<Option<Value>> {
        match (function, given) {
            ("!Ref", Value::String(name)) if name == "AWS::NoValue" => Ok(None),
            ("!Ref", Value::String(name)) => Ok(Some(self.reference(name)?.into())),
            ("!Sub", Value::String(text)) => Ok(Some(self.substitute(text)?.into())),
            ("!GetAtt", Value::String(_)) => {
                let resource = attribute(buffered, "Arn").context("only ARNs are known here")?;
                Ok(Some(self.arn(resource)?.into()))
            }
            ("!If", Value::Sequence(parts)) => match parts.as_slice() {
                [Value::String(name), then, otherwise] => {
                    self.value(if self.condition(name)? { then } else { otherwise })
                }
                _ => bail!("!If takes a condition and two values"),
            },
            _ => bail!("{function} is not known to infra/runtime/src/template/stack.rs"),
        }
    }

    fn reference(&self, name: &str) -> Result<String> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        let text = match name {
            "AWS::StackName" => self.place.stack.clone(),
            "AWS::Region" => self.place.region.clone(),
            "AWS::AccountId" => self.place.account.clone(),
            "AWS::Partition" => "aws".to_owned(),
            _ => match self.template["Resources"][name]["Type"].as_str() {
                Some("AWS::DynamoDB::Table") => self.place.table.clone(),
                Some("AWS::IAM::ManagedPolicy") => self.place.managed_policy(name),
                _ => bail!("what !Ref {name} gives is not known here"),
            },
        };
        Ok(text)
    }

    fn arn(&self, name: &str) -> Result<String> {
        let resource = &self.template["Resources"][name];
        match resource["Type"].as_str() {
            Some("AWS::DynamoDB::Table") => Ok(self.place.table(&self.place.table)),
            Some("AWS::Logs::LogGroup") => {
                let group = self.value(&resource["Properties"]["LogGroupName"])?;
                let group = group.as_ref().and_then(Value::as_str);
                Ok(self.place.log(group.with_context(|| format!("{name} has no name"))?))
            }
            _ => bail!("the ARN of {name} is not known here"),
        }
    }

    fn substitute(&self, text: &str) -> Result<String> {
        let mut made = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').context("${ without an end")?;
            made.push_str(before);
            match name.strip_suffix(".Arn") {
                Some(resource) => made.push_str(&self.arn(resource)?),
                None => made.push_str(&self.reference(name)?),
            }
            rest = after;
        }
        Ok(made + rest)
    }

    fn condition(&self, name: &str) -> Result<bool> {
        let condition = &self.template["Conditions"][name];
        self.holds(condition).with_context(|| format!("the condition {name}"))
    }

    fn holds(&self, condition: &Value) -> Result<bool> {
        let Value::Tagged(call) = condition else { bail!("it is missing") };
        let parts = call.value.as_sequence().map(Vec::as_slice).unwrap_or_default();
        match (call.tag.to_string().as_str(), parts) {
            ("!Equals", [left, right]) => Ok(self.text(left)? == self.text(right)?),
            ("!Not", [one]) => Ok(!self.holds(one)?),
            ("!And", all) => Ok(all
                .iter()
                .map(|one| self.holds(one))
                .collect::<Result<Vec<_>>>()?
                .into_iter()
                .all(|holds| holds)),
            ("!Condition", _) => self.condition(call.value.as_str().context("no name")?),
            (function, _) => bail!("{function} is not known here"),
        }
    }
}

/// The resource of `!GetAtt Resource.Attribute`.
pub(crate) fn attribute<'v>(value: &'v Value, attribute: &str) -> Option<&'v str> {
    let Value::Tagged(call) = value else { return None };
    let path = call.value.as_str().filter(|_| call.tag == "GetAtt")?;
    path.strip_suffix(attribute)?.strip_suffix('.')
}

/// A text, a number, a flag or a list of them, as texts.
pub(crate) fn texts(value: &Value) -> Result<Vec<String>> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Number(number) => Ok(vec![number.to_string()]),
        Value::Bool(flag) => Ok(vec![flag.to_string()]),
        Value::Sequence(list) => {
            Ok(list.iter().map(texts).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        }
        Value::Null | Value::Mapping(_) | Value::Tagged(_) => {
            bail!("a text is missing in a statement")
        }
    }
}
