//! What attendees think of answers.

use lanyard_domain::ids::{DeploymentName, EventId, RequestId};
use lanyard_domain::token::UserId;
use lanyard_gateway::ports::Cause;
use serde::Serialize;

use super::place::Place;
use super::{OrganiserFault, Organisers, away, unreadable};
use crate::table::{Item, get_number, get_text, rating_pk, text};

/// An answer that was rated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RatedAnswer {
    /// Which request.
    pub request_id: RequestId,
    /// Whose.
    pub user: UserId,
    /// By which model; absent where nobody can tell.
    pub model: Option<DeploymentName>,
    /// 1 or -1.
    pub rating: i64,
    /// In words; empty where there are none.
    pub feedback: String,
    /// When.
    pub rated_at: String,
    #[serde(skip)]
    place: Place,
}

impl RatedAnswer {
    fn read(item: &Item) -> Result<Self, Cause> {
        let model = item.contains_key("model").then(|| get_text(item, "model")).transpose()?;
        Ok(Self {
            request_id: get_text(item, "request_id")?.parse()?,
            user: get_text(item, "user")?.parse()?,
            model: model.map(str::parse).transpose()?,
            rating: get_number(item, "rating")?.ok_or("a rating without a number")?,
            feedback: get_text(item, "feedback")?.to_owned(),
            rated_at: get_text(item, "rated_at")?.to_owned(),
            place: Place(get_text(item, "sk")?.to_owned()),
        })
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl Organisers {
    /// Every rating of an event, that of the newest request first.
    ///
    /// # Errors
    ///
    /// If the table does not answer or an item is malformed.
    pub async fn ratings(&self, event: &EventId) -> Result<Vec<RatedAnswer>, OrganiserFault> {
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
                .map_err(away)?;
            for item in page.items() {
                ratings.push(RatedAnswer::read(item).map_err(unreadable)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(ratings);
            }
        }
    }
}
