//! The credential of a deployment, as read from a body: a key, an identity, or what it was.

use lanyard_domain::catalog::Deployment;
use lanyard_domain::credential::{Authority, AzureKey, Credential, Identity};
use serde_json::{Value, json};

use super::endpoint;
use crate::form::{Form, Given};
use crate::read::{self, Reader, reader, reads};

/// The result.
#[derive(Debug)]
pub(super) enum Chosen {
    /// A key to be kept.
    Key(AzureKey),
    /// An identity, whose tokens need no keeping.
    Identity(Identity),
    /// The existing credential.
    Kept(Credential),
}

/// Reads the fields `key` and `identity`: one of them for a new deployment, at most one for a
/// change. Notes what is wrong.
///
/// A stored key stays with its endpoint. Otherwise a person who may change deployments could send a
/// key that they cannot read to their own resource.
pub(super) fn read(
    form: &Form<'_>,
    before: Option<&Deployment>,
    endpoint: Option<&str>,
) -> Option<Chosen> {
    let cloud = endpoint.and_then(endpoint::authority);
    let key = form.field("key", key());
    let identity = identity(form, cloud);
    match (key, identity, before) {
        (Given::Wrong, _, _) | (_, Given::Wrong, _) => None,
        (Given::Value(_), Given::Value(_), _) => {
            form.mistake("identity", "does not go with \"key\"; give one of them");
            None
        }
        (Given::Value(key), Given::Absent | Given::Null, _) => Some(Chosen::Key(key)),
        (Given::Absent | Given::Null, Given::Value(identity), _) => {
            Some(Chosen::Identity(identity))
        }
        (Given::Absent | Given::Null, Given::Absent | Given::Null, None) => {
            form.mistake("key", "is required, unless there is an \"identity\"");
            None
        }
        (Given::Absent | Given::Null, Given::Absent | Given::Null, Some(before)) => {
            let is_moved = endpoint.is_some_and(|endpoint| endpoint != before.endpoint);
            match &before.credential {
                Credential::Key(_) if is_moved => {
                    form.mistake(
                        "key",
                        "is required, because the endpoint changes and the stored key is sent to \
                         no other one",
                    );
                    None
                }
                Credential::Identity(identity)
                    if cloud.is_some_and(|cloud| cloud != identity.authority) =>
                {
                    let why = "is required, because the endpoint is in another cloud";
                    form.mistake("identity", why);
                    None
                }
                kept @ (Credential::Key(_) | Credential::Identity(_)) => {
                    Some(Chosen::Kept(kept.clone()))
                }
            }
        }
    }
}

fn key() -> reads!(AzureKey) {
    let schema = || {
        let once = "Written and never shown. Required unless there is an identity.";
        json!({"type": "string", "minLength": 1, "maxLength": 512, "description": once})
    };
    reader(schema, |value| {
        let key = value.as_str().and_then(AzureKey::new);
        key.ok_or_else(|| "must be 1 to 512 visible ASCII characters without spaces".to_owned())
    })
}

/// An identity; its authority is that of the endpoint's cloud and may be left out.
fn identity(form: &Form<'_>, cloud: Option<Authority>) -> Given<Identity> {
    let inner = match form.form("identity") {
        Given::Value(inner) => inner,
        Given::Absent => return Given::Absent,
        Given::Null => return Given::Null,
        Given::Wrong => return Given::Wrong,
    };
    let tenant_id = inner.required("tenant_id", read::parsed());
    let client_id = inner.required("client_id", read::parsed());
    let names = Authority::ALL.iter().map(|one| (one.host(), *one)).collect::<Vec<_>>();
    let authority = inner.field("authority", read::one_of(&names));
    let authority = match (authority, cloud) {
        (Given::Value(said), Some(cloud)) if said != cloud => {
            let host = cloud.host();
            inner.mistake("authority", format!("must be {host}, as the endpoint is in its cloud"));
            None
        }
        (Given::Value(said), _) => Some(said),
        (Given::Absent | Given::Null, cloud) => Some(cloud.unwrap_or(Authority::Public)),
        (Given::Wrong, _) => None,
    };
    inner.close();
    let identity = (|| {
        Some(Identity { tenant_id: tenant_id?, client_id: client_id?, authority: authority? })
    })();
    identity.map_or(Given::Wrong, Given::Value)
}
