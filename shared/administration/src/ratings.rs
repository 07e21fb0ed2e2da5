//! `GET /events/{id}/ratings`: what attendees think of the responses.

use std::collections::BTreeMap;

use http::StatusCode;
use lanyard_domain::ids::EventId;
use lanyard_gateway::Response;
use serde::Serialize;

use crate::error::AdminError;
use crate::events::owned;
use crate::page::cursor;
use crate::place::Place;
use crate::records::RatedResponse;
use crate::{Call, reply};

/// The votes on one model's responses.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct ModelVotes<'a> {
    model: &'a str,
    #[serde(flatten)]
    votes: Votes,
}

/// The votes of an event, and a page of its ratings: that of the newest request first.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct RatingPage<'a> {
    total: Votes,
    models: Vec<ModelVotes<'a>>,
    ratings: Vec<&'a RatedResponse>,
    /// The cursor of the next page.
    next: Option<String>,
}

/// How many responses were rated up and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Votes {
    up: u64,
    down: u64,
}

impl Votes {
    fn add(&mut self, rated: &RatedResponse) {
        if rated.rating > 0 { self.up += 1 } else { self.down += 1 }
    }
}

/// `GET /events/{id}/ratings`: the counts, and a page of the ratings, the newest response first.
pub(crate) async fn show(call: Call<'_>, id: &EventId) -> Result<Response, AdminError> {
    let page = call.page::<Place>()?;
    owned(call, id).await?;
    let all = call.admin.store.ratings(id).await?;
    let mut total = Votes::default();
    let mut by_model: BTreeMap<&str, Votes> = BTreeMap::new();
    for rated in &all {
        total.add(rated);
        if let Some(model) = &rated.model {
            by_model.entry(model.as_str()).or_default().add(rated);
        }
    }
    let models = by_model.into_iter().map(|(model, votes)| ModelVotes { model, votes }).collect();
    let is_later = |rated: &&RatedResponse| {
        page.after.as_ref().is_none_or(|after| rated.place.to_string() < after.to_string())
    };
    let mut shown: Vec<_> = all.iter().filter(is_later).collect();
    let has_more = shown.len() > usize::from(page.limit);
    shown.truncate(page.limit.into());
    let next = shown.last().map(|rated| &rated.place).filter(|_| has_more);
    reply(StatusCode::OK, &RatingPage { total, models, ratings: shown, next: cursor(next) })
}
