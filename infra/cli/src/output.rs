//! Prints data to standard output and messages to standard error.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::error::CliError;

/// The output of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    is_json: bool,
}

impl Output {
    pub(crate) fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// Whether data is JSON.
    pub(crate) fn is_json(self) -> bool {
        self.is_json
    }

    /// Whether standard output is a terminal and data is text.
    pub(crate) fn is_terminal(self) -> bool {
        !self.is_json && io::stdout().is_terminal()
    }

    /// Prints data: the value with `--json`, else the text.
    pub(crate) fn data(self, value: &Value, text: impl FnOnce() -> String) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        if self.is_json {
            serde_json::to_writer_pretty(&mut out, value)?;
            writeln!(out)?;
        } else {
            let text = text();
            out.write_all(text.as_bytes())?;
            if !text.ends_with('\n') {
                writeln!(out)?;
            }
        }
        Ok(out.flush()?)
    }

    /// Prints one line, for commands that keep running.
    pub(crate) fn line(self, value: &Value, text: impl FnOnce() -> String) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        match self.is_json {
            true => writeln!(out, "{value}")?,
            false => writeln!(out, "{}", text())?,
        }
        Ok(out.flush()?)
    }

    /// Prints raw bytes.
    pub(crate) fn raw(self, bytes: &[u8]) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Prints a message.
    pub(crate) fn say(self, words: &str) {
        // A closed standard error is no reason to stop.
        let _ = writeln!(io::stderr(), "{words}");
    }

    /// Prints warnings. With `--json` they are part of the data.
    pub(crate) fn warn(self, warnings: &[String]) {
        if !self.is_json {
            warnings.iter().for_each(|warning| self.say(&format!("warning: {warning}")));
        }
    }

    /// Prints an error and returns its exit code.
    pub(crate) fn failed(self, error: &CliError) -> ExitCode {
        match self.is_json {
            true => self.say(&error.json().to_string()),
            false => {
                let _ = io::stderr().write_all(error.text().as_bytes());
            }
        }
        ExitCode::from(error.exit_code())
    }

    /// Asks for confirmation on the terminal.
    ///
    /// # Errors
    ///
    /// [`CliError::Usage`] without a terminal, [`CliError::Failed`] if the response is no.
    pub(crate) fn confirm(self, question: &str) -> Result<(), CliError> {
        if !io::stdin().is_terminal() {
            return Err(CliError::Usage(format!(
                "{question} Standard input is not a terminal. Use --yes to confirm, or --dry-run \
                 to see what would be sent"
            )));
        }
        let _ = write!(io::stderr(), "{question} [y/N] ");
        let mut response = String::new();
        io::stdin().lock().read_line(&mut response)?;
        match response.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::Failed("Cancelled. Nothing was changed.".to_owned())),
        }
    }
}

/// A progress bar on standard error, drawn only on a terminal.
pub(crate) fn progress(steps: usize, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(steps).unwrap_or(u64::MAX));
    let form = format!("{{bar:40}} {{pos}}/{{len}} {what} {{msg}}");
    bar.with_style(
        ProgressStyle::with_template(&form).unwrap_or_else(|_| ProgressStyle::default_bar()),
    )
}
