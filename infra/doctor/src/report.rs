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

/// A finding, and how many others are printed with it.
struct Group<'f> {
    first: &'f Finding,
    others: usize,
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

    /// Adds the findings of a group of checks. They are printed together, so they are ready.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub(super) fn add(&mut self, findings: Vec<Finding>) -> io::Result<()> {
        if self.format == Format::Text {
            for group in groups(&findings) {
                self.out.write_all(line(&group).as_bytes())?;
            }
            self.out.flush()?;
        }
        self.findings.extend(findings);
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
                    "\n{} ok, {} {}, {} failed, {} skipped.",
                    count(Level::Ok),
                    count(Level::Warn),
                    if count(Level::Warn) == 1 { "warning" } else { "warnings" },
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

/// The findings with equal skips as one. Each deployment skips a check for the same reason, and many
/// deployments would hide what failed.
fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in findings {
        let is_same = |group: &&mut Group<'_>| {
            let Group { first, .. } = group;
            [first.level, finding.level] == [Level::Skip; 2]
                && (&first.seen, &first.advice) == (&finding.seen, &finding.advice)
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.others += 1,
            None => groups.push(Group { first: finding, others: 0 }),
        }
    }
    groups
}

/// Findings as text, with indented advice below.
fn line(Group { first, others }: &Group<'_>) -> String {
    let Finding { check, level, seen, advice } = first;
    let check = match others {
        0 => check.clone(),
        others => format!("{check} and {others} more"),
    };
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
    fn equal_skips_are_one_line_and_all_of_them_are_counted() {
        let skip = |check: &str, seen: &str| Finding::skip(check, seen).next("Use --stack NAME.");
        let findings = vec![
            skip("azure a key", "No key."),
            Finding::ok("azure b call", "It is right."),
            skip("azure c key", "No key."),
            skip("azure d call", "Another reason."),
            Finding::warn("azure e key", "No key.", "Use --stack NAME."),
            skip("azure f key", "No key."),
        ];
        let (text, _) = written(Format::Text, findings.clone());
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with(' ')).collect();
        assert_eq!(
            lines,
            [
                "skip  azure a key and 2 more               No key.",
                "ok    azure b call                         It is right.",
                "skip  azure d call                         Another reason.",
                "warn  azure e key                          No key.",
                "",
                "1 ok, 1 warning, 0 failed, 4 skipped.",
            ]
        );
        let (json, _) = written(Format::Json, findings);
        assert_eq!(json.matches("\"check\"").count(), 6, "programs get each of them");
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
