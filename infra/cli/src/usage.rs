//! `lanyard usage`: what an event used, as a table, JSON or CSV.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::money::{self, Money};
use crate::session::{Session, event_path};
use crate::table::{Column, number, text};

/// What is printed.
#[derive(Args, Debug)]
pub(crate) struct UsageArguments {
    /// Id, code or name of the event.
    event: String,

    /// What each row is about.
    #[arg(long, value_enum, default_value_t = By::Attendee)]
    by: By,

    /// Print CSV.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// What each row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Attendee,
    Model,
    Hour,
    Session,
}

impl By {
    /// The query parameter, and the field of a row that has the name.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Attendee => ("attendee", "user"),
            Self::Model => ("model", "model"),
            Self::Hour => ("hour", "hour"),
            Self::Session => ("session", "session"),
        }
    }

    /// The field with the attendee of a row that has another name.
    fn attendee(self) -> Option<&'static str> {
        match self {
            Self::Session => Some("user"),
            Self::Attendee | Self::Model | Self::Hour => None,
        }
    }
}

/// The number columns, in order.
const NUMBERS: [&str; 10] = [
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cache_read_tokens",
    "cache_written_tokens",
    "images",
    "audio_seconds",
    "characters",
    "video_seconds",
];

/// Whether a column shows a part of another one.
fn is_detail(name: &str) -> bool {
    name.ends_with("_tokens") && name != "total_tokens"
}

/// Further columns of hours and models. CSV always has them, after the others.
const ERROR_COLUMNS: [&str; 4] =
    ["errors", "first_byte_p50_ms", "first_byte_p95_ms", "error_kinds"];

/// The cells of [`ERROR_COLUMNS`]; empty if the row has no such data.
fn error_cells(row: &Value) -> [String; 4] {
    let errors = row["errors"].as_object();
    let times = |errors: &serde_json::Map<String, Value>| {
        errors.values().filter_map(Value::as_u64).sum::<u64>().to_string()
    };
    let kinds = |errors: &serde_json::Map<String, Value>| {
        errors.iter().map(|(code, times)| format!("{code}:{times}")).collect::<Vec<_>>().join(" ")
    };
    let within = |name| row["first_byte"][name].as_u64().map(|ms: u64| ms.to_string());
    [errors.map(times), within("p50_ms"), within("p95_ms"), errors.map(kinds)]
        .map(Option::unwrap_or_default)
}

/// `lanyard usage`
pub(crate) async fn run(session: &Session, arguments: UsageArguments) -> Result<(), CliError> {
    let event = session.event(&arguments.event).await?;
    let (by, name) = arguments.by.names();
    let attendee = arguments.by.attendee();
    let bar = session.output.progress(0, "rows");
    let usage = read(session, &event, by, |rows| {
        bar.set_length(rows);
        bar.set_position(rows);
    })
    .await?;
    bar.finish_and_clear();
    let rows = usage["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    if arguments.csv {
        return session.output.raw(&csv(name, attendee, rows)?);
    }
    let money = Money::of_event(&event, &usage["total"]);
    let has_money = money.matters_at(&event);
    session.output.data(&usage, |style| {
        use Column::{ExtraNumbers, Numbers, Words};
        // Columns without any usage are left out.
        let shown: Vec<_> = NUMBERS
            .into_iter()
            .filter(|number| {
                number.ends_with("tokens") && !number.starts_with("cache_")
                    || *number == "requests"
                    || rows.iter().any(|row| row[*number].as_u64().is_some_and(|used| used > 0))
            })
            .collect();
        let mut columns: Vec<_> = std::iter::once(name).chain(attendee).map(Words).collect();
        columns.extend(shown.iter().map(|name| match is_detail(name) {
            true => ExtraNumbers(name),
            false => Numbers(name),
        }));
        if has_money {
            columns.push(Numbers("USD"));
        }
        let has_errors = rows.iter().any(|row| row["errors"].is_object());
        if has_errors {
            let [errors, median, p95, _] = ERROR_COLUMNS;
            columns.extend([Numbers(errors), ExtraNumbers(median), ExtraNumbers(p95)]);
        }
        let cells = |label: String, row: &Value| {
            let user = attendee.map(|user| text(&row[user]));
            let numbers = shown.iter().map(|name| number(&row[*name]));
            let usd = has_money.then(|| money::cell(&row["usd"]));
            let error_cells = error_cells(row).into_iter().take(3).filter(|_| has_errors);
            let labels = std::iter::once(label).chain(user);
            labels.chain(numbers).chain(usd).chain(error_cells).collect::<Vec<_>>()
        };
        let mut lines: Vec<_> = rows.iter().map(|row| cells(text(&row[name]), row)).collect();
        lines.push(cells("total".to_owned(), &usage["total"]));
        let table = style.table(&columns, lines);
        match money.budget.is_some() || money.held > 0.0 {
            true => format!("{table}\n{}", style.pairs(&[("money", money.in_words())])),
            false => table,
        }
    })
}

/// The totals and every row.
pub(crate) async fn read(
    session: &Session,
    event: &Value,
    by: &str,
    seen: impl Fn(u64),
) -> Result<Value, CliError> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = event_path(event, &format!("/usage?by={by}&limit=100{cursor}"));
        let mut page = session.api.get(&path).await?;
        if let Some(Value::Array(more)) = page.get_mut("rows").map(Value::take) {
            rows.extend(more);
        }
        seen(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={}", crate::api::encoded(next)),
            None => return Ok(json!({"by": by, "total": page["total"], "rows": rows})),
        }
    }
}

fn csv(name: &str, attendee: Option<&str>, rows: &[Value]) -> Result<Vec<u8>, CliError> {
    let cannot = |error| CliError::failed("the CSV cannot be written", error);
    let mut csv = csv::Writer::from_writer(Vec::new());
    let header = std::iter::once(name).chain(NUMBERS).chain(ERROR_COLUMNS);
    // The last columns, so that the others keep their places.
    csv.write_record(header.chain(["usd"]).chain(attendee)).map_err(cannot)?;
    for row in rows {
        let numbers = NUMBERS.map(|name| match row[name].as_u64() {
            // What was cached is not known of each attendee.
            None if name.starts_with("cache_") => String::new(),
            count => count.unwrap_or_default().to_string(),
        });
        let label = |name: &str| escape_formula(row[name].as_str().unwrap_or_default());
        let cells = std::iter::once(label(name)).chain(numbers).chain(error_cells(row));
        let cells = cells.chain([money::exact(&row["usd"])]).chain(attendee.map(label));
        csv.write_record(cells).map_err(cannot)?;
    }
    csv.into_inner().map_err(|error| CliError::failed("the CSV cannot be written", error))
}

/// A text that no spreadsheet takes for a formula, because attendees choose their own names. The
/// apostrophe is OWASP's advice.
fn escape_formula(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_first_bytes_and_dollars_are_in_the_last_columns() {
        let row = json!({
            "hour": "2026-12-05T09:00:00Z", "requests": 2, "total_tokens": 7, "usd": 1.87e-4,
            "cache_read_tokens": 4, "cache_written_tokens": 1,
            "errors": {"rate_limit_exceeded": 3, "upstream_busy": 1},
            "first_byte": {"requests": 2, "p50_ms": 75, "p95_ms": 150, "buckets": []},
        });
        let quiet = json!({"hour": "2026-12-05T10:00:00Z", "errors": {}, "first_byte": {}});
        let text = String::from_utf8(csv("hour", None, &[row, quiet]).unwrap()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].starts_with("hour,requests,prompt_tokens,completion_tokens,total_tokens,")
        );
        assert!(lines[0].ends_with(",errors,first_byte_p50_ms,first_byte_p95_ms,error_kinds,usd"));
        assert!(
            lines[1].ends_with(",4,75,150,rate_limit_exceeded:3 upstream_busy:1,0.000187"),
            "{}",
            lines[1]
        );
        assert!(lines[1].starts_with("2026-12-05T09:00:00Z,2,0,0,7,4,1,"), "{}", lines[1]);
        assert!(lines[2].ends_with(",0,,,,0"), "{}", lines[2]);
    }

    #[test]
    fn a_name_cannot_be_a_formula() {
        let row = |user: &str| json!({"user": user, "requests": 1, "total_tokens": 7});
        let rows = [row("ada"), row("=HYPERLINK(\"http://x\",\"y\")"), row("@sum"), row("a,b")];
        let text = String::from_utf8(csv("user", None, &rows).unwrap()).unwrap();
        let names: Vec<_> =
            text.lines().skip(1).map(|line| line.split(",1,").next().unwrap()).collect();
        assert_eq!(
            names,
            ["ada", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"", "'@sum", "\"a,b\""]
        );
    }

    #[test]
    fn a_session_has_its_attendee_in_the_last_column() {
        let row = json!({"session": "ses_1", "user": "@ada", "requests": 1, "usd": 0.5});
        let text = String::from_utf8(csv("session", Some("user"), &[row]).unwrap()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("session,requests,") && lines[0].ends_with(",usd,user"));
        assert!(lines[1].starts_with("ses_1,1,") && lines[1].ends_with(",0.5,'@ada"), "{text}");
    }
}
