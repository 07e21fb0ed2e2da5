//! Prints data to standard output and messages to standard error.

mod fields;

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use self::fields::Fields;
use crate::error::CliError;
use crate::globals::Globals;
use crate::table::Style;

/// The output of a command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// The fields that are printed as JSON. `None` prints text.
    json: Option<Fields>,
    is_quiet: bool,
    style: Style,
}

/// The service's warnings in a response.
pub(crate) fn warnings(response: &Value) -> Vec<String> {
    let list = response["warnings"].as_array();
    list.into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

impl Output {
    pub(crate) fn new(globals: &Globals) -> Self {
        Self {
            json: globals.json.as_deref().map(Fields::read),
            is_quiet: globals.quiet,
            style: Style::of_terminal(globals.no_color),
        }
    }

    /// Whether data is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// Whether standard output is a terminal and data is text.
    pub(crate) fn is_terminal(&self) -> bool {
        !self.is_json() && io::stdout().is_terminal()
    }

    /// Prints data: the value with `--json`, else the text.
    pub(crate) fn data(
        &self,
        value: &Value,
        text: impl FnOnce(Style) -> String,
    ) -> Result<(), CliError> {
        let Some(fields) = &self.json else { return self.raw(ended(text(self.style)).as_bytes()) };
        let json = serde_json::to_string_pretty(&fields.of(value)?)?;
        self.raw(ended(json).as_bytes())
    }

    /// Prints one line, for commands that keep running.
    pub(crate) fn line(
        &self,
        value: &Value,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        let line = match &self.json {
            Some(fields) => fields.of(value)?.to_string(),
            None => text(),
        };
        self.raw(format!("{line}\n").as_bytes())
    }

    /// Prints raw bytes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Prints a message, unless messages are not wanted.
    pub(crate) fn say(&self, words: &str) {
        if !self.is_quiet {
            // A closed standard error is no reason to stop.
            let _ = writeln!(io::stderr(), "{words}");
        }
    }

    /// Prints warnings. With `--json` they are part of the data.
    pub(crate) fn warn(&self, warnings: &[String]) {
        if !self.is_json() {
            warnings.iter().for_each(|warning| self.say(&format!("warning: {warning}")));
        }
    }

    /// Prints an error and returns its exit code.
    pub(crate) fn failed(&self, error: &CliError) -> ExitCode {
        let text = match (error, self.is_json()) {
            (CliError::ClosedPipe, _) => String::new(),
            (error, true) => format!("{}\n", error.json()),
            (error, false) => error.text(),
        };
        let _ = io::stderr().write_all(text.as_bytes());
        ExitCode::from(error.exit_code())
    }

    /// Asks for confirmation on the terminal.
    ///
    /// # Errors
    ///
    /// [`CliError::Usage`] without a terminal, [`CliError::Failed`] if the response is no.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), CliError> {
        if !io::stdin().is_terminal() {
            return Err(CliError::Usage(format!(
                "{question} Standard input is not a terminal. Use --yes to confirm, or --dry-run \
                 to see what would be sent"
            )));
        }
        match ask(&format!("{question} [y/N] "))?.to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::Failed("Cancelled. Nothing was changed.".to_owned())),
        }
    }

    /// A progress bar on standard error, drawn only on a terminal.
    pub(crate) fn progress(&self, steps: usize, what: &str) -> ProgressBar {
        if self.is_quiet {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(u64::try_from(steps).unwrap_or(u64::MAX));
        let form = format!("{{bar:40}} {{pos}}/{{len}} {what} {{msg}}");
        bar.with_style(
            ProgressStyle::with_template(&form).unwrap_or_else(|_| ProgressStyle::default_bar()),
        )
    }
}

/// Asks for a line on the terminal.
pub(crate) fn ask(question: &str) -> Result<String, CliError> {
    let _ = write!(io::stderr(), "{question}");
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// A text that ends with a line break.
fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
