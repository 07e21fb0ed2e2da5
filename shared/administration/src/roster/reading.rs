//! The users of a body: a list in JSON, or a column of a CSV.

use std::collections::BTreeSet;

use http::header::CONTENT_TYPE;
use lanyard_domain::token::UserId;
use lanyard_domain::transliteration::transliterated;
use lanyard_gateway::Request;
use serde_json::{Map, Value, json};

use super::{MOST, SkippedRow};
use crate::error::AdminError;
use crate::form::{Form, Mistakes};
use crate::read::reader;
use crate::{Call, body, roster_csv};

/// What a body asks for.
pub(super) struct Wanted {
    pub(super) users: BTreeSet<UserId>,
    pub(super) skipped: Vec<SkippedRow>,
}

/// A user name of a body, as it is written.
struct Name {
    text: String,
    place: NamePlace,
}

/// Where a body has a name.
enum NamePlace {
    /// In JSON, at this index of the list.
    Listed(usize),
    /// In a CSV, on this line.
    OnLine(usize),
}

impl Name {
    /// The user, or a mistake that says where the wrong name is.
    fn user(&self, mistakes: &Mistakes) -> Option<UserId> {
        let fault = match self.text.parse() {
            Ok(user) => return Some(user),
            Err(fault) => fault,
        };
        let hint = self.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let message = format!("{fault}{hint}");
        match self.place {
            NamePlace::Listed(index) => mistakes.add(format!("users[{index}]"), message),
            NamePlace::OnLine(line) => mistakes.add("users", format!("line {line}: {message}")),
        }
        None
    }

    /// How a wrong name becomes right.
    fn hint(&self) -> Option<String> {
        match self.place {
            // API Gateway reads other content types as UTF-8, and replaces what is none.
            NamePlace::OnLine(_) if self.text.contains('\u{fffd}') => Some(
                "the file is not UTF-8, and was changed on its way: send it with -H \
                 'content-type: text/csv'"
                    .to_owned(),
            ),
            NamePlace::Listed(_) | NamePlace::OnLine(_) => {
                let spelt = transliterated(&self.text);
                let spelt = spelt.filter(|spelt| spelt.parse::<UserId>().is_ok());
                spelt.map(|spelt| format!("write {spelt}"))
            }
        }
    }
}

/// The users of a body: a list in JSON, or a column of a CSV.
pub(super) fn asked_for(call: Call<'_>) -> Result<Wanted, AdminError> {
    let csv = csv_in(call.request)?;
    let mistakes = Mistakes::default();
    let (names, skipped) = match &csv {
        Some(text) => named_in_csv(text, &mistakes),
        None => (named_in_json(&body::object(call.request)?, &mistakes), Vec::new()),
    };
    if names.len() > MOST {
        mistakes.add("users", format!("must be at most {MOST}"));
        return mistakes.unless_any(None);
    }
    let users = names.iter().filter_map(|name| name.user(&mistakes)).collect();
    mistakes.unless_any(Some(Wanted { users, skipped }))
}

/// The names of a CSV, and the rows that have none.
fn named_in_csv(text: &str, mistakes: &Mistakes) -> (Vec<Name>, Vec<SkippedRow>) {
    let found = match roster_csv::names(text) {
        Ok(found) => found,
        Err(fault) => {
            mistakes.add("users", fault);
            return (Vec::new(), Vec::new());
        }
    };
    if found.names.is_empty() {
        mistakes.add(
            "users",
            "are missing: the file has no users. To remove all users, send {\"users\": []}",
        );
    }
    let name = |(line, text)| Name { text, place: NamePlace::OnLine(line) };
    let skipped = found.unnamed.into_iter().map(SkippedRow::from);
    (found.names.into_iter().map(name).collect(), skipped.collect())
}

/// The names of a list in JSON.
fn named_in_json(body: &Map<String, Value>, mistakes: &Mistakes) -> Vec<Name> {
    let names = names_in(body, mistakes).unwrap_or_default().into_iter().enumerate();
    names.map(|(index, text)| Name { text, place: NamePlace::Listed(index) }).collect()
}

/// The text of a body that is a CSV, in any encoding that spreadsheets write. Clients send a file
/// under many content types, curl under that of a form unless it is told so. So the first character
/// decides, except where the client says that it is JSON.
fn csv_in(request: &Request) -> Result<Option<String>, AdminError> {
    let (media_type, charset) = content_type(request);
    let bytes = body::bytes(request)?;
    // API Gateway reads other content types as UTF-8, and so replaces the mark of UTF-16.
    if bytes.starts_with("\u{fffd}\u{fffd}".as_bytes()) {
        return Err(AdminError::InvalidJson(
            "The file is not UTF-8, and was changed on its way. Send it with \
             -H 'content-type: text/csv'."
                .to_owned(),
        ));
    }
    let text = roster_csv::decoded(bytes, charset.as_deref())
        .map_err(|fault| AdminError::InvalidJson(format!("The file {fault}.")))?;
    let mut visible = text.chars().filter(|char| !char.is_whitespace());
    let Some(first) = visible.next() else {
        return Ok((media_type == "text/csv").then_some(text));
    };
    if matches!(first, '{' | '[') {
        return Ok(None);
    }
    match media_type.as_str() {
        "application/json" => Err(AdminError::InvalidJson(
            "The body is not JSON. If it is a CSV file, send it with content-type: text/csv."
                .to_owned(),
        )),
        // `curl -d @FILE` removes the line breaks, so that all names would be one.
        "application/x-www-form-urlencoded" if !text.contains(['\n', '\r']) => {
            Err(AdminError::InvalidJson(
                "The file has no line breaks: curl removes them with -d. Send it with \
                 --data-binary @FILE and -H 'content-type: text/csv'."
                    .to_owned(),
            ))
        }
        _ => Ok(Some(text)),
    }
}

/// The content type of a request in small letters, and its charset.
fn content_type(request: &Request) -> (String, Option<String>) {
    let value = request.http.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let value = value.unwrap_or_default().to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_owned();
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    (essence, charset.map(|charset| charset.trim_matches('"').to_owned()))
}

/// The names of a body in JSON.
pub(crate) fn names_in(body: &Map<String, Value>, mistakes: &Mistakes) -> Option<Vec<String>> {
    let form = Form::new(body, mistakes);
    let schema = || json!({"type": "array", "items": {"type": "string"}, "maxItems": MOST});
    let names = form.required(
        "users",
        reader(schema, |value| {
            let list = value.as_array().ok_or("must be a list of names")?;
            let texts = list.iter().map(|value| value.as_str().unwrap_or_default().to_owned());
            Ok(texts.collect::<Vec<_>>())
        }),
    );
    form.close();
    names
}
