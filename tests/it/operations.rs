//! Properties of every operation: its bases, its faults, its budget, its secrets.

mod routes;

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use lanyard_domain::allowance::Limit;
use lanyard_domain::operation::Operation;
use lanyard_domain::unit::{Unit, Units};
use lanyard_protocol::Protocol;

use crate::support::asking::is_one_call;
use crate::support::{Reply, World, canary, usual};

/// The operations that are one call; stored objects have their own tests.
pub(crate) fn relayed() -> impl Iterator<Item = Operation> {
    Operation::ALL.iter().copied().filter(|operation| is_one_call(*operation))
}

/// The charge of an operation's sample request: tokens and units.
fn price(operation: Operation) -> ((u64, u64), Units) {
    const TOKENS: (u64, u64) = (usual::PROMPT_TOKENS, usual::COMPLETION_TOKENS);
    let complete = [
        Operation::ChatCompletions,
        Operation::Completions,
        Operation::Responses,
        Operation::Messages,
    ];
    match held(operation) {
        Some((Unit::AudioSeconds, _)) => ((0, 0), Units::of(Unit::AudioSeconds, usual::SECONDS)),
        Some((unit, amount)) => ((0, 0), Units::of(unit, amount)),
        None if complete.contains(&operation) => (TOKENS, Units::NONE),
        None if operation == Operation::Moderations => ((0, 0), Units::NONE),
        None => ((usual::PROMPT_TOKENS, 0), Units::NONE),
    }
}

/// The unit in which an operation is counted, and how much of it the usual request holds.
/// Operations that are not listed are counted in tokens.
pub(crate) fn held(operation: Operation) -> Option<(Unit, u64)> {
    let counted = [
        (Operation::ImagesGenerations, Unit::Images, 1),
        (Operation::ImagesEdits, Unit::Images, 1),
        (Operation::AudioTranscriptions, Unit::AudioSeconds, 10),
        (Operation::AudioTranslations, Unit::AudioSeconds, 10),
        (Operation::Videos, Unit::VideoSeconds, 4),
        (Operation::AudioSpeech, Unit::Characters, canary::PROMPT.len() as u64),
    ];
    let (_, unit, amount) = counted.into_iter().find(|(counted, ..)| *counted == operation)?;
    Some((unit, amount))
}

#[tokio::test]
async fn every_base_serves_every_operation_at_its_charge() {
    for operation in relayed() {
        let world = World::event("bases").in_memory().everything().start().await;
        let ada = world.attendee("ada").await;
        let path = Protocol::of(operation).path;
        let usual = [
            (Operation::ChatCompletions, "gpt-4o-mini"),
            (Operation::Embeddings, "text-embedding-3-small"),
        ];
        let usual = usual.into_iter().find(|(of, _)| *of == operation);
        let model = usual
            .map_or_else(|| format!("model-{}", operation.name()), |(_, name)| name.to_owned());
        let anthropics = operation == Operation::Messages;
        let prefix = if anthropics { "anthropic" } else { "openai" };
        let bases = [
            "v1".to_owned(),
            "openai/v1".to_owned(),
            format!("openai/deployments/{model}"),
            format!("v1/openai/deployments/{model}"),
            "openai-proxy".to_owned(),
        ];
        let anthropic_bases = ["v1", "anthropic/v1", "v1/v1", "anthropic", "."].map(str::to_owned);
        for base in if anthropics { &anthropic_bases } else { &bases } {
            let base = if base == "." { "" } else { &format!("{base}/") };
            let mut request = ada.asks_for(operation);
            *request.uri_mut() =
                format!("/api/{base}{path}/?api-version=2024-10-21").parse().unwrap();
            ada.send(request).await.assert_ok();
        }
        for asked in world.azure().requests() {
            assert_eq!(asked.path(), format!("/{prefix}/v1/{path}"));
            let name = format!("{}-{model}", canary::AZURE_NAME);
            assert!(String::from_utf8_lossy(&asked.body).contains(&name), "{operation}");
        }
        let ((prompt, completion), units) = price(operation);
        let totals = world.settle().await;
        assert_eq!(totals.counts(), (5, 5 * prompt, 5 * completion), "{operation}");
        for unit in Unit::ALL.iter().copied().filter(|unit| *unit != Unit::Usd) {
            assert_eq!(totals.units.get(unit), 5 * units.get(unit), "{operation} {unit}");
        }
        for record in totals.records {
            assert_eq!((record.operation, record.is_estimated), (operation, false));
            assert_eq!(besides_money(record.charge.units), units);
        }
    }
}

#[tokio::test]
async fn azures_refusals_cost_nothing_and_its_faults_one_request() {
    let faults = [
        (Reply::too_many_requests(None), 429, "upstream_busy"),
        (Reply::error(500, "500", "Scripted."), 502, "upstream_unreachable"),
        (Reply::error(401, "401", "Scripted."), 503, "upstream_misconfigured"),
        (Reply::error(404, "404", "Scripted."), 503, "upstream_misconfigured"),
        (Reply::error(410, "ModelDeprecated", "Scripted."), 503, "upstream_misconfigured"),
        (
            Reply::error(400, "BadRequest", "API version not supported"),
            503,
            "upstream_misconfigured",
        ),
        (
            Reply::error(
                400,
                "OperationNotSupported",
                "The operation does not work with the specified model, x.",
            ),
            503,
            "upstream_misconfigured",
        ),
        (Reply::redirect("https://evil.example"), 502, "upstream_unreachable"),
    ];
    let world = World::event("faults").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    for operation in relayed() {
        for (reply, status, code) in &faults {
            world.azure().always(reply.clone());
            ada.send(ada.asks_for(operation)).await.assert_refused(*status, code);
        }
    }
    let totals = world.settle().await;
    // Azure's own faults count as requests, so that retries are limited.
    let faulty = relayed().count() as u64;
    assert_eq!((totals.counts(), totals.units), ((faulty, 0, 0), Units::NONE));
}

#[tokio::test]
async fn an_unusable_response_is_charged_its_estimate() {
    for operation in relayed() {
        for reply in [Reply::html(), Reply::gzip_labelled("{}"), Reply::malformed_json()] {
            let world = World::event("unusable").in_memory().everything().start().await;
            let ada = world.attendee("ada").await;
            world.azure().script(reply);
            let response = ada.send(ada.asks_for(operation)).await;
            response.assert_refused(502, "upstream_unreachable");
            let totals = world.settle().await;
            assert!(totals.records[0].is_estimated, "{operation}");
            let expected = held(operation).map_or(Units::NONE, |(unit, n)| Units::of(unit, n));
            assert_eq!(besides_money(totals.units), expected, "{operation}");
        }
    }
}

#[tokio::test]
async fn bad_requests_leave_nothing_and_cost_nothing() {
    let world = World::event("strict").in_memory().everything().start().await;
    let ada = world.attendee("ada").await;
    for operation in relayed() {
        let with = |content_type: &'static str| {
            let mut request = ada.asks_for(operation);
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            request
        };
        let other = match Protocol::of(operation).takes_form() {
            true => "application/json",
            false => "multipart/form-data; boundary=b",
        };
        for content_type in
            [other, "text/plain", "multipart/form-data", "multipart/form-data; boundary="]
        {
            let response = ada.send(with(content_type)).await;
            response.assert_refused(415, "unsupported_media_type");
        }
        let mut large = ada.asks_for(operation);
        *large.body_mut() = vec![b' '; 5 * 1024 * 1024 + 1].into();
        ada.send(large).await.assert_refused(413, "request_too_large");
        let mut unknown = ada.asks_for(operation);
        unknown.headers_mut().insert("x-model", HeaderValue::from_static("gpt-nope"));
        ada.send(unknown).await.assert_refused(404, "model_not_found");
        let mut stranger = ada.asks_for(operation);
        stranger.headers_mut().insert("openai-event-code", HeaderValue::from_static("nope/ada"));
        ada.send(stranger).await.assert_refused(401, "invalid_event_code");
        let mut got = ada.asks_for(operation);
        *got.method_mut() = http::Method::GET;
        ada.send(got).await.assert_refused(405, "method_not_allowed");
    }
    assert_eq!(world.azure().calls(), 0);
    assert_eq!(world.settle().await.requests, 0);
}

#[tokio::test]
async fn a_spent_unit_is_refused_by_its_name_and_one_too_large_for_ever() {
    for operation in relayed() {
        let Some((unit, each)) = held(operation) else { continue };
        let limit = Limit::total_of(unit);
        let settled = price(operation).1.get(unit);
        let builder = || World::event("units").in_memory().everything();
        let small = builder().attendee(limit, each - 1).start().await;
        let ada = small.attendee("ada").await;
        let response = ada.send(ada.asks_for(operation)).await;
        response.assert_refused(400, "allowance_too_small");
        small.settle().await;

        // The second is held beside what the first was charged; the third does not fit.
        let world = builder().everybody(limit, settled * 2 + each - 1).start().await;
        let ada = world.attendee("ada").await;
        for _ in 0..2 {
            ada.send(ada.asks_for(operation)).await.assert_ok();
            world.quiet().await;
        }
        let refused = ada.send(ada.asks_for(operation)).await;
        refused.assert_refused(402, "insufficient_quota");
        assert!(refused.text().contains(&limit.to_string()), "{}", refused.text());
        ada.chat("hello").await.assert_ok();
        let units = besides_money(world.settle().await.units);
        assert_eq!(units, Units::of(unit, settled * 2), "{operation}");
    }
}

#[tokio::test]
async fn a_filtered_request_is_charged_what_the_model_has_read_and_no_image() {
    for refusal in [Reply::content_filter(), Reply::error(408, "408", "Too late.")] {
        for operation in relayed() {
            let world = World::event("filter").in_memory().everything().start().await;
            let ada = world.attendee("ada").await;
            world.azure().script(refusal.clone());
            let response = ada.send(ada.asks_for(operation)).await;
            assert!(matches!(response.status().as_u16(), 400 | 504), "{}", response.text());
            let totals = world.settle().await;
            let read = held(operation).filter(|(unit, _)| unit.is_of_prompt());
            let read = read.map_or(Units::NONE, |(unit, amount)| Units::of(unit, amount));
            assert_eq!(besides_money(totals.units), read, "{operation}");
            let has_prompt = held(operation).is_none_or(|(unit, _)| unit == Unit::Images)
                && operation != Operation::Moderations;
            assert_eq!(totals.prompt_tokens > 0, has_prompt, "{operation}");
            assert_eq!((totals.requests, totals.completion_tokens), (1, 0), "{operation}");
        }
    }
}

/// Units without what they cost, which tests of money hold.
pub(crate) fn besides_money(units: Units) -> Units {
    units.with(Unit::Usd, 0)
}
