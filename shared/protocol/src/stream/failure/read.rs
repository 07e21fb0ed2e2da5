//! Reads an error in whatever shape a server writes it.
//!
//! Models of Foundry run on many servers, and gateways stand before them: OpenAI's and Anthropic's
//! envelope, FastAPI's `detail`, a problem of RFC 9457, a list of errors, a bare sentence, a page of
//! HTML. Only sentences, names of fields and codes are read, never the `input` that some servers
//! repeat beside them: it is the client's prompt.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Failure;

/// The longest message that is passed on, in characters.
const LONGEST: usize = 2_000;

/// The longest code, type and parameter, in characters.
const LONGEST_NAME: usize = 200;

/// How many errors of a list are read.
const MOST_ERRORS: usize = 8;

/// How deep errors stand in each other.
const DEEPEST: usize = 6;

impl Failure {
    /// Reads an error response, or the data of an event. Fields that are not in the error may be
    /// beside it.
    #[must_use]
    pub fn read(data: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(data) {
            Ok(value) => Self::of(&value),
            Err(_) => bounded(Self { message: plain_text(data), ..Self::default() }),
        }
    }

    /// Reads an error: an object, a list of them, or only a sentence.
    #[must_use]
    pub fn of(error: &Value) -> Self {
        bounded(any(error, 0))
    }
}

fn any(error: &Value, depth: usize) -> Failure {
    match error {
        Value::Object(fields) if depth < DEEPEST => object(fields, depth + 1),
        Value::Array(errors) if depth < DEEPEST => list(errors, depth + 1),
        // Some servers write the error of another one into theirs.
        Value::String(text) if text.trim_start().starts_with(['{', '[']) && depth < DEEPEST => {
            match serde_json::from_str::<Value>(text) {
                Ok(inner) => any(&inner, depth + 1),
                Err(_) => sentence(text),
            }
        }
        Value::String(text) => sentence(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Failure::default()
        }
    }
}

fn object(fields: &Map<String, Value>, depth: usize) -> Failure {
    // `Message` and `message` are the same.
    let field = |name: &str| {
        let found = fields.get(name).or_else(|| {
            let mut fields = fields.iter();
            fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        });
        found.filter(|value| !value.is_null())
    };
    let name = |names: &[&str]| names.iter().find_map(|name| text(field(name)?));
    let inside = |name: &str| field(name).map(|value| any(value, depth)).unwrap_or_default();
    let status = name(&["status", "status_code", "statusCode"]);
    let own = Failure {
        code: name(&["code"]).or_else(|| status.clone()),
        status,
        // It is the type of the event where the error has no envelope, a page of documentation where
        // the error is a problem of RFC 9457, and a rule where it is about a place.
        kind: name(&["type"])
            .filter(|kind| kind != "error" && !kind.contains([':', '/']) && field("loc").is_none()),
        message: None,
        param: name(&["param", "target"]).or_else(|| field("loc").and_then(place)),
    };
    let error = inside("error");
    let said = ["message", "msg", "detail", "title", "error_description", "description"];
    let said = said.into_iter().map(inside).find(|said| said.message.is_some());
    let said = said.unwrap_or_default();
    // A sentence that is only a list of faults needs no list behind it.
    let by_field =
        || field("errors").and_then(Value::as_object).map(|errors| fields_of(errors, depth));
    let mut details = ["errors", "details"].into_iter().map(inside).chain(by_field());
    let details = details.find(|details| details.message.is_some()).unwrap_or_default();
    // Of `{"error": "Bad Request", "message": "…"}` the sentence says more.
    let is_title = field("error").is_some_and(Value::is_string) && said.message.is_some();
    let (first, second) = if is_title { (said, error) } else { (error, said) };
    let message = match (first.message.or(second.message), details.message) {
        (Some(message), Some(details)) if !message.contains(&details) => {
            Some(format!("{} {details}", with_stop(&message)))
        }
        (message, details) => message.or(details),
    };
    // `{"error": {…}, "code": 429}`
    let beside = field("error").and(own.code.clone());
    Failure {
        code: first.code.or(second.code).or(own.code).or(details.code),
        status: first.status.or(second.status).or(own.status).or(beside),
        kind: first.kind.or(second.kind).or(own.kind),
        param: first.param.or(second.param).or(own.param).or(details.param),
        message,
    }
}

/// The errors of an object that has a list for each field, in one sentence.
fn fields_of(errors: &Map<String, Value>, depth: usize) -> Failure {
    let errors: Vec<_> = errors
        .iter()
        .filter_map(|(field, errors)| {
            let message = any(errors, depth).message?;
            Some(serde_json::json!({ "loc": [field], "message": message }))
        })
        .collect();
    list(&errors, depth)
}

/// The errors of a list in one sentence, with the names of their fields.
fn list(errors: &[Value], depth: usize) -> Failure {
    let mut read = errors.iter().take(MOST_ERRORS).map(|error| any(error, depth));
    let mut all = read.next().unwrap_or_default();
    let labelled = |failure: &Failure| {
        let message = failure.message.as_deref()?;
        Some(match &failure.param {
            Some(param) if !message.contains(param.as_str()) => format!("{param}: {message}"),
            Some(_) | None => message.to_owned(),
        })
    };
    let mut messages: Vec<_> = labelled(&all).into_iter().collect();
    messages.extend(read.filter_map(|failure| labelled(&failure)));
    if errors.len() > MOST_ERRORS {
        messages.push(format!("… and {} more", errors.len() - MOST_ERRORS));
    }
    all.message = (!messages.is_empty()).then(|| messages.join("; "));
    all
}

/// A text, or a number as one.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// The name of a field by the places that lead to it: `["body", "messages", 0, "role"]` is
/// `messages[0].role`.
fn place(places: &Value) -> Option<String> {
    let places = places.as_array()?;
    let is_of_body = places.len() > 1 && places.first().is_some_and(|first| first == "body");
    let mut name = String::new();
    for place in places.iter().skip(usize::from(is_of_body)) {
        match place {
            Value::String(field) if name.is_empty() => name.push_str(field),
            Value::String(field) => name.extend([".", field]),
            Value::Number(index) => name.push_str(&format!("[{index}]")),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
    (!name.is_empty()).then_some(name)
}

fn sentence(text: &str) -> Failure {
    let text = without_input(text.trim());
    let message = (!text.is_empty()).then(|| text.into_owned());
    Failure { message, ..Failure::default() }
}

fn with_stop(sentence: &str) -> Cow<'_, str> {
    match sentence.ends_with(['.', '!', '?', ':']) {
        true => sentence.into(),
        false => format!("{sentence}:").into(),
    }
}

/// The text of a body that is not JSON; of a page its title.
fn plain_text(data: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?.trim_start_matches('\u{feff}').trim();
    // JSON that was cut off, and what else is no text.
    if text.starts_with(['{', '[']) || text.contains(|c: char| c.is_control() && !is_space(c)) {
        return None;
    }
    let said = match text.starts_with('<') {
        true => ["title", "h1", "message"].into_iter().find_map(|tag| element(text, tag))?,
        false => text,
    };
    let said = without_input(said);
    let words: Vec<_> = said.split_whitespace().collect();
    let has_words = words.iter().any(|word| word.contains(char::is_alphabetic));
    has_words.then(|| words.join(" "))
}

fn is_space(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\t')
}

/// The text of the first element of a name in a page, unless it has other elements in it.
fn element<'t>(page: &'t str, name: &str) -> Option<&'t str> {
    // ASCII alone changes, so that positions stay.
    let lower = page.to_ascii_lowercase();
    let tag = lower.find(&format!("<{name}"))?;
    let from = tag + lower[tag..].find('>')? + 1;
    let to = from + lower[from..].find("</")?;
    let text = page[from..to].trim();
    (!text.is_empty() && !text.contains('<')).then_some(text)
}

/// A sentence without the inputs that Pydantic's errors repeat, as text or as a list in Python's
/// notation.
fn without_input(text: &str) -> Cow<'_, str> {
    const MARKS: [(&str, &str); 4] = [
        ("input_value=", ", input_type="),
        ("'input': ", ""),
        ("\"input\": ", ""),
        ("\"input\":", ""),
    ];
    MARKS.into_iter().fold(Cow::Borrowed(text), |text, (mark, end)| match text.contains(mark) {
        true => Cow::Owned(without_values(&text, mark, end)),
        false => text,
    })
}

/// A text without the values behind a mark, up to `end`, or to their own end. The client may choose
/// how many there are, so it is read once.
fn without_values(text: &str, mark: &str, end: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let (mut rest, mut may_end) = (text, !end.is_empty());
    while let Some((before, value)) = rest.split_once(mark) {
        let ends_at = if may_end { value.find(end) } else { None };
        may_end = ends_at.is_some();
        clean.extend([before, mark, "…"]);
        rest = &value[ends_at.unwrap_or_else(|| literal(value))..];
    }
    clean + rest
}

/// The length of the value at the start of a text, in Python's notation or as JSON; all of the text
/// if it does not end.
fn literal(text: &str) -> usize {
    let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '[' | '{' | '(') => depth += 1,
            (None, ']' | '}' | ')' | ',') if depth == 0 => return at,
            (None, ']' | '}' | ')') => depth -= 1,
            (None, _) => {}
        }
    }
    text.len()
}

/// A sentence without what may be a key or a token. Some gateways repeat the one that they refuse.
pub(crate) fn without_keys(text: &str) -> String {
    let ends_word = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    let mut clean = String::with_capacity(text.len());
    for piece in text.split_inclusive(ends_word) {
        let word = piece.trim_end_matches(ends_word);
        let shown = if is_key(word) { "[redacted]" } else { word };
        clean.extend([shown, piece.get(word.len()..).unwrap_or_default()]);
    }
    clean
}

/// Whether a word may be a key: one of Azure's, of OpenAI's or Anthropic's, or a signed token. Ids
/// have a `_` or a `-` behind a name.
fn is_key(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.bytes().any(|byte| test(&byte));
    let is_opaque = word.len() >= 32
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic);
    is_opaque
        || (word.len() >= 20 && word.starts_with("sk-"))
        || (word.len() >= 32 && word.starts_with("eyJ"))
}

/// The same with texts of a bounded length, and without keys.
fn bounded(failure: Failure) -> Failure {
    let name = |text: Option<String>| text.filter(|text| text.chars().count() <= LONGEST_NAME);
    Failure {
        code: name(failure.code),
        status: name(failure.status),
        kind: name(failure.kind),
        message: failure.message.map(|message| cut(without_keys(&message), LONGEST)),
        param: failure.param.map(|param| cut(param, LONGEST_NAME)),
    }
}

fn cut(mut text: String, most: usize) -> String {
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
