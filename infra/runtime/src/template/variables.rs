//! The functions' environments: variables whose values name other things of the template.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

use super::stack::{Place, Stack};
use super::{Function, Template};

impl Template {
    /// A function's environment in a place, with the parameters at their defaults.
    ///
    /// # Errors
    ///
    /// If a value is no text in the end, or names what is not there.
    pub fn variables(
        &self,
        function: &Function,
        place: &Place,
    ) -> Result<BTreeMap<String, String>> {
        let stack = Stack::new(&self.document, place, &[])?;
        let resolved = function.variables.iter().map(|(name, value)| {
            let value = stack.text(value).with_context(|| format!("variable {name}"))?;
            Ok((name.clone(), value))
        });
        resolved.collect()
    }

    /// The path of the keys in Parameter Store, without a slash at its end.
    ///
    /// # Errors
    ///
    /// If no function has the variable.
    pub fn key_prefix(&self, place: &Place) -> Result<String> {
        let function = self.functions.first().context("the template has no functions")?;
        let mut variables = self.variables(function, place)?;
        variables.remove("LANYARD_KEY_PREFIX").context("no function has LANYARD_KEY_PREFIX")
    }

    /// A number, or the value of a parameter by its default.
    pub(super) fn number(&self, value: &Value) -> Option<u64> {
        let Value::Tagged(tagged) = value else { return value.as_u64() };
        if tagged.tag == "Ref" {
            return self.parameters.get(tagged.value.as_str()?)?.parse().ok();
        }
        let [condition, one, other] = tagged.value.as_sequence()?.as_slice() else { return None };
        self.number(if self.is_true(condition.as_str()?)? { one } else { other })
    }

    /// Whether a condition holds that compares a parameter with a text.
    fn is_true(&self, condition: &str) -> Option<bool> {
        let Value::Tagged(equals) = &self.document["Conditions"][condition] else { return None };
        let [Value::Tagged(parameter), text] = equals.value.as_sequence()?.as_slice() else {
            return None;
        };
        Some(self.parameters.get(parameter.value.as_str()?)? == text.as_str()?)
    }
}

/// The defaults of a template's parameters.
pub(super) fn defaults(parameters: &Value) -> BTreeMap<String, String> {
    let parameters = parameters.as_mapping().into_iter().flatten();
    let default = |(name, parameter): (&Value, &Value)| {
        let default = match &parameter["Default"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => return None,
        };
        Some((name.as_str()?.to_owned(), default))
    };
    parameters.filter_map(default).collect()
}

/// The variables of all functions, and those of one, which come first.
pub(super) fn of(globals: &Value, properties: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for place in [globals, properties] {
        let variables = place["Environment"]["Variables"].as_mapping().into_iter().flatten();
        let named = variables.filter_map(|(name, value)| Some((name.as_str()?, value)));
        all.extend(named.map(|(name, value)| (name.to_owned(), value.clone())));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_environment_is_the_templates() {
        let template = Template::read().unwrap();
        let place = Place {
            stack: "oslo".to_owned(),
            region: "eu-north-1".to_owned(),
            account: "123456789012".to_owned(),
            table: "a-table".to_owned(),
        };
        for function in &template.functions {
            let variables = template.variables(function, &place).unwrap();
            assert_eq!(variables["LANYARD_TABLE"], "a-table");
            assert_eq!(variables["LANYARD_KEY_PREFIX"], "/lanyard/oslo/azure-keys");
            assert_eq!(variables["LANYARD_LOG"], "info");
            assert!(function.memory_mb >= 128, "{}", function.name);
        }
    }
}
