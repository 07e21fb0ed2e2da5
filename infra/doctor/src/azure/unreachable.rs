//! Endpoints that cannot be reached, each reported once.

use super::{Inspection, judge};
use crate::finding::Finding;
use crate::inventory::{Listed, label};

/// Says once of each endpoint that it cannot be reached, at the first of its deployments.
pub(super) fn report(deployments: &[Listed], seen: &mut [Inspection]) {
    let of = |deployment: &Listed, seen: &Inspection| {
        seen.unreachable.map(|reason| (deployment.endpoint.clone(), reason))
    };
    let all: Vec<_> = deployments.iter().zip(&*seen).map(|(one, seen)| of(one, seen)).collect();
    for (at, failed) in all.iter().enumerate() {
        let Some((endpoint, reason)) = failed else { continue };
        if all.iter().take(at).any(|earlier| earlier == failed) {
            continue;
        }
        let same = all.iter().zip(deployments).filter(|(other, _)| *other == failed);
        let names: Vec<_> = same.map(|(_, deployment)| label(deployment)).collect();
        let finding = judge::no_response(*reason);
        let finding = match names.as_slice() {
            [name] => Finding { check: format!("azure {name} call"), ..finding },
            names => Finding {
                check: "azure endpoint".to_owned(),
                seen: format!(
                    "{endpoint} cannot be reached: {reason}. Deployments there: {}.",
                    names.join(", ")
                ),
                ..finding
            },
        };
        if let Some(inspection) = seen.get_mut(at) {
            inspection.findings.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::NoResponse;
    use crate::inventory::samples::a_deployment_at;

    #[test]
    fn an_endpoint_that_cannot_be_reached_is_reported_once_with_its_deployments() {
        let deployments = [
            a_deployment_at("gpt-4o", "https://a.openai.azure.com"),
            a_deployment_at("gpt-5", "https://b.openai.azure.com"),
            a_deployment_at("gpt-5-mini", "https://a.openai.azure.com"),
        ];
        let unreachable =
            || Inspection { unreachable: Some(NoResponse::UnknownName), ..Inspection::default() };
        let mut seen = [unreachable(), unreachable(), unreachable()];
        report(&deployments, &mut seen);
        let findings: Vec<_> = seen.iter().flat_map(|seen| &seen.findings).collect();
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[0].check, "azure endpoint");
        let names = "Deployments there: gpt-4o, gpt-5-mini.";
        assert!(findings[0].seen.contains(names), "{findings:?}");
        assert_eq!(findings[1].check, "azure gpt-5 call");
    }
}
