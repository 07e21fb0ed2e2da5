//! `POST /organisers`, for operators alone.

use http::StatusCode;
use lanyard_domain::ids::OrganiserId;
use lanyard_gateway::ports::Cause;
use lanyard_gateway::{Response, hex};
use lanyard_platform::shell::random;
use serde_json::json;

use crate::error::AdminError;
use crate::form::{Form, Mistakes};
use crate::{Call, body, read, reply};

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
        Err(_) => drawn().map_err(|cause| AdminError::Internal(Some(cause)))?,
    };
    let token = call.admin.organisers.create_organiser(&organiser, &name, call.now()).await?;
    let shown = json!({"organiser": organiser, "name": name, "token": token.reveal()});
    reply(StatusCode::CREATED, &shown)
}

fn named(call: Call<'_>) -> Result<String, AdminError> {
    let body = body::object(call.request)?;
    let mistakes = Mistakes::default();
    let form = Form::new(&body, &mistakes);
    let name = form.required("name", read::line(1..=128));
    form.close();
    mistakes.unless_any(name)
}

fn drawn() -> Result<OrganiserId, Cause> {
    Ok(format!("org_{}", hex(&random::<8>()?)).parse()?)
}
