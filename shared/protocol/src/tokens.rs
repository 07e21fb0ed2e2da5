//! How many tokens a text is, before a model has counted it.
//!
//! A tokenizer would be exact, and take megabytes and milliseconds. This estimate is one pass of a
//! small automaton over the bytes: the class of a byte and what came before it give the chance that
//! a token begins there. The chances were measured with `o200k_base` on prose of 25 languages,
//! source code, JSON, numbers and encoded data; the test beside holds them to a committed corpus.
//! Of scripts that the tokenizer knows badly, the blocks of characters have costs of their own.
//! Escapes of JSON are read as the characters that they mean.

mod blocks;
pub(crate) mod cl100k;
mod costs;
mod escapes;

use std::sync::LazyLock;

use memchr::memmem::Finder;

use self::blocks::{beyond, first_code};
use self::costs::COSTS;

/// The cost of a transition is in sixty-fourths of a token.
const UNIT: u64 = 64;

/// The class of a byte for the estimate.
#[derive(Clone, Copy)]
enum Class {
    Lower,
    Upper,
    Digit,
    Space,
    Newline,
    Punctuation,
    Backslash,
    /// Begins a `\u` escape after a backslash, and is a lower-case letter elsewhere.
    LowerU,
    /// First byte of two: Latin letters with accents.
    Accented,
    /// First byte of three: Indic, Thai and typographic characters.
    Indic,
    /// First byte of four: emoji and rare characters.
    Astral,
    /// Any further byte of a character.
    Continuation,
    /// First byte of two: Greek, Cyrillic, Hebrew and Arabic.
    Cyrillic,
    Kana,
    Han,
    Hangul,
}

/// The classes.
const COSTED: usize = 16;

const fn class(byte: u8) -> Class {
    match byte {
        b'u' => Class::LowerU,
        b'a'..=b'z' => Class::Lower,
        b'A'..=b'Z' => Class::Upper,
        b'0'..=b'9' => Class::Digit,
        b' ' | b'\t' => Class::Space,
        b'\n' | b'\r' => Class::Newline,
        b'\\' => Class::Backslash,
        0..=0x7F => Class::Punctuation,
        0x80..=0xBF => Class::Continuation,
        0xC0..=0xCB => Class::Accented,
        0xCC..=0xDF => Class::Cyrillic,
        0xE0..=0xE2 => Class::Indic,
        0xE3 => Class::Kana,
        0xE4..=0xE9 => Class::Han,
        0xEA..=0xEF => Class::Hangul,
        0xF0..=0xFF => Class::Astral,
    }
}

/// The state before a byte. States of one row of [`COSTS`] differ only in the length of the run.
type State = u8;

const PUNCTUATION: State = 0;
const PUNCTUATIONS: State = 1;
const SPACE: State = 2;
const SPACES: State = 3;
const LINE: State = 4;
/// A word of lower-case letters, perhaps with a capital first: its 1st to 12th letter.
const WORD: State = 5;
const WORD_END: State = 16;
const CAPITAL: State = 17;
const CAPITALS: State = 18;
/// The 1st, 2nd and 3rd digit of three: `o200k_base` reads numbers in threes.
const DIGIT: State = 19;
const DIGIT_SECOND: State = 20;
const DIGIT_END: State = 21;
/// Letters after a change of case or a digit, as in encoded data: the 1st to 4th.
const MIXED: State = 22;
const MIXED_END: State = 25;
const MIXED_CAPITAL: State = 26;
const MIXED_DIGIT: State = 27;
const ACCENTED: State = 28;
const INDIC: State = 29;
const ASTRAL: State = 30;
const CYRILLIC: State = 31;
const KANA: State = 32;
const HAN: State = 33;
const HANGUL: State = 34;
const ESCAPE: State = 35;
/// The second byte of a character, one state for each of some first bytes.
const LEAD: State = 36;
/// A word whose last letters are consonants, of which more than three in a row are rare in words: for
/// each of its first twelve letters one, two, and three or more.
const CONSONANTS: State = 50;
const STATES: usize = 86;

/// The first bytes whose characters differ in their costs, by the second byte.
const LEADS: [u8; (CONSONANTS - LEAD) as usize] =
    [0xC2, 0xD4, 0xD6, 0xD7, 0xD9, 0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xEA, 0xED, 0xEF, 0xF0];

/// The transition from one character with this first byte to another.
const fn usual(lead: u8) -> u8 {
    let class = class(lead);
    let state = of_class(class);
    COSTS[row(state)][class as usize]
}

const fn index_of(lead: u8) -> Option<u8> {
    let mut at = 0;
    while at < LEADS.len() {
        if LEADS[at] == lead {
            #[expect(clippy::cast_possible_truncation, reason = "there are few")]
            return Some(at as u8);
        }
        at += 1;
    }
    None
}

/// The state after a character of a class, however it began.
const fn of_class(class: Class) -> State {
    match class {
        Class::Accented => ACCENTED,
        Class::Indic => INDIC,
        Class::Astral => ASTRAL,
        Class::Cyrillic => CYRILLIC,
        Class::Kana => KANA,
        Class::Han => HAN,
        Class::Hangul => HANGUL,
        Class::Lower
        | Class::Upper
        | Class::Digit
        | Class::Space
        | Class::Newline
        | Class::Punctuation
        | Class::Backslash
        | Class::LowerU
        | Class::Continuation => LINE,
    }
}

/// The state in which a character has come in full.
const fn complete(state: State) -> State {
    match state {
        LEAD..CONSONANTS => of_class(class(LEADS[(state - LEAD) as usize])),
        CONSONANTS.. => WORD + (state - CONSONANTS) / 3,
        _ => state,
    }
}

/// The consonants in a row with which a word ends so far, up to three.
const fn consonants(state: State) -> State {
    if state < CONSONANTS { 0 } else { (state - CONSONANTS) % 3 + 1 }
}

const fn is_vowel(byte: u8) -> bool {
    matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

const fn next(state: State, byte: u8) -> State {
    let before = consonants(state);
    let state = complete(state);
    let class = class(byte);
    if let ESCAPE = state {
        return if byte == b'\\' { PUNCTUATION } else { LINE };
    }
    match class {
        Class::Lower | Class::LowerU => {
            let word = match state {
                MIXED..MIXED_END => return state + 1,
                MIXED_END => return state,
                CAPITALS | MIXED_CAPITAL | MIXED_DIGIT | DIGIT..=DIGIT_END => return MIXED,
                WORD..WORD_END => state + 1,
                WORD_END => state,
                CAPITAL => WORD + 1,
                ACCENTED => WORD + 2,
                _ => WORD,
            };
            let more = if before < 3 { before } else { 2 };
            if is_vowel(byte) { word } else { CONSONANTS + (word - WORD) * 3 + more }
        }
        Class::Upper => match state {
            WORD..=WORD_END | MIXED..=MIXED_END | MIXED_DIGIT | DIGIT..=DIGIT_END => MIXED_CAPITAL,
            CAPITAL | CAPITALS | MIXED_CAPITAL => CAPITALS,
            _ => CAPITAL,
        },
        Class::Digit => match state {
            DIGIT | DIGIT_SECOND => state + 1,
            WORD..=WORD_END | MIXED..=MIXED_END | CAPITAL | CAPITALS | MIXED_CAPITAL => MIXED_DIGIT,
            _ => DIGIT,
        },
        Class::Space => match state {
            SPACE | SPACES => SPACES,
            _ => SPACE,
        },
        Class::Newline => LINE,
        Class::Punctuation => match state {
            PUNCTUATION | PUNCTUATIONS => PUNCTUATIONS,
            _ => PUNCTUATION,
        },
        Class::Backslash => ESCAPE,
        Class::Continuation => state,
        Class::Accented
        | Class::Indic
        | Class::Astral
        | Class::Cyrillic
        | Class::Kana
        | Class::Han
        | Class::Hangul => match index_of(byte) {
            Some(at) => LEAD + at,
            None => of_class(class),
        },
    }
}

/// The row of [`COSTS`] of a state.
const fn row(state: State) -> usize {
    match state {
        PUNCTUATION..=LINE => state as usize,
        WORD..=WORD_END => 5 + (if state < WORD + 3 { 0 } else { (state - WORD + 1) as usize / 4 }),
        CAPITAL => 9,
        CAPITALS => 10,
        DIGIT..=DIGIT_END => 11 + (state - DIGIT) as usize,
        MIXED..MIXED_END => 14,
        MIXED_END => 15,
        MIXED_CAPITAL => 16,
        MIXED_DIGIT => 17,
        ACCENTED => 18,
        INDIC => 19,
        ASTRAL => 20,
        CYRILLIC => 22,
        KANA => 23,
        HAN => 24,
        HANGUL => 25,
        _ => 21,
    }
}

/// The chance that a token begins with a byte, in sixty-fourths, and what its character costs beyond.
const fn cost(state: State, byte: u8) -> u8 {
    let class = class(byte);
    if let Class::Continuation = class {
        return match state {
            LEAD..CONSONANTS => {
                let lead = LEADS[(state - LEAD) as usize];
                beyond(first_code(lead, byte), usual(lead))
            }
            _ => 0,
        };
    }
    let cost = COSTS[row(complete(state))][class as usize];
    // The other first bytes have characters of one cost.
    let is_alike = byte >= 0xC0 && index_of(byte).is_none();
    let more = if is_alike { beyond(first_code(byte, 0), usual(byte)) } else { 0 };
    let is_rare = matches!(class, Class::Lower) && !is_vowel(byte);
    let in_row = if is_rare { IN_ROW[consonants(state) as usize] } else { 0 };
    cost.saturating_add(more).saturating_add(in_row)
}

/// What a consonant costs more after none, one, two and more of them.
const IN_ROW: [u8; 4] = [0, 0, 8, 48];

/// A power of two above the number of states.
const ROWS: usize = 128;

/// The next state in the low byte and the cost in the high one, by state and byte. There are more
/// rows than states, so that a mask proves every index.
static TRANSITIONS: [[u16; 256]; ROWS] = {
    let mut table = [[0; 256]; ROWS];
    let mut state = 0;
    while state < STATES {
        let mut at = 0;
        while at < 256 {
            #[expect(clippy::cast_possible_truncation, reason = "86 states and 256 bytes")]
            let (state_byte, byte) = (state as u8, at as u8);
            let cost = cost(state_byte, byte) as u16;
            table[state][at] = next(state_byte, byte) as u16 | (cost << 8);
            at += 1;
        }
        state += 1;
    }
    table
};

/// The tokens of a text, rounded up. The text may be plain or the inside of JSON strings: escapes
/// count as the character that they mean.
pub(crate) fn tokens_of_text(text: &[u8]) -> u64 {
    let mut running = RunningText::default();
    match CODE.find(text) {
        Some(_) => running.add_escaped(text),
        None => running.add(text),
    }
    running.tokens()
}

/// The tokens of a text that is not JSON: a backslash is one.
pub(crate) fn tokens_of_plain_text(text: &[u8]) -> u64 {
    let mut running = RunningText::default();
    running.add(text);
    running.tokens()
}

/// The beginning of an escape by number.
static CODE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\\u"));

/// The estimate of a text that comes in pieces: that of the complete text, wherever it is cut.
#[derive(Clone, Copy, Debug)]
pub struct RunningText {
    /// The last transition.
    entry: u16,
    /// In sixty-fourths of a token.
    sum: u64,
}

impl Default for RunningText {
    fn default() -> Self {
        Self { entry: u16::from(LINE), sum: 0 }
    }
}

impl RunningText {
    /// Adds a piece.
    pub(crate) fn add(&mut self, piece: &[u8]) {
        let Self { mut entry, mut sum } = *self;
        for byte in piece {
            entry = TRANSITIONS[usize::from(entry) % ROWS][usize::from(*byte)];
            sum += u64::from(entry >> 8);
        }
        *self = Self { entry, sum };
    }

    /// The tokens so far, rounded up.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.sum.div_ceil(UNIT)
    }
}

#[cfg(test)]
mod tests;
