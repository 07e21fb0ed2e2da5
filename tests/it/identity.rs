//! Deployments that are called by an identity of Entra ID instead of a key.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use insta::assert_snapshot;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::operation::Operation;
use lanyard_gateway::ports::{Incident, Upstream, UpstreamBody, UpstreamFault};
use lanyard_gateway::testing::a_deployment;

use crate::support::azure::a_call;
use crate::support::entra::{Authorities, an_azure, an_identity, form, grant, proof, refusal};
use crate::support::{Gate, Reply, ScriptedAzure, World, canary};

async fn world(upstream: Arc<dyn Upstream>) -> World {
    let world = World::event("keyless").in_memory().upstream(upstream);
    let world = world.deployments(|all| all.iter_mut().for_each(|d| d.credential = an_identity()));
    world.start().await
}

/// Moves the process's time on. It is stopped only while it is moved: a stopped clock would let
/// every time limit pass while a socket is waited for.
async fn wait(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

/// The credentials of each call to Azure.
fn bearers(azure: &ScriptedAzure) -> Vec<String> {
    let bearer = |call: &crate::support::azure::Recorded| {
        assert_eq!(call.header("api-key"), None);
        call.header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned()
    };
    azure.requests().iter().map(bearer).collect()
}

#[tokio::test]
async fn aws_vouches_entra_grants_and_azure_gets_the_token() {
    let authorities = Authorities::start().await;
    let world = world(authorities.upstream()).await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    ada.chat("again").await.assert_ok();
    assert_eq!(bearers(world.azure()), [canary::TOKEN, canary::TOKEN]);
    assert_eq!(authorities.calls(), (1, 1));

    let asked = authorities.sts.requests().remove(0);
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/"));
    assert_snapshot!(form(&asked), @r#"{"Action":"GetWebIdentityToken","Audience.member.1":"api://AzureADTokenExchange","DurationSeconds":"300","SigningAlgorithm":"RS256","Version":"2011-06-15"}"#);
    let signature = asked.header("authorization").unwrap();
    let day = &asked.header("x-amz-date").unwrap()[..8];
    let scope =
        format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/eu-north-1/sts/aws4_request, ");
    assert!(signature.starts_with(&scope), "{signature}");
    let headers = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
    assert!(signature.contains(headers), "{signature}");
    assert_eq!(asked.header("x-amz-security-token"), Some(canary::AWS_SESSION));

    let asked = authorities.entra.requests().remove(0);
    assert_eq!(asked.target, "/contoso.onmicrosoft.com/oauth2/v2.0/token");
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    let mut sent = form(&asked);
    assert_eq!(sent["client_assertion"].take(), canary::PROOF);
    assert_snapshot!(sent, @r#"{"client_assertion":null,"client_assertion_type":"urn:ietf:params:oauth:client-assertion-type:jwt-bearer","client_id":"6731de76-14a6-49ae-97bc-6eba6914391e","grant_type":"client_credentials","scope":"https://cognitiveservices.azure.com/.default"}"#);
    assert_eq!(world.settle().await.requests, 2);
    canary::assert_logs_are_clean();
}

#[tokio::test]
async fn claude_gets_tokens_for_foundry_and_openais_models_their_own() {
    let authorities = Authorities::start().await;
    let world = World::event("foundry").in_memory().everything().upstream(authorities.upstream());
    let world = world.deployments(|all| all.iter_mut().for_each(|d| d.credential = an_identity()));
    let world = world.start().await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    authorities.entra.always(grant("foundry.token", 3_599));
    for _ in 0..2 {
        ada.send(ada.asks_for(Operation::Messages)).await.assert_ok();
    }
    ada.chat("again").await.assert_ok();
    let token = canary::TOKEN.to_owned();
    let foundrys = || "foundry.token".to_owned();
    assert_eq!(bearers(world.azure()), [token.clone(), foundrys(), foundrys(), token]);
    let scopes: Vec<_> =
        authorities.entra.requests().iter().map(|asked| form(asked)["scope"].clone()).collect();
    let expected =
        ["https://cognitiveservices.azure.com/.default", "https://ai.azure.com/.default"];
    assert_eq!(scopes, expected);

    // A token that is refused is renewed for its own audience.
    wait(600).await;
    world.azure().script(Reply::json(401, "{}"));
    authorities.entra.always(grant("next.token", 3_599));
    ada.send(ada.asks_for(Operation::Messages)).await.assert_ok();
    ada.chat("once more").await.assert_ok();
    let last = bearers(world.azure()).split_off(4);
    assert_eq!(last, [foundrys(), "next.token".to_owned(), canary::TOKEN.to_owned()]);
    assert_eq!(authorities.entra.calls(), 3);
    world.settle().await;
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_used_if_that_fails() {
    let authorities = Authorities::start().await;
    let world = world(authorities.upstream()).await;
    let ada = world.attendee("ada").await;
    ada.chat("one").await.assert_ok();
    wait(3_200).await;
    ada.chat("two").await.assert_ok();
    assert_eq!(authorities.calls(), (1, 1));

    // Due, but Entra does not respond. The old token lasts, and not every request asks Entra.
    wait(150).await;
    authorities.entra.always(Reply::error(503, "x", "x"));
    ada.chat("three").await.assert_ok();
    ada.chat("four").await.assert_ok();
    assert_eq!(authorities.calls(), (2, 3));

    wait(60).await;
    authorities.entra.always(grant("next.token", 3_599));
    ada.chat("five").await.assert_ok();
    assert_eq!(authorities.calls(), (3, 4));
    assert_eq!(bearers(world.azure())[3..], [canary::TOKEN.to_owned(), "next.token".to_owned()]);

    // Past its end a token is not sent any more.
    wait(3_700).await;
    authorities.entra.always(refusal(401, 700_213));
    ada.chat("six").await.assert_refused(503, "upstream_misconfigured");
    assert_eq!(world.azure().calls(), 5);
    assert_eq!(world.settle().await.requests, 5);
}

fn with_identity() -> Deployment {
    let mut deployment = a_deployment("e", Operation::Embeddings);
    deployment.credential = an_identity();
    deployment
}

type Sent = Result<http::Response<UpstreamBody>, UpstreamFault>;

#[tokio::test]
async fn of_256_concurrent_calls_one_makes_the_token_and_one_renews_it() {
    let (authorities, azure) = (Authorities::start().await, ScriptedAzure::start().await);
    azure.always(Reply::json(401, "{}"));
    let (upstream, deployment) = (authorities.upstream(), with_identity());
    let send = async |number| -> Sent { upstream.send(&deployment, a_call(&azure, number)).await };
    let responses = join_all((0..256).map(send)).await;
    assert_eq!(authorities.calls(), (1, 1));

    // Azure refuses all of them later on. They share one renewal, and then there is none for a
    // while, however often the new token is refused.
    wait(600).await;
    authorities.entra.always(grant("next.token", 3_599));
    let renew = async |response: &Sent| {
        let mark = response.as_ref().ok()?.extensions().get().copied();
        Some(upstream.renew_credential(&deployment, mark).await)
    };
    let renewed = join_all(responses.iter().map(renew)).await;
    assert!(renewed.iter().all(|is_renewed| *is_renewed == Some(true)));
    assert_eq!(authorities.calls(), (2, 2));
    let last = upstream.send(&deployment, a_call(&azure, 256)).await;
    assert_eq!(bearers(&azure).last().unwrap(), "next.token");
    assert_eq!(renew(&last).await, Some(false));
    assert_eq!(authorities.calls(), (2, 2));
}

#[tokio::test]
async fn a_token_that_azure_refuses_is_renewed_once() {
    let authorities = Authorities::start().await;
    let world = world(authorities.upstream()).await;
    let ada = world.attendee("ada").await;
    ada.chat("hello").await.assert_ok();
    wait(600).await;
    world.azure().script(Reply::error(401, "401", "Scripted."));
    authorities.entra.always(grant("next.token", 3_599));
    ada.chat("hello").await.assert_ok();
    assert_eq!(bearers(world.azure()), [canary::TOKEN, canary::TOKEN, "next.token"]);

    world.azure().always(Reply::error(401, "PermissionDenied", "Scripted."));
    ada.chat("hello").await.assert_refused(503, "upstream_misconfigured");
    assert_eq!((authorities.calls(), world.azure().calls()), ((2, 2), 4));
    assert_eq!(world.settle().await.requests, 2);
}

#[tokio::test]
async fn without_a_token_no_attendee_is_charged_and_azure_is_not_called() {
    let failing = Reply::error(500, "x", "x");
    let sts_refuses = "<ErrorResponse><Error><Code>OutboundWebIdentityFederationDisabled</Code></Error></ErrorResponse>";
    // Responses of STS and Entra ID, and the number of calls.
    let cases = [
        (Some(Reply::json(400, sts_refuses)), None, (1, 0)),
        (Some(failing.clone()), None, (2, 0)),
        (Some(Reply::dropped()), None, (2, 0)),
        (Some(Reply::html()), None, (1, 0)),
        (Some(proof("not-a-jwt")), None, (1, 0)),
        (Some(Reply::huge(1)), None, (1, 0)),
        (None, Some(refusal(401, 700_213)), (1, 1)),
        (None, Some(refusal(400, 90_002)), (1, 1)),
        (None, Some(failing), (1, 2)),
        (None, Some(Reply::dropped()), (1, 2)),
        (None, Some(Reply::redirect("http://127.0.0.1:1/")), (1, 1)),
        (None, Some(Reply::html()), (1, 1)),
        (None, Some(Reply::json(200, r#"{"token_type":"Bearer","expires_in":3599}"#)), (1, 1)),
        (None, Some(grant("", 3_599)), (1, 1)),
        (None, Some(grant("two words", 3_599)), (1, 1)),
        (None, Some(grant("a.token", 0)), (1, 1)),
        (None, Some(grant("a.token", u64::MAX)), (1, 1)),
        (None, Some(Reply::huge(1)), (1, 1)),
        (None, Some(Reply::malformed_json()), (1, 1)),
    ];
    for (number, (sts, entra, calls)) in cases.into_iter().enumerate() {
        let authorities = Authorities::start().await;
        if let Some(reply) = sts {
            authorities.sts.always(reply);
        }
        if let Some(reply) = entra {
            authorities.entra.always(reply);
        }
        let world = world(authorities.upstream()).await;
        let ada = world.attendee("ada").await;
        // The second gets the result of the first.
        for _ in 0..2 {
            ada.chat("hello").await.assert_refused(503, "upstream_misconfigured");
        }
        assert_eq!((authorities.calls(), world.azure().calls()), (calls, 0), "case {number}");
        assert_eq!(world.request_log().incidents(), [Incident::UpstreamMisconfigured; 2]);
        assert_eq!(world.settle().await.requests, 0);
    }
    canary::assert_logs_are_clean();
}

#[tokio::test]
async fn the_log_names_the_code_and_nothing_of_the_tokens() {
    let authorities = Authorities::start().await;
    authorities.entra.always(refusal(401, 700_213));
    let azure = ScriptedAzure::start().await;
    let fault = async |upstream: Arc<dyn Upstream>| {
        let Err(UpstreamFault::NoCredential(cause)) =
            upstream.send(&with_identity(), a_call(&azure, 0)).await
        else {
            panic!("it was sent")
        };
        assert!(canary::in_text(&format!("{cause:?}"), &canary::TOKENS).is_none());
        cause.to_string()
    };
    assert_snapshot!(fault(authorities.upstream()).await, @"Entra ID answered 401: AADSTS700213, correlation id 4a396884-3469-427a-938f-e5e5e5e5e511");
    authorities.sts.always(Reply::json(403, "<Error><Code>AccessDenied</Code></Error>"));
    assert_snapshot!(fault(authorities.upstream()).await, @"STS answered 403: AccessDenied");
    let nobody: Arc<dyn Upstream> = Arc::new(an_azure(None));
    assert_snapshot!(fault(nobody).await, @"a deployment with an identity needs AWS credentials, which are not there: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION, or give the deployment a key");
    assert_eq!(azure.calls(), 0);
}

#[tokio::test]
async fn a_call_that_gives_up_leaves_the_turn_to_the_next() {
    let (authorities, azure) = (Authorities::start().await, ScriptedAzure::start().await);
    azure.always(Reply::json(200, "{}"));
    let gate = Gate::closed();
    authorities.entra.script(grant(canary::TOKEN, 3_599).held(&gate));
    let (upstream, deployment) = (authorities.upstream(), with_identity());
    let first = upstream.send(&deployment, a_call(&azure, 0));
    tokio::select! {
        _ = first => panic!("it came through the gate"),
        () = authorities.entra.called(1) => {}
    }
    upstream.send(&deployment, a_call(&azure, 1)).await.unwrap();
    assert_eq!((authorities.calls(), azure.calls()), ((2, 2), 1));
}
