//! Warnings about a deployment's model that an organiser should see before attendees notice.

use crate::catalog::Deployment;
use crate::prices::Prices;
use chrono::{DateTime, TimeDelta, Utc};

/// How long before its retirement a model is warned about.
const NOTICE: TimeDelta = TimeDelta::days(60);

/// Unknown facts of the model, its retirement, and output that costs nothing.
#[must_use]
pub fn of(deployment: &Deployment, now: DateTime<Utc>) -> Vec<String> {
    let mut warnings = of_model(deployment, now);
    let is_output_free = |prices: &Prices| prices.prompt > 0 && prices.completion == 0;
    if deployment.writes_text() && deployment.prices.as_ref().is_some_and(is_output_free) {
        warnings.push(
            "Output tokens cost nothing, because the prices of this deployment name none for them. \
             Set prices.completion as well (--completion-price of lanyard deployment edit)."
                .to_owned(),
        );
    }
    warnings
}

fn of_model(deployment: &Deployment, now: DateTime<Utc>) -> Vec<String> {
    let Some(facts) = deployment.known_facts() else {
        return vec![unknown(deployment)];
    };
    let Some(day) = facts.retires else { return Vec::new() };
    // Days are written so that their texts are in order.
    let day_of = |at: DateTime<Utc>| at.date_naive().to_string();
    if facts.is_retired(now) {
        return vec![format!(
            "Azure retired this model on {day}. Requests may fail: deploy its successor."
        )];
    }
    if *day <= *day_of(now + NOTICE) {
        return vec![format!("Azure retires this model on {day}. Deploy its successor before.")];
    }
    Vec::new()
}

/// Where an organiser names the model.
const FIELD: &str =
    "the field model (--model of lanyard deployment edit, \"Model\" in the dashboard)";

fn unknown(deployment: &Deployment) -> String {
    let usual = deployment.facts().output_cap(None);
    let (what, remedy) = match &deployment.model {
        Some(_) => ("The model", "Check its spelling in"),
        None => ("The model behind this deployment", "Set its name, such as gpt-5-mini, in"),
    };
    let output = match deployment.writes_text() {
        true => format!("{usual} output tokens, "),
        false => String::new(),
    };
    let price = if deployment.prices.is_some() { "" } else { ", no price" };
    format!(
        "{what} is not known, so defaults apply: {output}images counted by patches{price}. \
         {remedy} {FIELD}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{AzureApi, CompletionField};
    use crate::credential::Credential;
    use crate::models::FactOverrides;
    use crate::operation::Operation;

    fn deployment(name: &str, model: Option<&str>) -> Deployment {
        Deployment {
            name: name.parse().unwrap(),
            replica: "main".parse().unwrap(),
            endpoint: "https://one.openai.azure.com".to_owned(),
            azure_name: name.parse().unwrap(),
            model: model.map(ToOwned::to_owned),
            overrides: FactOverrides::default(),
            operations: vec![Operation::ChatCompletions],
            api: AzureApi::V1,
            weight: 1,
            requests_per_minute: None,
            tokens_per_minute: None,
            completion_field: CompletionField::MaxTokens,
            prices: None,
            credential: Credential::Key("key".to_owned()),
        }
    }

    fn warned(name: &str, model: Option<&str>, now: &str) -> String {
        of(&deployment(name, model), format!("{now}T12:00:00Z").parse().unwrap()).join(" ")
    }

    #[test]
    fn a_price_of_the_input_alone_has_a_warning() {
        let with = |prompt, completion| {
            let prices = Prices { prompt, completion, ..Prices::default() };
            let priced = Deployment { prices: Some(prices), ..deployment("prod-smart", None) };
            of(&priced, "2026-11-29T12:00:00Z".parse().unwrap())
        };
        assert!(with(1_000_000, 0)[1].contains("--completion-price"));
        assert_eq!(with(1_000_000, 2_000_000).len(), 1);
        // Both are free on purpose, and an unknown model has its prices.
        assert_eq!(with(0, 0).len(), 1);
        assert!(!with(0, 0)[0].contains("no price"), "{:?}", with(0, 0));
    }

    #[test]
    fn unknown_and_retiring_models_have_warnings() {
        let unnamed = warned("prod-smart", None, "2026-11-29");
        assert!(unnamed.contains("Set its name, such as gpt-5-mini, in the field model (--model"));
        let misspelt = warned("prod-smart", Some("gpt-6-zeta"), "2026-11-29");
        assert!(misspelt.contains("Check its spelling in the field model (--model"), "{misspelt}");
        assert_eq!(warned("prod-smart", Some("deepseek-v3.2"), "2026-11-29"), "");
        // o4-mini goes on 2026-10-16, as the table has it.
        assert_eq!(warned("o4-mini", None, "2026-08-16"), "");
        assert!(warned("o4-mini", None, "2026-08-17").contains("retires this model on 2026-10-16"));
        assert!(warned("o4-mini", None, "2026-10-15").contains("retires this model on 2026-10-16"));
        assert!(warned("o4-mini", None, "2026-10-16").contains("retired this model on 2026-10-16"));
    }
}
