//! An attendee rates a response.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use http::{Method, StatusCode};
use lanyard_domain::account::AccountKey;
use lanyard_domain::ids::{RequestId, ResponseId, SessionId};
use lanyard_domain::usage::UsageRecord;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::People;
use crate::error::{ApiError, BadRequestCode, Missing};
use crate::handler::{expect_method, json};
use crate::lookup::Attendance;
use crate::request::{Request, Response};
use crate::{metadata, parse};

/// The longest feedback, in characters.
const LONGEST_FEEDBACK: usize = 2_000;
/// The largest body: feedback in which every character is escaped, and some room.
const MOST_BYTES: usize = 32 * 1024;
/// The pauses between attempts to find a request that is being settled.
const LOOKS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// The rating of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    /// Whether it was good.
    pub is_up: bool,
    /// A comment; empty where there are none.
    pub feedback: String,
    /// When.
    pub rated_at: DateTime<Utc>,
}

impl Rating {
    /// 1 or -1.
    #[must_use]
    pub fn number(&self) -> i64 {
        if self.is_up { 1 } else { -1 }
    }
}

/// A rating of a response. Other fields are ignored.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Rating", extend("required" = ["rating"])))]
pub(super) struct Body {
    /// 1 for a good response, -1 for a bad one.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [1, -1])))]
    rating: Value,
    /// At most 2,000 characters.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("maxLength" = 2_000)))]
    feedback: Value,
}

/// A rating as it was stored.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "RatedRequest"))]
pub(super) struct Rated<'a> {
    request_id: &'a RequestId,
    /// 1 or -1.
    rating: i64,
    feedback: Option<&'a str>,
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    rated_at: String,
}

impl People {
    /// Rates a response that the attendee got.
    ///
    /// # Errors
    ///
    /// 404 for what is not there and for what is another's, by the same body; 422 for a rating that
    /// is none; 401, 403 and 503 as everywhere.
    pub async fn rate(&self, request: Request) -> Result<Response, ApiError> {
        let id = rated(request.http.uri().path())?;
        expect_method(&request, &Method::POST, "POST, OPTIONS")?;
        let (attendance, _) = self.gateway.attend(&request).await?;
        let session = metadata::session(&request)?;
        let rating = rating(&request)?;
        let record = match id.parse::<RequestId>() {
            Ok(id) if id.as_str().starts_with("req_") => self.settled(&attendance, &id).await?,
            _ => None,
        };
        let record = match (record, id.parse()) {
            (Some(record), _) => Some(record),
            (None, Ok(response)) => self.by_response(&attendance, &session, &response).await?,
            (None, Err(_)) => None,
        };
        let record = record.ok_or(ApiError::NotFound(Missing::Request))?;
        let is_rated =
            self.store.rate(&record, &rating).await.map_err(|fault| self.unavailable(fault))?;
        if !is_rated {
            return Err(ApiError::NotFound(Missing::Request));
        }
        let rated = Rated {
            request_id: &record.request_id,
            rating: rating.number(),
            feedback: Some(rating.feedback.as_str()).filter(|feedback| !feedback.is_empty()),
            rated_at: rating.rated_at.to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        json(StatusCode::OK, &rated)
    }

    /// A request of the attendee's, once it is settled: that may be just after its response.
    async fn settled(
        &self,
        attendance: &Attendance,
        id: &RequestId,
    ) -> Result<Option<UsageRecord>, ApiError> {
        for _ in 0..LOOKS {
            let found = self.record_of(attendance, id).await?;
            if let Some(record) = found {
                return Ok(Some(record).filter(|record| is_of(record, attendance)));
            }
            let account = self.gateway.account(attendance).await?;
            if !account.holds.contains_key(id) {
                // It may have been settled between the two looks.
                let found = self.record_of(attendance, id).await?;
                return Ok(found.filter(|record| is_of(record, attendance)));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }

    async fn record_of(
        &self,
        attendance: &Attendance,
        id: &RequestId,
    ) -> Result<Option<UsageRecord>, ApiError> {
        let found = self.store.record_of(&attendance.event().id, &attendance.user, id).await;
        found.map_err(|fault| self.unavailable(fault))
    }

    /// The attendee's request of a response, found by their session.
    async fn by_response(
        &self,
        attendance: &Attendance,
        session: &SessionId,
        response: &ResponseId,
    ) -> Result<Option<UsageRecord>, ApiError> {
        // The request that began a session of ours is found by the session's own digits.
        if let Some(first) = session.first_request()
            && let Some(record) = self.settled(attendance, &first).await?
            && record.response_id.as_ref() == Some(response)
        {
            return Ok(Some(record));
        }
        let AccountKey::Attendee(event, user) = attendance.key() else { return Ok(None) };
        let found = self.store.request_in_session(&event, &user, session, response).await;
        match found.map_err(|fault| self.unavailable(fault))? {
            Some(id) => self.settled(attendance, &id).await,
            None => Ok(None),
        }
    }
}

fn is_of(record: &UsageRecord, attendance: &Attendance) -> bool {
    record.event == attendance.event().id && record.user == attendance.user
}

/// The id in `…/responses/{id}/rate`, under any base.
fn rated(path: &str) -> Result<&str, ApiError> {
    let path = parse::path_within_api(path);
    let bases = ["v1/", "openai/v1/", "openai/", "v1/openai/", "openai-proxy/"];
    let found = bases.iter().find_map(|base| {
        path.strip_prefix(base)?.strip_prefix("responses/")?.strip_suffix("/rate")
    });
    found.filter(|id| !id.is_empty() && !id.contains('/')).ok_or(ApiError::UnknownRoute)
}

fn rating(request: &Request) -> Result<Rating, ApiError> {
    let body = request.http.body();
    let unprocessable = |param, message| Err(ApiError::Unprocessable { param, message });
    if body.len() > MOST_BYTES {
        return Err(ApiError::RequestTooLarge { limit: MOST_BYTES });
    }
    let odd = |_| {
        ApiError::bad(
            BadRequestCode::InvalidJson,
            None,
            "The body must be a JSON object such as {\"rating\": 1, \"feedback\": \"Clear.\"}.",
        )
    };
    // By way of a map, because a list would do for a structure as well.
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(odd)?;
    let body: Body = serde_json::from_value(Value::Object(body)).map_err(odd)?;
    let is_up = match body.rating.as_i64() {
        Some(1) => true,
        Some(-1) => false,
        Some(_) | None => return unprocessable("rating", "The rating must be 1 or -1."),
    };
    let text = if body.feedback.is_null() { Some("") } else { body.feedback.as_str() };
    let Some(feedback) = text.filter(|text| text.chars().count() <= LONGEST_FEEDBACK) else {
        let message = "The feedback must be text of at most 2,000 characters.";
        return unprocessable("feedback", message);
    };
    Ok(Rating { is_up, feedback: feedback.to_owned(), rated_at: request.now })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_base_leads_to_the_rated_response() {
        for path in [
            "/api/v1/responses/req_1/rate",
            "/api/v1/responses/req_1/rate/",
            "/api/openai/v1/responses/req_1/rate",
            "/api/openai/responses/req_1/rate",
            "/api/v1/openai/responses/req_1/rate",
            "/api/openai-proxy/responses/req_1/rate",
        ] {
            assert_eq!(rated(path).ok(), Some("req_1"), "{path}");
        }
        for path in ["/api/v1/responses//rate", "/api/v1/responses/a/b/rate", "/api/v1/responses/a"]
        {
            assert!(rated(path).is_err(), "{path}");
        }
    }
}
