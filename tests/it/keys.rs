//! Deployments that are called by a key.

use std::sync::Arc;

use lanyard_administration::ports::KeyStore;
use lanyard_domain::catalog::Deployment;
use lanyard_domain::credential::{AzureKey, Credential};
use lanyard_domain::operation::Operation;
use lanyard_gateway::ports::Upstream;
use lanyard_gateway::testing::a_deployment;
use lanyard_platform::azure::Azure;
use lanyard_platform::https;
use lanyard_platform::keys::FileKeys;

use crate::support::azure::a_call;
use crate::support::{Reply, ScriptedAzure};

const REFERENCE: &str = "/lanyard/keys/one";

fn at(azure: &ScriptedAzure) -> Deployment {
    let mut deployment = a_deployment("e", Operation::Embeddings);
    deployment.endpoint = azure.endpoint();
    deployment.credential = Credential::Key(REFERENCE.to_owned());
    deployment
}

#[tokio::test]
async fn a_key_that_was_read_for_one_endpoint_is_sent_to_no_other() {
    let (old, new) = (ScriptedAzure::start().await, ScriptedAzure::start().await);
    for azure in [&old, &new] {
        azure.always(Reply::json(200, "{}"));
    }
    let keys = Arc::new(FileKeys::in_memory());
    let upstream = Azure::new(https::client().unwrap(), keys.clone(), None);
    let write =
        async |key: &str| keys.write(REFERENCE, &AzureKey::new(key).unwrap()).await.unwrap();
    let send = async |azure: &ScriptedAzure, number| {
        upstream.send(&at(azure), a_call(azure, number)).await.unwrap();
        azure.requests().last().unwrap().header("api-key").unwrap().to_owned()
    };

    write("the-old-key").await;
    assert_eq!(send(&old, 0).await, "the-old-key");
    // The organiser changes endpoint and key. Requests with the settings of before are in flight.
    write("the-new-key").await;
    assert_eq!(send(&new, 1).await, "the-new-key");
    assert_eq!(send(&old, 2).await, "the-old-key");
    assert_eq!(send(&new, 3).await, "the-new-key");
}
