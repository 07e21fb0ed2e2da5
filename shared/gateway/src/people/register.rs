//! An attendee claims a personal key, once, and sees it again by the same proof.
//!
//! The seat comes first, then the claim, then the number of the key on the attendee's account. Each
//! step may be repeated, so an attendee who got no response tries again with the same proof.

use chrono::TimeDelta;
use hmac::Hmac;
use hmac::{KeyInit, Mac};
use http::{Method, StatusCode};
use lanyard_domain::access::{Access, AccessPolicy, Proof};
use lanyard_domain::account::{Account, AccountKey, Change, Field, Write};
use lanyard_domain::ids::EventId;
use lanyard_domain::token::UserId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::Sha256;

use super::{Claim, People};
use crate::error::{ApiError, BadRequestCode, Missing};
use crate::handler::{expect_method, json};
use crate::hex;
use crate::lookup::{Attendance, Handle, Holder, OpenEvent, check_open};
use crate::parse;
use crate::ports::Outcome;
use crate::request::{Request, Response};
use crate::signed::Claims;

/// How long a personal key works: longer than an event is planned ahead.
const KEY_LIFE: TimeDelta = TimeDelta::days(366);
/// How long a proof must be, in characters. Attempts are not counted, because a lock would let
/// every attendee lock out every other.
const PROOF_LENGTH: std::ops::RangeInclusive<usize> = 12..=256;
/// The number of hash iterations, so that a stolen table does not allow many guesses.
const ROUNDS: u32 = 20_000;
const MOST_BYTES: usize = 8 * 1024;

/// The proof by which an attendee sees their key again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Proof"))]
pub(super) struct Body {
    /// A passphrase of the attendee's choice.
    #[cfg_attr(feature = "schema", schemars(length(min = 12, max = 256)))]
    proof: String,
}

/// A personal key.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "PersonalKey"))]
pub(super) struct Registered<'a> {
    api_key: String,
    user: &'a UserId,
    event: &'a EventId,
}

impl People {
    /// Registers an attendee, or shows the key of one who is registered and has the same proof.
    ///
    /// Nobody registers at an event that is not open. A key that was given can still be seen there,
    /// because it is how an attendee reads their own usage after the event.
    ///
    /// # Errors
    ///
    /// 403 `already_registered` for another proof, `event_full` without a seat, `not_offered` at
    /// events without registration; 401, 404 and 503.
    pub async fn register(&self, request: Request) -> Result<Response, ApiError> {
        let id = registered_at(request.http.uri().path())?;
        expect_method(&request, &Method::POST, "POST, OPTIONS")?;
        let attendance = self.newcomer(&id, &request).await?;
        let expect_open = || check_open(attendance.event(), request.now);
        let proof = proof(&request).map_err(|fault| expect_open().err().unwrap_or(fault))?;
        self.gateway.free_calls.proof(attendance.key(), request.now)?;
        let (event, user) = (&attendance.event().id, &attendance.user);
        let claimed = self.claimed(event, user).await?;
        if claimed.is_none() {
            expect_open()?;
        }
        let account = self.gateway.account(&attendance).await?;
        if account.get(Field::Blocked) != 0 {
            return Err(ApiError::AttendeeBlocked { contact: attendance.contact() });
        }
        if claimed.is_none() {
            expect_no_objects(&attendance, &account)?;
            self.gateway.take_seat(&attendance, request.now).await?;
        }
        let proof = hashed(event, user, proof).await?;
        let claim = match claimed {
            Some(claim) => claim,
            None => {
                let claim = self.new_claim(&request, proof.clone());
                let earlier = self.store.claim(event, user, &claim).await;
                earlier.map_err(|fault| self.unavailable(fault))?.unwrap_or(claim)
            }
        };
        if !is_proof(&claim, &proof) {
            return Err(ApiError::AlreadyRegistered { contact: attendance.contact() });
        }
        self.number(&attendance.key(), claim.number).await?;
        let key = personal_key(&attendance.at, user, &claim).ok_or(ApiError::Internal(None))?;
        json(StatusCode::CREATED, &Registered { api_key: key, user, event })
    }

    /// The attendee-to-be: the code is good, it is of this event, and the event has registration.
    async fn newcomer(&self, id: &EventId, request: &Request) -> Result<Attendance, ApiError> {
        let now = request.now;
        // An attendee with a token or a key needs no registration.
        let suits = |holder: &Holder| holder.proof == Proof::Code && holder.at.event.id == *id;
        let tokens = parse::tokens(request)?;
        let Holder { at, user, proof } = self.gateway.first_holder(tokens, now, suits).await?;
        let day = at.event.window.local_day(now);
        let own = std::sync::Arc::default();
        let policy = AccessPolicy::Anybody;
        let attendance = Attendance { at, user, day, proof, policy, own };
        match attendance.event().access {
            Access::Registered { .. } => Ok(attendance),
            Access::Open | Access::Roster => Err(ApiError::NotOffered {
                what: "registration: its code is all you need",
                contact: attendance.contact(),
            }),
        }
    }

    async fn claimed(&self, event: &EventId, user: &UserId) -> Result<Option<Claim>, ApiError> {
        self.store.claim_of(event, user).await.map_err(|fault| self.unavailable(fault))
    }

    fn new_claim(&self, request: &Request, proof_hash: String) -> Claim {
        let random = self.gateway.ports.random.next_u64() >> 1;
        let number = i64::try_from(random).unwrap_or(i64::MAX).max(1);
        Claim { number, claimed_at: request.now, proof_hash }
    }

    /// Writes the key's number on the attendee's account, where admission looks for it.
    async fn number(&self, key: &AccountKey, number: i64) -> Result<(), ApiError> {
        let changes = vec![Change::Set(Field::Claim, number)];
        let write = Write { conditions: Vec::new(), changes };
        match self.gateway.apply_with_retry(key, &write).await {
            Ok(Outcome::Made(_)) => Ok(()),
            // The write has no conditions, so it cannot have been refused.
            Ok(Outcome::Kept(_)) => Err(ApiError::Internal(None)),
            Err(fault) => Err(self.unavailable(fault.into())),
        }
    }
}

/// Refuses to let a name be claimed under which objects may be stored.
///
/// Until it is claimed, everybody with the code can use the name. So nobody can prove that the
/// objects are theirs, and the key would give access to them. The name is in use when it has cost
/// anything.
fn expect_no_objects(attendance: &Attendance, account: &Account) -> Result<(), ApiError> {
    let is_used = account.get(Field::Requests) > 0 || account.get(Field::Open) > 0;
    match attendance.event().keeps_objects && is_used {
        true => Err(ApiError::NameInUse { contact: attendance.contact() }),
        false => Ok(()),
    }
}

/// The key of a claim. It is worked out anew each time, so it is kept nowhere.
fn personal_key(at: &OpenEvent, user: &UserId, claim: &Claim) -> Option<String> {
    let claims = Claims {
        event: at.event.id.clone(),
        user: user.clone(),
        issued_at: claim.claimed_at.timestamp(),
        expires_at: (claim.claimed_at + KEY_LIFE).timestamp(),
        id: Claims::key_id(claim.number)?,
    };
    claims.sign(&at.event.signing)
}

/// A proof, hashed on a thread of its own: others are served meanwhile.
async fn hashed(event: &EventId, user: &UserId, proof: String) -> Result<String, ApiError> {
    let (event, user) = (event.clone(), user.clone());
    let hashing = tokio::task::spawn_blocking(move || hash(&event, &user, &proof));
    hashing.await.map_err(|fault| ApiError::Internal(Some(fault.into())))
}

/// Hashes a proof. The event and the user are the salt, so that equal proofs of two users differ.
fn hash(event: &EventId, user: &UserId, proof: &str) -> String {
    let salt = format!("{event}/{user}");
    let mut hash = [0; 32];
    // The length of the output suits the hash, so this cannot fail; if it did, no proof would fit.
    if pbkdf2::pbkdf2::<Hmac<Sha256>>(proof.as_bytes(), salt.as_bytes(), ROUNDS, &mut hash).is_err()
    {
        return String::new();
    }
    hex(&hash)
}

/// Whether a hashed proof is the one of a claim. Compared in constant time.
fn is_proof(claim: &Claim, given: &str) -> bool {
    let tag = |text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"proof").ok()?;
        mac.update(text.as_bytes());
        Some(mac)
    };
    let (Some(given_tag), Some(kept_tag)) = (tag(given), tag(&claim.proof_hash)) else {
        return false;
    };
    !given.is_empty() && given_tag.verify_slice(&kept_tag.finalize().into_bytes()).is_ok()
}

/// The id in `event/{id}/register`.
fn registered_at(path: &str) -> Result<EventId, ApiError> {
    let path = parse::path_within_api(path);
    let id = path.strip_prefix("event/").and_then(|rest| rest.strip_suffix("/register"));
    let id = id.filter(|id| !id.contains('/')).ok_or(ApiError::UnknownRoute)?;
    id.parse().map_err(|_| ApiError::NotFound(Missing::Event))
}

fn proof(request: &Request) -> Result<String, ApiError> {
    let body = request.http.body();
    let fault = |code, message| Err(ApiError::bad(code, Some("proof"), message));
    if body.len() > MOST_BYTES {
        return Err(ApiError::RequestTooLarge { limit: MOST_BYTES });
    }
    // By way of a map, because a list would do for a structure as well.
    let body = serde_json::from_slice::<Map<String, Value>>(body).ok();
    let body = body.and_then(|body| serde_json::from_value::<Body>(Value::Object(body)).ok());
    match body {
        Some(Body { proof }) if PROOF_LENGTH.contains(&proof.chars().count()) => Ok(proof),
        Some(_) => fault(BadRequestCode::InvalidValue, "The proof must be 12 to 256 characters."),
        None => fault(
            BadRequestCode::InvalidJson,
            "The body must be {\"proof\": \"…\"}: a secret of your own choice, by which you see \
             your key again.",
        ),
    }
}

impl crate::Gateway {
    /// The event of an id, for its public page.
    ///
    /// # Errors
    ///
    /// 404 if there is none, 503 if it cannot be read.
    pub async fn public_event(
        &self,
        id: &str,
        request: &Request,
    ) -> Result<std::sync::Arc<OpenEvent>, ApiError> {
        let missing = || ApiError::NotFound(Missing::Event);
        let id = id.parse().map_err(|_| missing())?;
        self.find(&Handle::Id(id), request.now).await?.ok_or_else(missing)
    }

    /// Gets an attendee a seat who does not send a request yet.
    ///
    /// # Errors
    ///
    /// 403 `event_full`, 429 if too many come at once, or 503.
    pub(crate) async fn take_seat(
        &self,
        attendance: &Attendance,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), ApiError> {
        let event_key = AccountKey::Event(attendance.event().id.clone());
        let key = attendance.key();
        let seated = self.seat(&key, &event_key, attendance.event(), now.into());
        self.seated(seated, attendance, now.into()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_proof_of_the_same_user_fits() {
        let (event, user) = ("evt_1".parse().unwrap(), "ada".parse().unwrap());
        let hashed = |proof| hash(&event, &user, proof);
        let claimed_at = chrono::DateTime::UNIX_EPOCH;
        let claim = Claim { number: 1, claimed_at, proof_hash: hashed("correct horse") };
        assert!(is_proof(&claim, &hashed("correct horse")));
        assert!(!is_proof(&claim, &hashed("Correct horse")));
        let (other, bob) = ("evt_2".parse().unwrap(), "bob".parse().unwrap());
        assert!(!is_proof(&claim, &hash(&event, &bob, "correct horse")));
        assert!(!is_proof(&claim, &hash(&other, &user, "correct horse")));
        assert!(!is_proof(&Claim { proof_hash: String::new(), ..claim }, ""));
    }
}
