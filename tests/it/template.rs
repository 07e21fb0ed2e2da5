//! The template's roles and alarms, held to the code: each allows exactly the calls that the code
//! declares.

use std::collections::BTreeSet;

use lanyard_functions::{AZURE_AUDIENCE, Grant, Target};
use lanyard_platform::telemetry;
use lanyard_runtime::policy::wire::LEADING_KEYS;
use lanyard_runtime::policy::{Allowed, Policies};

use crate::support::policed::{KEYS, place};

/// Every switch that lets roles do more.
const EVERYTHING_ON: [(&str, &str); 2] = [("Tracing", "true"), ("AzureIdentity", "true")];

/// A row of the table in the template's syntax.
fn in_the_templates_words(function: &str, grant: Grant) -> Allowed {
    let place = place();
    let only = |key: &str, value: String| Some((key.to_owned(), value));
    let (resource, only) = match grant.on {
        Target::Items(pattern) => {
            (place.table(&place.table), only(LEADING_KEYS, pattern.to_owned()))
        }
        Target::AzureKeys => (place.parameter(&format!("{KEYS}/*")), None),
        Target::OwnKeys => (place.parameter(&format!("{KEYS}/_/*")), None),
        Target::OwnLog => (place.log(&format!("/aws/lambda/{}-{function}", place.stack)), None),
        Target::AzureIdentity => {
            ("*".to_owned(), only("sts:IdentityTokenAudience", AZURE_AUDIENCE.to_owned()))
        }
        Target::Traces => ("*".to_owned(), None),
    };
    Allowed { action: grant.action.to_owned(), resource, only }
}

/// The differences between the template and the rows, under these parameters.
fn differences(parameters: &[(&str, &str)], holds: fn(&Grant) -> bool) -> Vec<String> {
    let policies = Policies::read(&place(), parameters).unwrap();
    let mut differences = Vec::new();
    for function in policies.functions() {
        let Some(row) = lanyard_functions::named(function) else {
            differences.push(format!("{function} has no row in the table of functions"));
            continue;
        };
        let needed: BTreeSet<_> = row
            .grants()
            .into_iter()
            .filter(holds)
            .map(|grant| in_the_templates_words(function, grant))
            .collect();
        let allowed = policies.allowed(function);
        let words = |one: &Allowed| {
            let on = one.only.as_ref().map_or(&one.resource, |(_, value)| value);
            format!("{} on {on}", one.action)
        };
        for missing in needed.difference(&allowed) {
            let missing = words(missing);
            differences.push(format!("{function}: template.yaml does not allow {missing}"));
        }
        for extra in allowed.difference(&needed) {
            let extra = words(extra);
            differences.push(format!("{function}: no policy of the table needs {extra}"));
        }
    }
    differences
}

#[test]
fn each_role_allows_what_its_function_needs_and_nothing_else() {
    let none: [String; 0] = [];
    assert_eq!(differences(&EVERYTHING_ON, |_| true), none);
}

#[test]
fn tracing_and_tokens_for_azure_are_allowed_only_where_the_operator_wants_them() {
    let none: [String; 0] = [];
    let by_default = |grant: &Grant| !matches!(grant.on, Target::Traces | Target::AzureIdentity);
    assert_eq!(differences(&[], by_default), none);
}

#[test]
fn every_alarm_and_graph_of_ours_rests_on_a_metric_that_the_code_writes() {
    let template = include_str!("../../template.yaml");
    let known = telemetry::metrics_by_stack();
    let mut found = 0;
    let mut lines = template.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let metric = match line.strip_prefix("Namespace: Lanyard") {
            // An alarm: its metric and its only dimension are on the next two lines.
            Some(_) => {
                let metric = lines.next().and_then(|line| line.strip_prefix("MetricName: "));
                let dimensions = lines.next();
                let by_stack = "Dimensions: [{ Name: stack, Value: !Ref AWS::StackName }]";
                assert_eq!(dimensions, Some(by_stack), "{metric:?}");
                metric
            }
            None => line.strip_prefix("[\"Lanyard\", \"").and_then(|rest| {
                assert!(rest.contains("\"stack\", \"${AWS::StackName}\""), "{line}");
                rest.split('"').next()
            }),
        };
        if let Some(metric) = metric {
            assert!(known.contains(&metric), "nothing writes {metric}");
            found += 1;
        }
    }
    assert!(found >= 15, "only {found} were found");
}
