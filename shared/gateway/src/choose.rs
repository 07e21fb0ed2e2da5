//! Which deployments a request means: by the name of a model, or by the event's default.

use lanyard_domain::catalog::{Catalog, Choice, Spelling};
use lanyard_domain::ids::DeploymentName;
use lanyard_domain::operation::Operation;

use crate::error::ApiError;
use crate::lookup::Attendance;

impl Attendance {
    /// Whether the event lets this operation be used, if a deployment serves it.
    #[must_use]
    pub fn allows(&self, operation: Operation) -> bool {
        self.event().keeps_objects || !operation.needs_stored_objects()
    }

    /// Every name that this attendee may use, in order.
    #[must_use]
    pub fn models(&self, operation: Option<Operation>) -> Vec<DeploymentName> {
        if operation.is_some_and(|operation| !self.allows(operation)) {
            return Vec::new();
        }
        let mut names = self.own.names(operation);
        names.extend(self.at.catalog.names(operation));
        names.sort();
        names.dedup();
        names
    }

    /// The name that is meant by one spelling or another.
    #[must_use]
    pub fn model(&self, named: &str) -> Option<&DeploymentName> {
        let catalogs = [self.own.as_ref(), &self.at.catalog];
        let exact = |name: &&DeploymentName| name.as_str() == named;
        let mut all = catalogs.into_iter().flat_map(Catalog::deployments).map(|d| &d.name);
        let loose = || catalogs.into_iter().find_map(|catalog| catalog.spelt_loosely(named, None));
        all.find(exact).or_else(loose)
    }

    /// The deployments for the model that was named, or the event's default: the attendee's own if
    /// there are any, else the event's.
    ///
    /// # Errors
    ///
    /// [`ApiError::ModelNotFound`] with what there is, [`ApiError::OperationNotOffered`] if no model
    /// does it, [`ApiError::NoDeployment`] if there is nothing at all.
    pub fn choose(
        &self,
        named: Option<&str>,
        operation: Operation,
    ) -> Result<Choice<'_>, ApiError> {
        self.choose_of(&[self.own.as_ref(), &self.at.catalog], named, operation)
    }

    /// The event's deployments for the model that was named, or its default, whatever the attendee
    /// has.
    ///
    /// # Errors
    ///
    /// As for [`Attendance::choose`].
    pub fn choose_shared(
        &self,
        named: Option<&str>,
        operation: Operation,
    ) -> Result<Choice<'_>, ApiError> {
        self.choose_of(&[&self.at.catalog], named, operation)
    }

    fn choose_of<'c>(
        &self,
        catalogs: &[&'c Catalog],
        named: Option<&str>,
        operation: Operation,
    ) -> Result<Choice<'c>, ApiError> {
        let choice = match named {
            Some(name) => {
                let choice = |spelling| {
                    catalogs.iter().find_map(|catalog| catalog.named(name, operation, spelling))
                };
                choice(Spelling::Exact).or_else(|| choice(Spelling::Loose))
            }
            None => catalogs.iter().find_map(|catalog| self.default_of(catalog, operation)),
        };
        choice.ok_or_else(|| self.no_choice(catalogs, named, operation))
    }

    fn default_of<'c>(&self, catalog: &'c Catalog, operation: Operation) -> Option<Choice<'c>> {
        let default = || self.at.event.default_deployments.get(&operation).cloned();
        // One model on offer needs no default.
        let only = || match catalog.names(Some(operation)).as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        let chosen = match catalog.is_own() {
            true => only().or_else(default),
            false => default().or_else(only),
        };
        catalog.named(chosen?.as_str(), operation, Spelling::Exact)
    }

    fn no_choice(
        &self,
        catalogs: &[&Catalog],
        named: Option<&str>,
        operation: Operation,
    ) -> ApiError {
        if self.own.is_empty() && self.at.catalog.is_empty() {
            return ApiError::NoDeployment { contact: self.contact() };
        }
        let mut offered: Vec<_> =
            catalogs.iter().flat_map(|catalog| catalog.names(Some(operation))).collect();
        offered.sort();
        offered.dedup();
        if offered.is_empty() {
            let served = catalogs.iter().flat_map(|catalog| catalog.operations());
            let served = served.filter(|operation| self.allows(*operation)).collect();
            return ApiError::OperationNotOffered { operation, served, contact: self.contact() };
        }
        let elsewhere = named.and_then(|name| {
            let name = catalogs.iter().find_map(|catalog| catalog.spelt_loosely(name, None))?;
            let deployments = catalogs.iter().flat_map(|catalog| catalog.deployments());
            let does = deployments.filter(|d| d.name == *name).flat_map(|d| d.operations.clone());
            let does: Vec<_> = does.filter(|operation| self.allows(*operation)).collect();
            (!does.is_empty()).then(|| (name.clone(), does))
        });
        ApiError::ModelNotFound { operation: Some(operation), offered, elsewhere }
    }
}
