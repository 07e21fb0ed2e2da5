//! The printable page: an A4 sheet, and a slide on a second page.
//!
//! It loads nothing: no scripts, styles or images.

use lanyard_doctor::grouped;
use serde_json::Value;

use super::qr;
use crate::error::CliError;
use crate::table::{local_time, text};

const TEMPLATE: &str = include_str!("handout.html");

/// The page of an event.
pub(super) fn html(
    event: &Value,
    address: &str,
    model: Option<&str>,
    link: &str,
) -> Result<String, CliError> {
    // The XML declaration must not be inside HTML.
    let drawing = qr::svg(link)?;
    let drawing =
        drawing.find("<svg").and_then(|at| drawing.get(at..)).unwrap_or_default().to_owned();
    let code = text(&event["code"]);
    let fields = [
        ("name", escaped(&text(&event["name"]))),
        ("code", code_html(&code)),
        ("spelling", digit_hint(&code).to_owned()),
        ("plain_code", escaped(&code)),
        ("address", escaped(address)),
        ("setup", escaped(&format!("{}/setup", address.trim_end_matches("/v1")))),
        ("model", escaped(model.unwrap_or("MODEL"))),
        ("page", escaped(link.split('#').next().unwrap_or_default())),
        ("from", escaped(&local_time(&event["starts_at"]))),
        ("to", escaped(&local_time(&event["ends_at"]))),
        ("zone", escaped(&text(&event["time_zone"]))),
        ("rules", rules(event)),
        ("contact", contact(event)),
        ("qr", drawing),
    ];
    Ok(render(TEMPLATE, &fields))
}

/// Replaces each `{{name}}` once. Values are not expanded again.
fn render(template: &str, fields: &[(&str, String)]) -> String {
    let mut pieces = template.split("{{");
    let mut page = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or(("", piece));
        if let Some((_, value)) = fields.iter().find(|(field, _)| *field == name) {
            page.push_str(value);
        }
        page.push_str(rest);
    }
    page
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The code with its digits marked.
fn code_html(code: &str) -> String {
    let letter = |c: char| match c.is_ascii_digit() {
        true => format!("<b>{c}</b>"),
        false => escaped(&c.to_string()),
    };
    code.chars().map(letter).collect()
}

/// Explains the marked digits, if there are any.
fn digit_hint(code: &str) -> &'static str {
    match code.bytes().any(|b| b.is_ascii_digit()) {
        true => "Digits are blue and underlined. ",
        false => "",
    }
}

/// The limits of an attendee, one sentence each.
fn rules(event: &Value) -> String {
    let each = &event["allowances"]["attendee"];
    let limit = |name: &str, words: &str| {
        each[name].as_u64().map(|most| format!("At most {} {words}.", grouped(most)))
    };
    let mut rules: Vec<_> = [
        limit("requests_per_minute", "requests per minute"),
        limit("tokens_per_minute", "tokens per minute"),
        limit("requests_per_day", "requests per day"),
        limit("tokens_per_day", "tokens per day"),
        limit("tokens_total", "total tokens"),
        limit("in_flight", "concurrent requests"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(longest) = event["max_completion_tokens"].as_u64() {
        rules.push(format!("At most {} tokens per response.", grouped(longest)));
    }
    rules.push("SDKs wait and retry by themselves when a limit is reached.".to_owned());
    rules.iter().map(|rule| format!("<li>{}</li>", escaped(rule))).collect()
}

fn contact(event: &Value) -> String {
    let contact = &event["contact"];
    let named: Vec<_> = [&contact["name"], &contact["email"]]
        .iter()
        .filter_map(|part| part.as_str())
        .map(escaped)
        .collect();
    match named.is_empty() {
        true => "Questions: ask your organiser.".to_owned(),
        false => format!("Questions: {}", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(name: &str) -> Value {
        json!({
            "name": name, "code": "oslo-hack-1c3e5g7y", "time_zone": "Europe/Oslo",
            "starts_at": "2026-12-05T09:00:00+01:00", "ends_at": "2026-12-06T18:00:00+01:00",
            "allowances": {"attendee": {"requests_per_minute": 20, "tokens_per_minute": 40_000}},
            "contact": {"name": "Ada & Bob", "email": null},
        })
    }

    #[test]
    fn the_page_holds_everything_and_fetches_nothing() {
        let link = "https://h/api/pages#code=oslo-hack-1c3e5g7y";
        let page =
            html(&event("Oslo Hack"), "https://h/api/v1", Some("gpt-4o-mini"), link).unwrap();
        for wanted in [
            "<h1>Oslo Hack</h1>",
            "oslo-hack-<b>1</b>c<b>3</b>e<b>5</b>g<b>7</b>y",
            "oslo-hack-1c3e5g7y/YOURNAME",
            "At most 40,000 tokens per minute.",
            "Ada &amp; Bob",
            "2026-12-06 18:00",
            "<svg",
        ] {
            assert!(page.contains(wanted), "{wanted} is missing in {page}");
        }
        for foreign in ["{{", "<script", "src=", "href="] {
            assert!(!page.contains(foreign), "{foreign} in {page}");
        }
    }

    #[test]
    fn a_name_is_text_and_not_part_of_the_template() {
        let page =
            html(&event("<script>{{code}}"), "https://h/api/v1", None, "https://h/#x").unwrap();
        assert!(page.contains("<h1>&lt;script&gt;{{code}}</h1>"), "{page}");
    }
}
