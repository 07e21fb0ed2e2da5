//! What is printed, and where: data on standard output, talk on standard error.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::fault::Fault;

/// How a command speaks.
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

    /// Whether somebody looks at standard output, rather than a file or a program.
    pub(crate) fn is_watched(self) -> bool {
        !self.is_json && io::stdout().is_terminal()
    }

    /// Prints data: the value itself for programs, the text for people.
    pub(crate) fn data(self, value: &Value, text: impl FnOnce() -> String) -> Result<(), Fault> {
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

    /// Prints one line of JSON, for what goes on.
    pub(crate) fn line(self, value: &Value, text: impl FnOnce() -> String) -> Result<(), Fault> {
        let mut out = io::stdout().lock();
        match self.is_json {
            true => writeln!(out, "{value}")?,
            false => writeln!(out, "{}", text())?,
        }
        Ok(out.flush()?)
    }

    /// Prints data as it is.
    pub(crate) fn raw(self, bytes: &[u8]) -> Result<(), Fault> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Says something to whoever looks on.
    pub(crate) fn say(self, words: &str) {
        // Nobody may be listening, which is no reason to stop.
        let _ = writeln!(io::stderr(), "{words}");
    }

    /// Warns of what was done all the same. With JSON, warnings are data.
    pub(crate) fn warn(self, warnings: &[String]) {
        if !self.is_json {
            warnings.iter().for_each(|warning| self.say(&format!("warning: {warning}")));
        }
    }

    /// Says why a command came to nothing, and ends with the code for it.
    pub(crate) fn failed(self, fault: &Fault) -> ExitCode {
        match self.is_json {
            true => self.say(&fault.json().to_string()),
            false => {
                let _ = io::stderr().write_all(fault.text().as_bytes());
            }
        }
        ExitCode::from(fault.exit_code())
    }

    /// Asks on the terminal whether to go on.
    ///
    /// # Errors
    ///
    /// [`Fault::Usage`] where nobody can be asked, [`Fault::Failed`] if the answer is no.
    pub(crate) fn confirm(self, question: &str) -> Result<(), Fault> {
        if !io::stdin().is_terminal() {
            return Err(Fault::Usage(format!(
                "{question} Standard input is not a terminal. Use --yes to confirm, or --dry-run \
                 to see what would be sent"
            )));
        }
        let _ = write!(io::stderr(), "{question} [y/N] ");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Fault::Failed("Cancelled. Nothing was changed.".to_owned())),
        }
    }
}

/// A bar for work that takes a while; drawn on standard error, and only where somebody looks.
pub(crate) fn progress(steps: usize, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(steps).unwrap_or(u64::MAX));
    let form = format!("{{bar:40}} {{pos}}/{{len}} {what} {{msg}}");
    bar.with_style(
        ProgressStyle::with_template(&form).unwrap_or_else(|_| ProgressStyle::default_bar()),
    )
}
