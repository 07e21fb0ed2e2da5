//! Escapes of JSON by number, such as `\\u00e9`. They count as the character that they mean.

use super::{LINE, RunningText, UNIT};

/// What stands behind a backslash.
pub(super) enum Escape {
    /// A character, and the length of its escape.
    Of(char, usize),
    /// One of the short escapes, or none.
    Short,
}

impl RunningText {
    /// Adds the inside of JSON strings.
    #[cold]
    pub(super) fn add_escaped(&mut self, mut rest: &[u8]) {
        while let Some(at) = memchr::memchr(b'\\', rest) {
            let (plain, escape) = rest.split_at(at);
            self.add(plain);
            let length = match read(escape) {
                Escape::Of(character, length) => {
                    self.add_character(character);
                    length
                }
                Escape::Short => {
                    let length = escape.len().min(2);
                    self.add(&escape[..length]);
                    length
                }
            };
            rest = &escape[length..];
        }
        self.add(rest);
    }

    fn add_character(&mut self, character: char) {
        match character {
            // Only escapes have the others of them. Each is a token.
            _ if character.is_ascii_control() && !matches!(character, '\t' | '\n' | '\r') => {
                self.entry = u16::from(LINE);
                self.sum += UNIT;
            }
            // A backslash that escapes nothing.
            '\\' => self.add(b"|"),
            _ => self.add(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Reads the escape at a backslash.
pub(super) fn read(escape: &[u8]) -> Escape {
    let Some(first) = unit(escape) else { return Escape::Short };
    let second = escape.get(6..).and_then(unit);
    match (char::from_u32(first), second) {
        (Some(character), _) => Escape::Of(character, 6),
        (None, Some(second)) if first < 0xDC00 && (0xDC00..0xE000).contains(&second) => {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            Escape::Of(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        (None, _) => Escape::Of(char::REPLACEMENT_CHARACTER, 6),
    }
}

/// The number of an escape, which may be half of a pair.
fn unit(escape: &[u8]) -> Option<u32> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |number, digit| Some(number * 16 + char::from(*digit).to_digit(16)?))
}
