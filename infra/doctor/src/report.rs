//! The report as text or JSON, and the exit code that sums it up.

use std::io::{self, Write};

use super::finding::{Finding, Level};

/// The column width of check names; longer names move the text to the right.
const WIDTH: usize = 36;

/// The format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One line per check, as soon as it is made.
    Text,
    /// One array at the end.
    Json,
}

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing failed.
    Healthy = 0,
    /// Something failed.
    Unhealthy = 1,
    /// The service could not be reached.
    Unreachable = 3,
}

/// The findings so far.
#[derive(Debug)]
pub(super) struct Report<W> {
    out: W,
    format: Format,
    findings: Vec<Finding>,
}

impl<W: Write> Report<W> {
    /// A report that is written to `out`.
    pub(super) fn new(out: W, format: Format) -> Self {
        Self { out, format, findings: Vec::new() }
    }

    /// Adds the findings of a group of checks.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub(super) fn add(&mut self, findings: impl IntoIterator<Item = Finding>) -> io::Result<()> {
        for finding in findings {
            if self.format == Format::Text {
                self.out.write_all(line(&finding).as_bytes())?;
                self.out.flush()?;
            }
            self.findings.push(finding);
        }
        Ok(())
    }

    /// Ends the report.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub(super) fn finish(mut self, is_reachable: bool) -> io::Result<Verdict> {
        match self.format {
            Format::Text => {
                let count =
                    |level| self.findings.iter().filter(|finding| finding.level == level).count();
                writeln!(
                    self.out,
                    "\n{} ok, {} warnings, {} failed, {} skipped.",
                    count(Level::Ok),
                    count(Level::Warn),
                    count(Level::Fail),
                    count(Level::Skip)
                )?;
            }
            Format::Json => {
                serde_json::to_writer_pretty(&mut self.out, &self.findings)?;
                writeln!(self.out)?;
            }
        }
        let has_failed = self.findings.iter().any(|finding| finding.level == Level::Fail);
        Ok(match (is_reachable, has_failed) {
            (false, _) => Verdict::Unreachable,
            (true, true) => Verdict::Unhealthy,
            (true, false) => Verdict::Healthy,
        })
    }
}

/// A finding as text, with indented advice below.
fn line(finding: &Finding) -> String {
    let Finding { check, level, seen, advice } = finding;
    let mut text = format!("{:<5} {check:<WIDTH$} {seen}\n", level.word());
    for advice in advice.iter().flat_map(|advice| advice.lines()) {
        text.push_str("      ");
        text.push_str(advice);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, findings: Vec<Finding>) -> (String, Verdict) {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, format);
        report.add(findings).unwrap();
        let verdict = report.finish(true).unwrap();
        (String::from_utf8(out).unwrap(), verdict)
    }

    #[test]
    fn advice_is_printed_below_its_line() {
        let findings = vec![
            Finding::ok("clock", "It is right."),
            Finding::fail("table", "It is gone.", "Restore it:\n  aws dynamodb …"),
        ];
        let (text, verdict) = written(Format::Text, findings);
        assert_eq!(
            text,
            "ok    clock                                It is right.\n\
             fail  table                                It is gone.\n      \
             Restore it:\n        aws dynamodb …\n\n\
             1 ok, 0 warnings, 1 failed, 0 skipped.\n"
        );
        assert_eq!(verdict, Verdict::Unhealthy);
    }

    #[test]
    fn json_is_one_array() {
        let findings = vec![Finding::warn("clock", "It is late.", "Set it.")];
        let (text, verdict) = written(Format::Json, findings);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let clock = serde_json::json!({"check": "clock", "level": "warn", "seen": "It is late.", "next": "Set it."});
        assert_eq!(json, serde_json::json!([clock]));
        assert_eq!(verdict, Verdict::Healthy);
    }

    #[test]
    fn an_unreachable_service_outweighs_everything() {
        let report = Report::new(Vec::new(), Format::Json);
        assert_eq!(report.finish(false).unwrap(), Verdict::Unreachable);
    }
}
