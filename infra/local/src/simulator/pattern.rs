//! A text that a regular expression matches, for the common part of the syntax: literals, classes,
//! groups, alternatives and repetitions. Of anything repeated as few as possible are made.

/// The most times that a part is repeated.
const MOST: usize = 1_000;

/// A text that the pattern matches.
pub(super) fn example(pattern: &str) -> String {
    let mut reader = Reader { rest: pattern, made: String::new() };
    reader.alternatives();
    reader.made
}

struct Reader<'p> {
    rest: &'p str,
    made: String,
}

impl Reader<'_> {
    /// Writes the first alternative, and reads the others up to the end of the group.
    fn alternatives(&mut self) {
        let mut first = None;
        loop {
            let before = self.made.len();
            self.sequence();
            let made = self.made.split_off(before);
            first.get_or_insert(made);
            if !self.takes("|") {
                break;
            }
        }
        self.made.push_str(&first.unwrap_or_default());
    }

    fn sequence(&mut self) {
        while let Some(c) = self.rest.chars().next() {
            if c == '|' || c == ')' {
                return;
            }
            let before = self.made.len();
            self.atom(c);
            let made = self.made.split_off(before);
            let times = self.times();
            self.made.push_str(&made.repeat(times));
        }
    }

    fn atom(&mut self, first: char) {
        self.rest = &self.rest[first.len_utf8()..];
        match first {
            '^' | '$' => {}
            '.' => self.made.push('x'),
            '(' => self.group(),
            '[' => self.class(),
            '\\' => self.escape(),
            literal => self.made.push(literal),
        }
    }

    fn group(&mut self) {
        let before = self.made.len();
        let looks_ahead = ["?=", "?!", "?<=", "?<!"].into_iter().any(|begin| self.takes(begin));
        if !looks_ahead && self.takes("?") && !self.takes(":") {
            // A name, or flags.
            let end = self.rest.find(['>', ':']).map_or(self.rest.len(), |at| at + 1);
            self.rest = &self.rest[end..];
        }
        self.alternatives();
        self.takes(")");
        if looks_ahead {
            self.made.truncate(before);
        }
    }

    /// One character of a class, or one that is none of it.
    fn class(&mut self) {
        let is_negative = self.takes("^");
        let mut members = Vec::new();
        let mut is_first = true;
        while let Some(c) = self.rest.chars().next() {
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                ']' if !is_first => break,
                '\\' => {
                    let before = self.made.len();
                    self.escape();
                    members.extend(self.made.split_off(before).chars().map(|c| (c, c)));
                }
                '-' if !members.is_empty() && !self.rest.starts_with(']') => {
                    let end = self.rest.chars().next().unwrap_or('-');
                    self.rest = &self.rest[end.len_utf8()..];
                    if let Some((_, last)) = members.last_mut() {
                        *last = end;
                    }
                }
                other => members.push((other, other)),
            }
            is_first = false;
        }
        let has = |c: char| members.iter().any(|(low, high)| (*low..=*high).contains(&c));
        let chosen = match is_negative {
            true => "x0a _-.".chars().find(|c| !has(*c)),
            false => members.first().map(|(low, _)| *low),
        };
        self.made.extend(chosen);
    }

    fn escape(&mut self) {
        let Some(c) = self.rest.chars().next() else { return };
        self.rest = &self.rest[c.len_utf8()..];
        match c {
            'd' => self.made.push('0'),
            'w' | 'D' | 'S' => self.made.push('x'),
            's' | 'W' => self.made.push(' '),
            'n' => self.made.push('\n'),
            't' => self.made.push('\t'),
            'r' => self.made.push('\r'),
            'b' | 'B' | 'A' | 'z' | 'Z' => {}
            literal => self.made.push(literal),
        }
    }

    /// How often the last part stands there.
    fn times(&mut self) -> usize {
        let least = match self.rest.chars().next() {
            Some('*' | '?') => 0,
            Some('+') => 1,
            Some('{') => {
                let (inside, _) = self.rest[1..].split_once('}').unwrap_or_default();
                let least = inside.split(',').next().unwrap_or_default();
                let Ok(least) = least.trim().parse::<usize>() else { return 1 };
                self.rest = &self.rest[inside.len() + 1..];
                least.min(MOST)
            }
            Some(_) | None => return 1,
        };
        self.rest = &self.rest[1..];
        // Lazy and possessive repetitions.
        if !self.takes("?") {
            self.takes("+");
        }
        least
    }

    fn takes(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_match_is_made() {
        for (pattern, expected) in [
            ("^[a-z]{2,5}$", "aa"),
            (r"^\d{4}-\d{2}$", "0000-00"),
            ("^(cat|dog)s?$", "cat"),
            ("a+b*c", "ac"),
            (r"^(?:\+\d+|none) [^x]$", "+0 0"),
            (r"^(?P<n>[\w.-]+)@[A-Z]+\.com$", "x@A.com"),
            ("^(?=.*x)x{3}?$", "xxx"),
            ("[]a]{2}", "]]"),
            ("", ""),
            ("({", "{"),
            ("[", ""),
            ("\\", ""),
        ] {
            assert_eq!(example(pattern), expected, "{pattern}");
        }
    }
}
