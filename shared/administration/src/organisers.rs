//! `POST /organisers`, for operators alone.

use http::StatusCode;
use lanyard_domain::ids::OrganiserId;
use lanyard_gateway::{Response, hex};
use serde::Serialize;

use crate::error::AdminError;
use crate::form::{Form, Mistakes};
use crate::organiser_token::OrganiserToken;
use crate::{Call, body, read, reply};

/// An organiser and their new token, which is not shown again.
#[derive(Serialize)]
struct NewOrganiser<'a> {
    organiser: &'a OrganiserId,
    name: &'a str,
    token: &'a str,
}

/// Makes an organiser and shows the token, which is not shown again.
///
/// A name that can be an id is the organiser's id, so that `main` is the `main` whom operators act
/// as; naming an organiser who is there already makes another token for them. Other names get an
/// id of our own.
pub(crate) async fn create(call: Call<'_>) -> Result<Response, AdminError> {
    call.no_query()?;
    let name = named(call)?;
    let organiser = match name.parse() {
        Ok(organiser) => organiser,
        Err(_) => new_id(call)?,
    };
    let token = OrganiserToken::draw(call.admin.random.as_ref());
    let token = token.map_err(AdminError::StoreUnavailable)?;
    call.admin.store.add_organiser_token(&organiser, &name, &token, call.now()).await?;
    let token = token.reveal();
    reply(StatusCode::CREATED, &NewOrganiser { organiser: &organiser, name: &name, token })
}

fn named(call: Call<'_>) -> Result<String, AdminError> {
    let body = body::object(call.request)?;
    let mistakes = Mistakes::default();
    let form = Form::new(&body, &mistakes);
    let name = form.required("name", read::line(1..=128));
    form.close();
    mistakes.unless_any(name)
}

fn new_id(call: Call<'_>) -> Result<OrganiserId, AdminError> {
    let id = format!("org_{}", hex(&call.random::<8>()?));
    id.parse().map_err(|_| AdminError::Internal(None))
}
