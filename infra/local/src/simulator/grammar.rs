//! The format of a custom tool's input: free text, or text that a grammar describes.

use serde_json::Value;

use super::pattern;
use super::refusal::Refusal;

/// Checks a format: `{"type": "text"}`, or a grammar with its syntax and definition. Chats have both
/// in an object of their own, responses beside the type.
pub(super) fn check(format: &Value, place: &str) -> Result<(), Refusal> {
    match format["type"].as_str() {
        None if format.is_null() => Ok(()),
        Some("text") => Ok(()),
        Some("grammar") => {
            let grammar = described(format);
            let is_known = matches!(grammar["syntax"].as_str(), Some("lark" | "regex"));
            if !is_known {
                return Err(Refusal::unsupported(&format!("{place}.syntax"), "'lark' and 'regex'"));
            }
            match grammar["definition"].as_str() {
                Some(definition) if !definition.trim().is_empty() => Ok(()),
                _ => Err(Refusal::missing(&format!("{place}.definition"))),
            }
        }
        Some(_) => Err(Refusal::unsupported(&format!("{place}.type"), "'text' and 'grammar'")),
        None => Err(Refusal::missing(&format!("{place}.type"))),
    }
}

/// An input that the format allows. Of a grammar in Lark only the literals of its first
/// alternatives are taken.
pub(super) fn example(format: &Value, name: &str) -> String {
    let grammar = described(format);
    let definition = grammar["definition"].as_str().unwrap_or_default();
    match grammar["syntax"].as_str() {
        Some("regex") => pattern::example(definition),
        Some("lark") => Lark::read(definition).example(),
        _ => format!("simulated input of {name}"),
    }
}

fn described(format: &Value) -> &Value {
    if format["grammar"].is_object() { &format["grammar"] } else { format }
}

/// The rules of a grammar, each with its first alternative.
struct Lark<'g>(Vec<(&'g str, &'g str)>);

/// How deep rules may refer to each other.
const DEEPEST: usize = 16;

impl<'g> Lark<'g> {
    fn read(definition: &'g str) -> Self {
        let rules = definition.lines().filter_map(|line| {
            let (name, rest) = line.split_once(':')?;
            let name = name.trim().trim_start_matches(['?', '!']);
            let is_name = !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            is_name.then_some((name, rest.trim()))
        });
        Self(rules.collect())
    }

    fn example(&self) -> String {
        let mut text = String::new();
        self.write("start", 0, &mut text);
        text
    }

    fn write(&self, name: &str, depth: usize, text: &mut String) {
        let Some((_, rule)) = self.0.iter().find(|(rule, _)| *rule == name) else {
            // The line break of Lark's own library.
            text.push_str(if name == "LF" || name == "NEWLINE" { "\n" } else { "" });
            return;
        };
        if depth > DEEPEST {
            return;
        }
        for part in Part::all(rule) {
            match part {
                Part::Literal(literal) => {
                    // A literal is a string with the escapes of JSON.
                    let read = serde_json::from_str::<String>(&format!("\"{literal}\""));
                    text.push_str(&read.unwrap_or_else(|_| literal.to_owned()));
                }
                Part::Pattern(source) => text.push_str(&pattern::example(source)),
                Part::Rule(name) => self.write(name, depth + 1, text),
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'g> {
    Literal(&'g str),
    Pattern(&'g str),
    Rule(&'g str),
}

impl<'g> Part<'g> {
    /// The parts of the first alternative, without those that may be left out.
    fn all(rule: &'g str) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut rest = rule;
        // Behind the first alternative of a group the others are skipped.
        let (mut depth, mut skips) = (0_usize, None);
        while let Some(first) = rest.chars().next() {
            let (part, after) = match first {
                '"' | '/' => {
                    let end = end_of(&rest[1..], first).unwrap_or(rest.len() - 1);
                    let inside = &rest[1..=end];
                    let part =
                        if first == '"' { Part::Literal(inside) } else { Part::Pattern(inside) };
                    (Some(part), rest.get(end + 2..).unwrap_or_default())
                }
                _ if first.is_alphanumeric() || first == '_' => {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                    let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
                    (Some(Part::Rule(name)), after)
                }
                _ => {
                    match first {
                        '(' => depth += 1,
                        ')' => {
                            if skips == Some(depth) {
                                skips = None;
                            }
                            depth = depth.saturating_sub(1);
                        }
                        '|' if depth == 0 => return parts,
                        '|' if skips.is_none() => skips = Some(depth),
                        _ => {}
                    }
                    (None, &rest[first.len_utf8()..])
                }
            };
            let is_optional = part.is_some() && after.starts_with(['?', '*']);
            if skips.is_none() && !is_optional {
                parts.extend(part);
            }
            rest = after;
        }
        parts
    }
}

/// Where a literal ends that is not escaped.
fn end_of(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_grammar_is_followed_as_far_as_it_is_known() {
        let patch = "start: begin_patch hunk end_patch\n\
            begin_patch: \"*** Begin Patch\" LF\n\
            end_patch: \"*** End Patch\" LF?\n\n\
            hunk: add_hunk | delete_hunk\n\
            add_hunk: \"*** Add File: \" filename LF add_line+\n\
            delete_hunk: \"*** Delete File: \" filename LF\n\
            filename: /(.+)/\n\
            add_line: \"+\" /(.*)/ LF -> line\n\n\
            %import common.LF\n";
        let format = json!({"type": "grammar", "syntax": "lark", "definition": patch});
        let lines = example(&format, "apply_patch");
        let lines: Vec<_> = lines.lines().collect();
        assert_eq!(lines[0], "*** Begin Patch");
        assert!(lines[1].starts_with("*** Add File: ") && lines[1].len() > 14, "{lines:?}");
        assert!(lines[2].starts_with('+'), "{lines:?}");
        assert_eq!(lines.last(), Some(&"*** End Patch"));

        let number =
            json!({"type": "grammar", "grammar": {"syntax": "regex", "definition": "^[0-9]{3}$"}});
        assert_eq!(example(&number, "n"), "000");
        assert_eq!(example(&Value::Null, "n"), "simulated input of n");
    }

    #[test]
    fn a_grammar_needs_a_syntax_and_a_definition() {
        let refused = |format: Value| check(&format, "tools[0].format").is_err();
        assert!(refused(json!({"type": "grammar", "syntax": "ebnf", "definition": "a"})));
        assert!(refused(json!({"type": "grammar", "syntax": "lark", "definition": ""})));
        assert!(refused(json!({"type": "xml"})));
        assert!(!refused(json!({"type": "text"})));
        assert!(!refused(Value::Null));
    }
}
