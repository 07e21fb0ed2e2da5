//! Attendees' ratings of responses.

use async_trait::async_trait;
use lanyard_administration::place::Place;
use lanyard_administration::ports::{OrganiserFault, RatingStore};
use lanyard_administration::records::RatedResponse;
use lanyard_domain::ids::EventId;
use lanyard_gateway::ports::Cause;

use super::{Organisers, unavailable};
use crate::table::{Item, get_number, get_text, rating_pk, readable, text};

/// The rating in an item.
fn rated_response(item: &Item) -> Result<RatedResponse, Cause> {
    let model = item.contains_key("model").then(|| get_text(item, "model")).transpose()?;
    Ok(RatedResponse {
        request_id: get_text(item, "request_id")?.parse()?,
        user: get_text(item, "user")?.parse()?,
        model: model.map(str::parse).transpose()?,
        rating: get_number(item, "rating")?.ok_or("a rating without a number")?,
        feedback: get_text(item, "feedback")?.to_owned(),
        rated_at: get_text(item, "rated_at")?.to_owned(),
        place: Place::of_sort_key(get_text(item, "sk")?.to_owned()),
    })
}

#[async_trait]
impl RatingStore for Organisers {
    async fn ratings(&self, event: &EventId) -> Result<Vec<RatedResponse>, OrganiserFault> {
        let mut ratings = Vec::new();
        let mut start: Option<Item> = None;
        loop {
            let page = self
                .table
                .client
                .query()
                .table_name(&self.table.name)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(rating_pk(event)))
                .consistent_read(true)
                .scan_index_forward(false)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            ratings.extend(page.items().iter().filter_map(|item| readable(item, rated_response)));
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(ratings);
            }
        }
    }
}
