//! The organisers' API, `/api/admin/…`: events, their attendees and usage, and deployments.
//!
//! Callers hold an organiser's token, or may invoke the function itself. What they may not see is
//! not found: another organiser's event is a 404.

mod accounts;
mod attendees;
pub mod audit;
mod body;
mod caller;
mod changes;
mod deployments;
pub mod direct;
mod error;
mod events;
mod expiry;
mod form;
#[cfg(feature = "schema")]
mod noted;
pub mod organiser_token;
mod organisers;
pub mod own;
mod page;
pub mod place;
pub mod ports;
pub mod random;
mod ratings;
mod read;
pub mod records;
mod reset;
mod roster;
pub mod roster_csv;
mod route;
#[cfg(feature = "schema")]
pub mod schema;
mod time;
mod tokens;
mod usage;
mod used_up;

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use lanyard_domain::ids::OrganiserId;
use lanyard_domain::token::UserId;
use lanyard_gateway::parse::path_within_api;
use lanyard_gateway::ports::{Clock, Ledger};
use lanyard_gateway::request::full;
use lanyard_gateway::{Request, Response};
use serde::Serialize;

pub use caller::Caller;
pub use deployments::is_azures;
pub use error::{AdminError, Mistake};

use form::Mistakes;
use page::{Page, Query};
use ports::{AdministrationStore, KeyStore};
use random::SecureRandom;
use route::Resource;

/// The organisers' API, over its ports.
pub struct Administration {
    /// The organisers' store.
    pub store: Arc<dyn AdministrationStore>,
    /// Accounts.
    pub ledger: Arc<dyn Ledger>,
    /// Where the keys of deployments are stored.
    pub keys: Arc<dyn KeyStore>,
    /// The time of direct calls, which come without one.
    pub clock: Arc<dyn Clock>,
    /// The source of ids, codes and secrets.
    pub random: Arc<dyn SecureRandom>,
    /// Whether a deployment may be on this machine. Only the local server allows it.
    pub allow_loopback: bool,
}

impl Administration {
    /// Serves a request that carries an organiser's token.
    ///
    /// # Errors
    ///
    /// [`AdminError`], which has the table of the API's errors.
    pub async fn handle(&self, request: Request) -> Result<Response, AdminError> {
        let caller = Caller::of(self.store.as_ref(), &request).await?;
        let path = path_within_api(request.http.uri().path());
        let path = path.strip_prefix("admin").and_then(|path| path.strip_prefix('/'));
        let resource = Resource::at(path.ok_or(AdminError::UnknownRoute)?)?;
        serve(Call { admin: self, caller: &caller, request: &request }, resource).await
    }
}

/// A call, and its context.
#[derive(Clone, Copy)]
pub(crate) struct Call<'c> {
    admin: &'c Administration,
    caller: &'c Caller,
    request: &'c Request,
}

impl<'c> Call<'c> {
    fn organiser(&self) -> &'c OrganiserId {
        self.caller.organiser()
    }

    fn now(&self) -> DateTime<Utc> {
        self.request.now
    }

    /// Random bytes, good enough for secrets.
    fn random<const N: usize>(&self) -> Result<[u8; N], AdminError> {
        self.admin.random.bytes().map_err(|cause| AdminError::Internal(Some(cause)))
    }

    /// Reads a query that holds these parameters.
    fn query<T>(
        &self,
        known: &[&str],
        read: impl FnOnce(&Query, &Mistakes) -> Option<T>,
    ) -> Result<T, AdminError> {
        let mistakes = Mistakes::default();
        let query = Query::read(self.request.http.uri().query(), known, &mistakes);
        let value = read(&query, &mistakes);
        mistakes.unless_any(value)
    }

    /// Refuses any query.
    fn no_query(&self) -> Result<(), AdminError> {
        self.query(&[], |_, _| Some(()))
    }

    /// The requested page.
    fn page<C: FromStr>(&self) -> Result<Page<C>, AdminError> {
        self.query(&["limit", "cursor"], |query, mistakes| Some(Page::read(query, mistakes)))
    }
}

/// Every row of the organisers' API.
async fn serve(call: Call<'_>, resource: Resource) -> Result<Response, AdminError> {
    let allow = resource.allow();
    let refused = Err(AdminError::MethodNotAllowed { allow });
    let method = call.request.http.method().clone();
    match resource {
        Resource::Organisers => match (method, call.caller) {
            // A caller with a token cannot create organisers here.
            (_, Caller::Token(..)) => Err(AdminError::UnknownRoute),
            (Method::POST, Caller::Operator { .. }) => organisers::create(call).await,
            (_, Caller::Operator { .. }) => refused,
        },
        Resource::OrganiserTokens => match method {
            Method::GET => organisers::tokens(call).await,
            Method::POST => organisers::make_token(call).await,
            _ => refused,
        },
        Resource::OrganiserToken(id) => match method {
            Method::DELETE => organisers::revoke(call, &id).await,
            _ => refused,
        },
        Resource::OrganiserAudit => match method {
            Method::GET => organisers::audit(call).await,
            _ => refused,
        },
        Resource::Events => match method {
            Method::GET => events::list(call).await,
            Method::POST => events::create(call).await,
            _ => refused,
        },
        Resource::Event(id) => match method {
            Method::GET => events::show(call, &id).await,
            Method::PATCH => events::change(call, &id).await,
            Method::DELETE => events::delete(call, &id).await,
            _ => refused,
        },
        Resource::Step(id, step) => match method {
            Method::POST => events::step(call, &id, step).await,
            _ => refused,
        },
        Resource::RotateCode(id) => match method {
            Method::POST => events::rotate_code(call, &id).await,
            _ => refused,
        },
        Resource::Reset(id) => match method {
            Method::POST => reset::run(call, &id).await,
            _ => refused,
        },
        Resource::Attendees(id) => match method {
            Method::GET => attendees::list(call, &id).await,
            _ => refused,
        },
        Resource::Attendee(id, user) => match method {
            Method::GET => attendees::show(call, &id, user).await,
            Method::PATCH => attendees::change(call, &id, user).await,
            Method::DELETE => attendees::free_seat(call, &id, &user).await,
            _ => refused,
        },
        Resource::Usage(id) => match method {
            Method::GET => usage::show(call, &id).await,
            _ => refused,
        },
        Resource::Audit(id) => match method {
            Method::GET => events::audit(call, &id).await,
            _ => refused,
        },
        Resource::Tokens(id) => match method {
            Method::GET => tokens::list(call, &id).await,
            Method::POST => tokens::issue(call, &id).await,
            Method::DELETE => tokens::revoke_all(call, &id).await,
            _ => refused,
        },
        Resource::Token(id, token) => match method {
            Method::DELETE => tokens::revoke(call, &id, &token).await,
            _ => refused,
        },
        Resource::Roster(id) => match method {
            Method::GET => roster::list(call, &id).await,
            Method::PUT => roster::put(call, &id).await,
            _ => refused,
        },
        Resource::Listed(id, user) => match method {
            Method::DELETE => roster::delete(call, &id, &user).await,
            _ => refused,
        },
        Resource::Registration(id, user) => match method {
            Method::DELETE => roster::forget(call, &id, &user).await,
            _ => refused,
        },
        Resource::Ratings(id) => match method {
            Method::GET => ratings::show(call, &id).await,
            _ => refused,
        },
        Resource::OwnDeployments(id) => match method {
            Method::GET => own::list(call, &id).await,
            _ => refused,
        },
        Resource::OwnDeployment(id, name) => match method {
            Method::PUT => own::put(call, &id, &name).await,
            Method::DELETE => own::delete(call, &id, &name).await,
            _ => refused,
        },
        Resource::Deployments => match method {
            Method::GET => deployments::list(call).await,
            _ => refused,
        },
        Resource::Deployment(name) => match method {
            Method::PUT => deployments::put(call, &name).await,
            Method::DELETE => deployments::delete(call, &name).await,
            _ => refused,
        },
    }
}

/// That something is gone.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct DeletedUser<'a> {
    user: &'a UserId,
    /// Always `true`.
    deleted: bool,
}

/// A JSON response.
fn reply(status: StatusCode, value: &impl Serialize) -> Result<Response, AdminError> {
    let bytes =
        serde_json::to_vec(value).map_err(|fault| AdminError::Internal(Some(fault.into())))?;
    let mut response = http::Response::new(full(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
