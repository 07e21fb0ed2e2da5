//! Whose an object is: looked up among the caller's own, so that another's is not found.

use futures_util::{StreamExt, TryStreamExt, stream};
use lanyard_domain::catalog::{Choice, Deployment};
use lanyard_domain::object::{Home, Kind, ObjectId, Owned, Owner};
use lanyard_gateway::error::{ApiError, BadRequestCode};
use lanyard_gateway::lookup::Attendance;
use lanyard_gateway::ports::Cause;
use lanyard_protocol::references::Reference;

use crate::Registry;
use crate::routes::RouteMatch;

/// The most ids in one body.
const MOST: usize = 512;

/// How many of them are looked up at once.
const AT_ONCE: usize = 16;

/// The caller's own objects that a body names.
#[derive(Debug, Default)]
pub(crate) struct NamedObjects(Vec<Owned>);

impl NamedObjects {
    /// What they add to the request's prompt, or more.
    pub(crate) fn tokens(&self) -> u64 {
        self.0.iter().fold(0, |sum, owned| sum.saturating_add(owned.tokens))
    }

    /// Where they are kept, if there are any.
    ///
    /// # Errors
    ///
    /// 400 if they are kept apart.
    pub(crate) fn home(&self) -> Result<Option<&Home>, ApiError> {
        let Some(first) = self.0.first() else { return Ok(None) };
        match self.0.iter().all(|owned| owned.home.endpoint == first.home.endpoint) {
            true => Ok(Some(&first.home)),
            false => Err(different_resources()),
        }
    }

    /// # Errors
    ///
    /// 400 unless they are kept at this resource.
    pub(crate) fn expect_home(&self, home: &Home) -> Result<(), ApiError> {
        match self.home()? {
            Some(theirs) if theirs.endpoint != home.endpoint => Err(different_resources()),
            Some(_) | None => Ok(()),
        }
    }

    /// The conversation among them.
    pub(crate) fn conversation(&self) -> Option<&Owned> {
        self.0.iter().find(|owned| owned.kind == Kind::Conversation)
    }

    /// The first of a kind among them.
    pub(crate) fn of_kind(&self, kind: Kind) -> Option<&Owned> {
        self.0.iter().find(|owned| owned.kind == kind)
    }

    /// A kind among them, to be named when Azure no longer has one of them.
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.0.first().map(|owned| owned.kind)
    }
}

fn different_resources() -> ApiError {
    ApiError::bad(
        BadRequestCode::InvalidValue,
        None,
        "The objects that this request names are kept in different places and cannot be used \
         together. Make them again, all with the same model named in the header x-model.",
    )
}

/// # Errors
///
/// 403 unless the event keeps objects.
pub(super) fn expect_objects(attendance: &Attendance) -> Result<(), ApiError> {
    match attendance.event().keeps_objects {
        true => Ok(()),
        false => Err(attendance.objects_not_kept()),
    }
}

/// The attendee as an owner.
pub(super) fn owner_of(attendance: &Attendance) -> Owner {
    Owner { event: attendance.event().id.clone(), user: attendance.user.clone() }
}

/// The deployment by which an object's home is reached: the one that made it, or another of the
/// same resource.
///
/// # Errors
///
/// 503 if the event offers none any more.
pub(super) fn deployment_at<'a>(
    attendance: &'a Attendance,
    home: &Home,
) -> Result<&'a Deployment, ApiError> {
    home_in(attendance.at.catalog.deployments(), home).ok_or_else(|| {
        let cause = "no deployment leads to the resource that keeps this object any more";
        ApiError::UpstreamMisconfigured(Some(cause.into()))
    })
}

/// Of some deployments the one that leads to an object's home.
pub(super) fn home_in<'d>(deployments: &'d [Deployment], home: &Home) -> Option<&'d Deployment> {
    let there = || deployments.iter().filter(|deployment| deployment.endpoint == home.endpoint);
    let same = |d: &&Deployment| d.name == home.deployment && d.replica == home.replica;
    there().find(same).or_else(|| there().next())
}

/// Of the deployments that serve a model, those where the named objects are.
///
/// # Errors
///
/// 400 if the model is not served there.
pub(crate) fn pinned<'a>(choice: Choice<'a>, named: &NamedObjects) -> Result<Choice<'a>, ApiError> {
    match named.home()? {
        None => Ok(choice),
        Some(home) => choice.at(&home.endpoint).ok_or_else(different_resources),
    }
}

/// Of the deployments that serve a model, those at an object's home.
///
/// # Errors
///
/// 400 if the model is not served there.
pub(super) fn pinned_at<'a>(choice: Choice<'a>, home: &Home) -> Result<Choice<'a>, ApiError> {
    choice.at(&home.endpoint).ok_or_else(different_resources)
}

impl Registry {
    /// The objects that a body names.
    ///
    /// # Errors
    ///
    /// 403 if the event keeps none, 404 unless each is the caller's own, 503 if the table is away.
    pub(crate) async fn named(
        &self,
        attendance: &Attendance,
        references: Vec<Reference>,
    ) -> Result<NamedObjects, ApiError> {
        if references.is_empty() {
            return Ok(NamedObjects::default());
        }
        expect_objects(attendance)?;
        if references.len() > MOST {
            return Err(ApiError::bad(
                BadRequestCode::InvalidValue,
                references.first().map(|reference| reference.param),
                format!("A request may name at most {MOST} objects."),
            ));
        }
        let owner = owner_of(attendance);
        let found = stream::iter(references)
            .map(|reference| {
                let owner = &owner;
                async move {
                    let Reference { kind, param, id } = reference;
                    let missing = || ApiError::ObjectNotFound { kind, param: Some(param) };
                    let id: ObjectId = id.parse().map_err(|_| missing())?;
                    self.owned(owner, kind, &id).await?.ok_or_else(missing)
                }
            })
            .buffered(AT_ONCE);
        Ok(NamedObjects(found.try_collect().await?))
    }

    /// What a path names, each the caller's own: the object that it is about, or the thread below
    /// which something is made; nothing if it names none.
    ///
    /// # Errors
    ///
    /// 404, and 503 if the table is away.
    pub(super) async fn owned_path(
        &self,
        attendance: &Attendance,
        matched: &RouteMatch<'_>,
    ) -> Result<Option<Owned>, ApiError> {
        let owner = owner_of(attendance);
        let mut last: Option<Owned> = None;
        for (kind, id) in matched.ids()? {
            let owned = self.owned(&owner, kind, &id).await?.ok_or_else(|| matched.not_found())?;
            if owned.parent.as_ref() != last.as_ref().map(|thread| &thread.id) {
                return Err(matched.not_found());
            }
            last = Some(owned);
        }
        Ok(last)
    }

    /// An object, if it is this owner's.
    ///
    /// # Errors
    ///
    /// 503 if the table is away.
    pub(crate) async fn owned(
        &self,
        owner: &Owner,
        kind: Kind,
        id: &ObjectId,
    ) -> Result<Option<Owned>, ApiError> {
        let finding = self.objects.find(owner, kind, id);
        let found = match tokio::time::timeout(self.timeout, finding).await {
            Ok(found) => found,
            Err(elapsed) => Err(Cause::from(elapsed)),
        };
        found.map_err(|cause| self.unreadable(cause))
    }
}
