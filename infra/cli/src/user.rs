//! Whether an event knows a user name, and which names it may have been meant to be.
//!
//! Blocking somebody who has not come yet, or giving them limits, is allowed. A mistyped name looks
//! the same, so each command warns.

use serde_json::{Value, json};

use crate::api::{Method, encoded};
use crate::error::CliError;
use crate::output::warnings;
use crate::session::{Session, event_path};
use crate::table::text;

/// How many similar names are shown.
const SIMILAR: usize = 3;

/// A user of an event.
pub(crate) struct User<'a> {
    pub(crate) event: &'a Value,
    pub(crate) name: &'a str,
}

impl User<'_> {
    pub(crate) fn path(&self) -> String {
        event_path(self.event, &format!("/attendees/{}", encoded(self.name)))
    }

    /// The attendee. `None` if nothing is known of the name.
    pub(crate) async fn find(&self, session: &Session) -> Result<Option<Value>, CliError> {
        match session.api.get(&self.path()).await {
            Ok(attendee) => Ok(Some(attendee)),
            Err(CliError::Rejected { code, .. }) if code == "not_found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The attendee.
    ///
    /// # Errors
    ///
    /// The names that are similar, if nothing is known of this one.
    pub(crate) async fn get(&self, session: &Session) -> Result<Value, CliError> {
        match self.find(session).await? {
            Some(attendee) => Ok(attendee),
            None => Err(self.unknown(session).await?),
        }
    }

    /// The error for a name of which nothing is known.
    async fn unknown(&self, session: &Session) -> Result<CliError, CliError> {
        let similar = self.similar(session).await?;
        let (name, event) = (self.name, text(&self.event["name"]));
        Ok(CliError::Failed(format!("{event} has no attendee {name}.{}", hint(&similar))))
    }

    /// An error that names similar users, if it says that there is no such thing of this user.
    async fn explained(&self, session: &Session, error: CliError) -> CliError {
        let CliError::Rejected { message, code, details, request_id } = error else { return error };
        let similar = match code.as_str() {
            "not_found" => self.similar(session).await.unwrap_or_default(),
            _ => Vec::new(),
        };
        let message = format!("{message}{}", hint(&similar));
        CliError::Rejected { message, code, details, request_id }
    }

    /// Deletes something of this user. An error that there is none names similar users.
    pub(crate) async fn delete(
        &self,
        session: &Session,
        path: &str,
    ) -> Result<Option<Value>, CliError> {
        match session.write(Method::Delete, path, None).await {
            Ok(deleted) => Ok(deleted),
            Err(error) => Err(self.explained(session, error).await),
        }
    }

    /// The response to a change, with a warning if the user has not come and is not expected. It names
    /// no similar users if the attendees cannot be listed.
    pub(crate) async fn checked(&self, session: &Session, mut changed: Value, what: &str) -> Value {
        if !is_expected(&changed) {
            let similar = hint(&self.similar(session).await.unwrap_or_default());
            let mut all = warnings(&changed);
            all.push(format!(
                "{} has not used the event yet, and is not on its roster: {what} in advance.{similar}",
                self.name
            ));
            changed["warnings"] = json!(all);
        }
        changed
    }

    async fn similar(&self, session: &Session) -> Result<Vec<String>, CliError> {
        let all = session.api.all(&event_path(self.event, "/attendees"), "attendees").await?;
        Ok(similar(self.name, &all))
    }
}

/// Whether an attendee has used the event, is on its roster, or has registered.
pub(crate) fn is_expected(attendee: &Value) -> bool {
    !attendee["joined_at"].is_null()
        || attendee["on_roster"] == true
        || attendee["registered"] == true
}

/// The expected attendees whose names differ little from one, the most similar first.
pub(crate) fn similar(name: &str, attendees: &[Value]) -> Vec<String> {
    let name = name.trim().to_lowercase();
    let most = if name.chars().count() > 5 { 2 } else { 1 };
    let near = |attendee: &Value| {
        let user = text(&attendee["user"]);
        let distance = strsim::osa_distance(&name, &user);
        (1..=most).contains(&distance).then_some((distance, user))
    };
    let mut near: Vec<_> =
        attendees.iter().filter(|one| is_expected(one)).filter_map(near).collect();
    near.sort();
    near.into_iter().take(SIMILAR).map(|(_, user)| user).collect()
}

fn hint(similar: &[String]) -> String {
    match similar {
        [] => String::new(),
        similar => format!(" Similar: {}.", similar.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_little_are_similar_if_they_are_expected() {
        let user = |name: &str, joined: bool, listed: bool| {
            let joined = if joined { json!("2026-12-05T09:00:00Z") } else { Value::Null };
            json!({"user": name, "joined_at": joined, "on_roster": listed, "registered": false})
        };
        let all = [
            user("mallory", true, false),
            user("malory", false, true),
            user("mallroy", false, false),
            user("ada", true, false),
            user("bob", true, false),
        ];
        assert_eq!(similar("Mallroy", &all), ["mallory", "malory"]);
        assert_eq!(similar("eda", &all), ["ada"]);
        assert_eq!(similar("ada", &all), Vec::<String>::new(), "the name itself is not similar");
        assert_eq!(similar("nobody", &all), Vec::<String>::new());
    }
}
