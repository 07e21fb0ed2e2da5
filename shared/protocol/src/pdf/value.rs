//! The values of a PDF as far as pages and streams are found by them.
//!
//! A name may be written with escapes, a comment may stand between any two words, and a value may be
//! a reference to another object.

use std::borrow::Cow;

/// The deepest nesting that is read.
const DEEPEST: usize = 64;

/// The most names of a list that are kept.
const MOST_NAMES: usize = 2;

/// The most entries of a dictionary that are kept.
const MOST_ENTRIES: usize = 64;

/// The entries of a dictionary that are kept.
const KEPT: [&[u8]; 17] = [
    b"Alternate",
    b"Annots",
    b"Contents",
    b"Count",
    b"DP",
    b"DecodeParms",
    b"Encrypt",
    b"Filter",
    b"First",
    b"Kids",
    b"Length",
    b"Length1",
    b"MediaBox",
    b"N",
    b"Resources",
    b"Subtype",
    b"Type",
];

/// A value.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Name(Cow<'a, [u8]>),
    Whole(u64),
    /// The number of another object, or of another version of this one.
    Reference(u64),
    List(List<'a>),
    Dictionary(Dictionary<'a>),
    Other,
}

/// What a list holds.
#[derive(Debug, Default)]
pub(super) struct List<'a> {
    pub(super) references: Vec<u64>,
    /// The first of its names.
    pub(super) names: Vec<Cow<'a, [u8]>>,
    /// All that it holds.
    pub(super) length: usize,
}

/// The entries of a dictionary in their order. A key may be there twice.
#[derive(Debug, Default)]
pub(super) struct Dictionary<'a>(Vec<(Cow<'a, [u8]>, Value<'a>)>);

impl<'a> Dictionary<'a> {
    /// Every value of a key.
    pub(super) fn all(&self, key: &[u8]) -> impl Iterator<Item = &Value<'a>> {
        self.0.iter().filter(move |(name, _)| name.as_ref() == key).map(|(_, value)| value)
    }

    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.all(key).next().is_some()
    }

    /// Whether a value of the key is this name.
    pub(super) fn is(&self, key: &[u8], name: &[u8]) -> bool {
        self.all(key).any(|value| matches!(value, Value::Name(found) if found.as_ref() == name))
    }

    /// The largest whole number of a key.
    pub(super) fn most(&self, key: &[u8]) -> Option<u64> {
        let numbers = self.all(key).filter_map(|value| match value {
            Value::Whole(number) => Some(*number),
            Value::Name(_)
            | Value::Reference(_)
            | Value::List(_)
            | Value::Dictionary(_)
            | Value::Other => None,
        });
        numbers.max()
    }

    /// Whether it says to be of a type, or leaves it to another object.
    pub(super) fn may_be(&self, name: &[u8]) -> bool {
        self.is(b"Type", name)
            || self.all(b"Type").any(|value| matches!(value, Value::Reference(_)))
    }
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Name(Cow<'a, [u8]>),
    Whole(u64),
    Word(&'a [u8]),
    Text,
    BeginList,
    EndList,
    BeginDictionary,
    EndDictionary,
    End,
}

/// The text ends within a value, is nested too deeply or has too many entries: it cannot be read
/// safely.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unsafe;

/// Reads values one after the other.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a [u8],
    /// How far it was read.
    pub(super) at: usize,
    /// The dictionaries that are pages, or may be.
    pub(super) pages: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, pages: 0 }
    }

    /// The next value; [`Value::Other`] at the end.
    pub(super) fn value(&mut self) -> Result<Value<'a>, Unsafe> {
        let token = self.token()?;
        self.value_of(token, 0)
    }

    /// The whole number that is next, if one is.
    pub(super) fn whole(&mut self) -> Option<u64> {
        let begin = self.at;
        if let Ok(Token::Whole(number)) = self.token() {
            return Some(number);
        }
        self.at = begin;
        None
    }

    /// The rest, after spaces and comments.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.skip();
        self.text.get(self.at..).unwrap_or_default()
    }

    fn value_of(&mut self, token: Token<'a>, depth: usize) -> Result<Value<'a>, Unsafe> {
        if depth > DEEPEST {
            return Err(Unsafe);
        }
        Ok(match token {
            Token::Name(name) => Value::Name(name),
            Token::Whole(number) => {
                let begin = self.at;
                let is_reference = self.whole().is_some()
                    && self.token().is_ok_and(|token| token == Token::Word(b"R"));
                if is_reference {
                    Value::Reference(number)
                } else {
                    self.at = begin;
                    Value::Whole(number)
                }
            }
            Token::BeginList => self.list(depth)?,
            Token::BeginDictionary => Value::Dictionary(self.dictionary(depth)?),
            Token::Word(_) | Token::Text | Token::EndList | Token::EndDictionary | Token::End => {
                Value::Other
            }
        })
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, Unsafe> {
        let mut list = List::default();
        loop {
            let token = self.token()?;
            if token == Token::EndList {
                return Ok(Value::List(list));
            }
            if token == Token::End {
                return Err(Unsafe);
            }
            match self.value_of(token, depth + 1)? {
                Value::Reference(number) => list.references.push(number),
                Value::Name(name) if list.names.len() < MOST_NAMES => list.names.push(name),
                Value::Name(_)
                | Value::Whole(_)
                | Value::List(_)
                | Value::Dictionary(_)
                | Value::Other => {}
            }
            list.length += 1;
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Dictionary<'a>, Unsafe> {
        let mut entries = Vec::new();
        loop {
            let key = match self.token()? {
                Token::Name(key) => key,
                Token::EndDictionary => break,
                Token::End => return Err(Unsafe),
                // Readers pass over what is no key.
                Token::Whole(_)
                | Token::Word(_)
                | Token::Text
                | Token::BeginList
                | Token::EndList
                | Token::BeginDictionary => continue,
            };
            let token = self.token()?;
            if token == Token::EndDictionary {
                break;
            }
            let value = self.value_of(token, depth + 1)?;
            if KEPT.contains(&key.as_ref()) {
                entries.push((key, value));
            }
            if entries.len() > MOST_ENTRIES {
                return Err(Unsafe);
            }
        }
        let dictionary = Dictionary(entries);
        self.pages += u64::from(dictionary.may_be(b"Page"));
        Ok(dictionary)
    }

    /// Passes over spaces and comments.
    fn skip(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            if *byte == b'%' {
                let rest = self.text.get(self.at..).unwrap_or_default();
                self.at += memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            } else if is_space(*byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn token(&mut self) -> Result<Token<'a>, Unsafe> {
        let rest = self.rest();
        let (token, length) = match rest {
            [] => (Token::End, 0),
            [b'<', b'<', ..] => (Token::BeginDictionary, 2),
            [b'>', b'>', ..] => (Token::EndDictionary, 2),
            [b'[', ..] => (Token::BeginList, 1),
            [b']', ..] => (Token::EndList, 1),
            [b'<', ..] => (Token::Text, memchr::memchr(b'>', rest).ok_or(Unsafe)? + 1),
            [b'(', ..] => (Token::Text, literal(rest).ok_or(Unsafe)?),
            [b'/', name @ ..] => {
                let length = regular(name);
                (Token::Name(unescaped(name.get(..length).unwrap_or_default())), length + 1)
            }
            [b'0'..=b'9' | b'+' | b'-' | b'.', ..] => {
                let is_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-');
                let length = 1 + rest.iter().skip(1).take_while(|byte| is_number(byte)).count();
                let text = rest.get(..length).unwrap_or_default();
                (whole(text).map_or(Token::Word(text), Token::Whole), length)
            }
            _ => {
                let length = regular(rest).max(1);
                (Token::Word(rest.get(..length).unwrap_or_default()), length)
            }
        };
        self.at += length;
        Ok(token)
    }
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

pub(super) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

pub(super) fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !b"()<>[]{}/%".contains(&byte)
}

/// The length of the word at the beginning.
fn regular(text: &[u8]) -> usize {
    text.iter().position(|byte| !is_regular(*byte)).unwrap_or(text.len())
}

/// A whole number, also one such as `+3` or `3.0`.
fn whole(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_prefix('+').unwrap_or(text);
    let (number, fraction) = text.split_once('.').unwrap_or((text, ""));
    fraction.bytes().all(|digit| digit == b'0').then(|| number.parse().ok())?
}

/// The length of a literal string, with its parentheses.
fn literal(text: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// A name without its escapes: `P#61ge` is `Page`.
fn unescaped(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'#') {
        return Cow::Borrowed(name);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut plain = Vec::with_capacity(name.len());
    let mut at = 0;
    while let Some(byte) = name.get(at) {
        let escaped = digit(name.get(at + 1)).zip(digit(name.get(at + 2)));
        match escaped.filter(|_| *byte == b'#') {
            Some((high, low)) => {
                plain.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            None => {
                plain.push(*byte);
                at += 1;
            }
        }
    }
    Cow::Owned(plain)
}
