//! The caller's own objects: those that a body names, and the resources that store them.

use futures_util::{StreamExt, TryStreamExt, stream};
use lanyard_domain::catalog::{Choice, Deployment};
use lanyard_domain::models::ModelFacts;
use lanyard_domain::object::{Home, Kind, ObjectId, Owned};
use lanyard_gateway::error::{ApiError, BadRequestCode};
use lanyard_gateway::lookup::Attendance;
use lanyard_protocol::references::Reference;
use lanyard_protocol::usage;

use crate::registry::{Registry, owner_of};

/// The most ids in one body.
const MAX_NAMED: usize = 512;

/// How many of them are looked up at once.
const AT_ONCE: usize = 16;

/// The caller's own objects that a body names.
#[derive(Debug, Default)]
pub(crate) struct NamedObjects {
    objects: Vec<Owned>,
    /// Containers of earlier turns. The request can do without them.
    earlier: Vec<Owned>,
    /// Containers whose files an earlier turn cites. Their owner is not looked up.
    cited: Vec<ObjectId>,
    /// Each with its tokens, and how often it is named.
    sizes: Vec<NamedSize>,
}

impl NamedObjects {
    /// The prompt tokens that they add to a request, at most. A model reads an object as often as it
    /// is named.
    pub(crate) fn tokens(&self) -> u64 {
        tokens(&self.sizes, u64::MAX)
    }

    /// The same for a model: no object fills more than its context.
    pub(crate) fn tokens_for(&self, facts: &ModelFacts) -> u64 {
        tokens(&self.sizes, usage::context(facts))
    }

    /// The tokens that they add to a conversation, which keeps files and the items of responses for
    /// each later turn.
    pub(crate) fn kept_tokens_for(&self, facts: &ModelFacts) -> u64 {
        let is_kept = |size: &&NamedSize| matches!(size.kind, Kind::File | Kind::Response);
        tokens(self.sizes.iter().filter(is_kept), usage::context(facts))
    }

    fn add(&mut self, owned: Owned, times: u64) {
        self.sizes.push(NamedSize { kind: owned.kind, tokens: owned.tokens, times });
        self.objects.push(owned);
    }

    /// Whether an object is one of them.
    pub(crate) fn has(&self, id: &ObjectId) -> bool {
        self.objects.iter().any(|owned| owned.id == *id)
    }

    /// The resource that stores them, if there are any.
    ///
    /// # Errors
    ///
    /// 400 if several resources store them.
    fn home(&self) -> Result<Option<&Home>, ApiError> {
        let Some(first) = self.objects.first() else { return Ok(None) };
        match self.objects.iter().all(|owned| owned.home.endpoint == first.home.endpoint) {
            true => Ok(Some(&first.home)),
            false => Err(different_resources()),
        }
    }

    /// Checks that this resource stores them.
    ///
    /// # Errors
    ///
    /// 400 if another one stores one of them.
    pub(crate) fn expect_home(&self, home: &Home) -> Result<(), ApiError> {
        match self.home()? {
            Some(other) if other.endpoint != home.endpoint => Err(different_resources()),
            Some(_) | None => Ok(()),
        }
    }

    /// The containers among them.
    pub(crate) fn containers(&self) -> Vec<ObjectId> {
        let named = self.objects.iter().filter(|owned| owned.kind == Kind::Container);
        named.chain(&self.earlier).map(|owned| owned.id.clone()).collect()
    }

    /// Containers that are only cited.
    pub(crate) fn take_cited(&mut self) -> Vec<ObjectId> {
        std::mem::take(&mut self.cited)
    }

    /// The first of a kind among them.
    pub(crate) fn of_kind(&self, kind: Kind) -> Option<&Owned> {
        self.objects.iter().find(|owned| owned.kind == kind)
    }

    /// The kind to name in an error when Azure no longer has one of them.
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.objects.first().map(|owned| owned.kind)
    }
}

/// The tokens of an object, and how often it is named.
#[derive(Debug)]
struct NamedSize {
    kind: Kind,
    tokens: u64,
    times: u64,
}

/// What objects add to a request to a model that reads no more than its context of each.
fn tokens<'s>(sizes: impl IntoIterator<Item = &'s NamedSize>, context: u64) -> u64 {
    let each = sizes.into_iter().map(|size| size.tokens.min(context).saturating_mul(size.times));
    each.fold(0, u64::saturating_add)
}

fn different_resources() -> ApiError {
    ApiError::bad(
        BadRequestCode::InvalidValue,
        None,
        "The objects that this request names are kept in different places and cannot be used \
         together. Make them again, all with the same model named in the header x-model.",
    )
}

/// Checks that the event stores objects.
///
/// # Errors
///
/// 403 if it does not.
pub(crate) fn expect_objects(attendance: &Attendance) -> Result<(), ApiError> {
    match attendance.event().keeps_objects {
        true => Ok(()),
        false => Err(attendance.objects_not_kept()),
    }
}

/// A deployment at the resource that stores an object, preferably the one that created it.
///
/// # Errors
///
/// 503 if the event no longer offers one.
pub(crate) fn deployment_at<'a>(
    attendance: &'a Attendance,
    home: &Home,
) -> Result<&'a Deployment, ApiError> {
    home_in(attendance.at.catalog.deployments(), home).ok_or_else(|| {
        let cause = "no deployment leads to the resource that keeps this object any more";
        ApiError::UpstreamMisconfigured(Some(cause.into()))
    })
}

/// A deployment at the resource of this home, preferably the home's own.
pub(crate) fn home_in<'d>(deployments: &'d [Deployment], home: &Home) -> Option<&'d Deployment> {
    let there = || deployments.iter().filter(|deployment| deployment.endpoint == home.endpoint);
    let same = |d: &&Deployment| d.name == home.deployment && d.replica == home.replica;
    there().find(same).or_else(|| there().next())
}

/// The deployments of a choice at the resource that stores the named objects; without any, at that
/// of the latest container of an earlier turn, if the model is served there.
///
/// # Errors
///
/// 400 if the model is not served where the named objects are.
pub(crate) fn pinned<'a>(choice: Choice<'a>, named: &NamedObjects) -> Result<Choice<'a>, ApiError> {
    if let Some(home) = named.home()? {
        return pinned_at(choice, home);
    }
    let latest = named.earlier.iter().max_by_key(|owned| owned.created_at);
    let there = latest.and_then(|container| choice.at(&container.home.endpoint));
    Ok(there.unwrap_or(choice))
}

/// The deployments of a choice at an object's resource.
///
/// # Errors
///
/// 400 if the model is not served there.
pub(crate) fn pinned_at<'a>(choice: Choice<'a>, home: &Home) -> Result<Choice<'a>, ApiError> {
    choice.at(&home.endpoint).ok_or_else(different_resources)
}

/// The same replica for the same attendee, in proportion to the replicas' weights.
pub(crate) fn home_of<'a>(
    choice: &Choice<'a>,
    attendance: &Attendance,
) -> Result<&'a Deployment, ApiError> {
    let order = choice.order_for(attendance.affinity());
    order.first().copied().ok_or(ApiError::Internal(None))
}

/// The ids of items of earlier responses that an input refers to.
pub(crate) struct NamedItems {
    /// Those that must be there.
    pub(crate) ids: Vec<String>,
    /// Those of reasoning that may be left out.
    pub(crate) of_reasoning: Vec<String>,
}

impl Registry {
    /// Adds the responses that have these items to what a body names. Returns the reasoning that
    /// none of them has.
    ///
    /// # Errors
    ///
    /// 404 unless each item is part of a response of the caller's own, 503 if the store is
    /// unavailable.
    pub(crate) async fn add_responses_with(
        &self,
        attendance: &Attendance,
        items: NamedItems,
        named: &mut NamedObjects,
    ) -> Result<Vec<String>, ApiError> {
        let NamedItems { ids, of_reasoning } = items;
        let mut unstored = Vec::new();
        if ids.is_empty() && of_reasoning.is_empty() {
            return Ok(unstored);
        }
        expect_objects(attendance)?;
        let responses = self.list(&owner_of(attendance), Kind::Response).await?;
        let required = ids.len();
        let mut seen = Vec::with_capacity(required + of_reasoning.len());
        for (at, id) in ids.into_iter().chain(of_reasoning).enumerate() {
            let has = |owned: &&Owned| owned.items.iter().any(|item| item.as_str() == id);
            let Some(response) = responses.iter().find(has) else {
                if at < required {
                    let (kind, param) = (Kind::Response, Some("input"));
                    return Err(ApiError::ObjectNotFound { kind, param });
                }
                unstored.push(id);
                continue;
            };
            let is_named = named.objects.iter().any(|owned| owned.id == response.id);
            // All items of a response together are no longer than it is, but each only once.
            if !is_named || seen.contains(&id) {
                named.add(response.clone(), 1);
            }
            seen.push(id);
        }
        Ok(unstored)
    }

    /// The objects that a body names.
    ///
    /// # Errors
    ///
    /// 403 if the event stores none and they are no containers, which responses make at every event;
    /// 404 unless each is the caller's own, 503 if the store is unavailable.
    pub(crate) async fn named(
        &self,
        attendance: &Attendance,
        references: Vec<Reference>,
    ) -> Result<NamedObjects, ApiError> {
        let mut named = NamedObjects::default();
        let (cited, references): (Vec<_>, Vec<_>) =
            references.into_iter().partition(|reference| reference.is_cited);
        named.cited = cited.into_iter().filter_map(|cited| cited.id.parse().ok()).collect();
        if references.is_empty() {
            return Ok(named);
        }
        if references.iter().any(|reference| reference.kind != Kind::Container) {
            expect_objects(attendance)?;
        }
        if references.len() > MAX_NAMED {
            return Err(ApiError::bad(
                BadRequestCode::InvalidValue,
                references.first().map(|reference| reference.param),
                format!("A request may name at most {MAX_NAMED} objects."),
            ));
        }
        let owner = owner_of(attendance);
        let found = stream::iter(references)
            .map(|reference| {
                let owner = &owner;
                async move {
                    let (kind, param) = (reference.kind, Some(reference.param));
                    let missing = || ApiError::ObjectNotFound { kind, param };
                    let id: ObjectId = reference.id.parse().map_err(|_| missing())?;
                    let owned = self.find(owner, kind, &id).await?.ok_or_else(missing)?;
                    Ok::<_, ApiError>((reference, owned))
                }
            })
            .buffered(AT_ONCE);
        let found: Vec<_> = found.try_collect().await?;
        for (reference, owned) in found {
            match reference.is_of_earlier_turn() {
                true => named.earlier.push(owned),
                false => named.add(owned, reference.times),
            }
        }
        Ok(named)
    }
}
