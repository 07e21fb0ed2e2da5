//! How many tokens a text is, before a model has counted it.
//!
//! A tokenizer would be exact, and take megabytes and milliseconds. This estimate is one pass of a
//! small automaton over the bytes: the class of a byte and what came before it give the chance that
//! a token begins there. The chances were measured with `o200k_base` on prose of 25 languages,
//! source code, JSON, numbers and encoded data; the test beside holds them to a committed corpus.

/// The cost of a transition is in sixty-fourths of a token.
const UNIT: u64 = 64;

/// The class of a byte for the estimate.
#[derive(Clone, Copy)]
enum Class {
    Lower,
    Upper,
    /// `0` to `3`: also the first digit of an escape of a letter or a sign.
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
    /// `4` to `9`: also the first digit of an escape of a Chinese character.
    HighDigit,
}

/// All classes of bytes. Digits of both kinds cost the same.
const CLASSES: usize = 17;

/// The classes that differ in their costs.
const COSTED: usize = 16;

/// A power of two that is no less than the number of classes.
const COLUMNS: usize = 32;

const fn class(byte: u8) -> Class {
    match byte {
        b'u' => Class::LowerU,
        b'a'..=b'z' => Class::Lower,
        b'A'..=b'Z' => Class::Upper,
        b'0'..=b'3' => Class::Digit,
        b'4'..=b'9' => Class::HighDigit,
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
const ESCAPE: State = 31;
/// The four digits of a `\u` escape.
const HEX: State = 32;
const HEX_END: State = 35;
const CYRILLIC: State = 36;
const KANA: State = 37;
const HAN: State = 38;
const HANGUL: State = 39;
/// The digits after the first of an escape of a character above U+4000.
const HIGH_HEX: State = 40;
const HIGH_HEX_END: State = 42;
const STATES: usize = 43;

const fn next(state: State, class: Class) -> State {
    match state {
        ESCAPE => {
            return if matches!(class, Class::LowerU) {
                HEX
            } else if matches!(class, Class::Backslash) {
                PUNCTUATION
            } else {
                LINE
            };
        }
        HEX => {
            return if matches!(class, Class::Digit) { HEX + 1 } else { HIGH_HEX };
        }
        HEX..HEX_END | HIGH_HEX..HIGH_HEX_END => return state + 1,
        HEX_END => return INDIC,
        HIGH_HEX_END => return HAN,
        _ => {}
    }
    match class {
        Class::Lower | Class::LowerU => match state {
            WORD..WORD_END | MIXED..MIXED_END => state + 1,
            WORD_END | MIXED_END => state,
            CAPITAL => WORD + 1,
            ACCENTED => WORD + 2,
            CAPITALS | MIXED_CAPITAL | MIXED_DIGIT | DIGIT..=DIGIT_END => MIXED,
            _ => WORD,
        },
        Class::Upper => match state {
            WORD..=WORD_END | MIXED..=MIXED_END | MIXED_DIGIT | DIGIT..=DIGIT_END => MIXED_CAPITAL,
            CAPITAL | CAPITALS | MIXED_CAPITAL => CAPITALS,
            _ => CAPITAL,
        },
        Class::Digit | Class::HighDigit => match state {
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
        Class::Accented => ACCENTED,
        Class::Indic => INDIC,
        Class::Astral => ASTRAL,
        Class::Continuation => state,
        Class::Cyrillic => CYRILLIC,
        Class::Kana => KANA,
        Class::Han => HAN,
        Class::Hangul => HANGUL,
    }
}

/// For each kind of state and each class, the chance that a token begins, in sixty-fourths.
#[rustfmt::skip]
const COSTS: [[u8; COSTED]; 26] = [
    //  a   A   0   _  \n   .   \   u   é   ก   😀  …   я   か  字   한
    [ 28, 35, 64, 64, 32,  7, 24, 51, 64, 56, 64,  0, 57, 54, 72, 64], // punctuation
    [ 64, 64, 64, 64, 32, 37, 24, 64, 64, 64, 64,  0, 64, 64, 64, 68], // punctuations
    [  0,  0, 64, 23, 32,  0,  0,  0,  2,  0, 64,  0,  0, 13, 36,  2], // space
    [  0,  0, 64, 10, 32,  0,  7,  0,  0,  0, 64,  0,  0,  2, 37,  2], // spaces
    [ 63, 64, 64, 64, 32, 52, 16, 63, 64, 64, 64,  0, 64, 64, 69, 66], // line
    [  4, 64, 64, 64, 32, 64, 64,  7, 17, 64, 64,  0, 64, 64, 64, 64], // word, 1 to 3 letters
    [  7, 64, 64, 64, 32, 64, 64, 23, 32, 64, 64,  0, 64, 64, 64, 64], // word, 4 to 7
    [  8, 64, 64, 64, 32, 64, 64, 37, 29, 64, 64,  0, 64, 64, 64, 64], // word, 8 to 11
    [ 11, 64, 64, 64, 32, 64, 64, 42, 27, 64, 64,  0, 64, 64, 64, 64], // word, 12 and more
    [ 10, 14, 64, 64, 32, 64, 64, 20, 40, 64, 64,  0, 64, 64, 64, 64], // capital
    [ 48, 26, 64, 64, 32, 64, 64, 43, 64, 64, 64,  0, 64, 64, 64, 64], // capitals
    [ 64, 64,  0, 64, 32, 64, 64, 64, 64, 64, 64,  0, 64, 64, 64, 65], // first digit
    [ 64, 64, 13, 64, 32, 64, 64, 64, 64, 64, 64,  0, 64, 64, 64, 64], // second digit
    [ 64, 64, 60, 64, 32, 64, 64, 64, 64, 64, 64,  0, 64, 64, 64, 64], // third digit
    [ 19, 64, 64, 64, 32, 64, 64, 19, 64, 64, 64,  0, 64, 64, 64, 64], // mixed, 1 to 3 letters
    [ 24, 64, 64, 64, 32, 64, 64, 34,  9, 64, 64,  0, 64, 64, 64, 64], // mixed, 4 and more
    [ 30, 19, 64, 64, 32, 64, 64, 22, 64, 64, 64,  0, 64, 64, 64, 64], // mixed capital
    [ 64, 64,  0, 64, 32, 64, 64, 64, 64, 64, 64,  0, 64, 64, 64, 64], // mixed digit
    [ 24, 64, 64, 64, 32, 64, 64, 25,  8, 64, 64,  0, 58, 64, 64, 64], // accented
    [ 64, 64, 64, 64, 32, 41, 24, 64, 55, 21,112,  0, 22, 56, 62, 59], // indic
    [ 64, 64, 64, 64, 32, 64, 64, 64, 64, 95,112,  0, 64, 64, 64, 64], // astral
    [  0,  0,  0,  0,  0,  0, 16,  0,  0,  0,  0,  0,  0,  0,  0,  0], // escape and hex
    [ 64, 64, 64, 64, 32, 64, 63, 64, 64, 64, 64,  0, 13, 64, 64, 64], // cyrillic
    [ 64, 64, 64, 64, 32, 59, 24, 64, 64, 58, 64,  0, 64, 35, 57, 22], // kana
    [ 64, 64, 64, 64, 32, 64, 64, 64, 64, 64, 64,  0, 64, 64, 59, 64], // han
    [ 64, 64, 64, 64, 32, 64, 54, 64, 64, 63,111,  0, 64,  4, 50, 35], // hangul
];

const fn costs(state: State) -> [u8; COSTED] {
    COSTS[match state {
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
        ESCAPE..=HEX_END | HIGH_HEX..=HIGH_HEX_END => 21,
        CYRILLIC => 22,
        KANA => 23,
        HAN => 24,
        _ => 25,
    }]
}

static CLASS_OF: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the index of 256 bytes")]
        let class = class(byte as u8) as u8;
        table[byte] = class;
        byte += 1;
    }
    table
};

/// A power of two above the number of states.
const ROWS: usize = 64;

/// The next state in the low byte and the cost in the high one, by state and class. There are more
/// rows than states, so that a mask proves every index.
static TRANSITIONS: [[u16; COLUMNS]; ROWS] = {
    const ALL: [Class; CLASSES] = [
        Class::Lower,
        Class::Upper,
        Class::Digit,
        Class::Space,
        Class::Newline,
        Class::Punctuation,
        Class::Backslash,
        Class::LowerU,
        Class::Accented,
        Class::Indic,
        Class::Astral,
        Class::Continuation,
        Class::Cyrillic,
        Class::Kana,
        Class::Han,
        Class::Hangul,
        Class::HighDigit,
    ];
    let mut table = [[0; COLUMNS]; ROWS];
    let mut state = 0;
    while state < STATES {
        let mut at = 0;
        while at < CLASSES {
            #[expect(clippy::cast_possible_truncation, reason = "there are 43 states")]
            let state_byte = state as u8;
            let column = if at < COSTED { at } else { Class::Digit as usize };
            let cost = costs(state_byte)[column] as u16;
            table[state][at] = next(state_byte, ALL[at]) as u16 | (cost << 8);
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
    running.add(text);
    running.tokens()
}

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
            let class = usize::from(CLASS_OF[usize::from(*byte)]) % COLUMNS;
            entry = TRANSITIONS[usize::from(entry) % ROWS][class];
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
mod tests {
    use super::*;

    /// The estimate of a text in a body, next to its tokens in `o200k_base`.
    fn ratio(text: &str) -> f64 {
        let written = serde_json::to_string(text).unwrap();
        let tokens = bpe_openai::o200k_base().count(text);
        let ratio = |estimate| f64::from(u32::try_from(estimate).unwrap());
        ratio(tokens_of_text(written.as_bytes())) / ratio(tokens as u64)
    }

    #[test]
    fn a_text_in_pieces_has_the_tokens_of_the_complete_text() {
        let text = include_str!("../corpus/english.txt").as_bytes();
        for size in [1, 4, 7, 1_000] {
            let mut running = RunningText::default();
            text.chunks(size).for_each(|piece| running.add(piece));
            assert_eq!(running.tokens(), tokens_of_text(text), "{size}");
        }
    }

    /// Python and others write every character above ASCII as an escape.
    #[test]
    fn escapes_have_the_tokens_of_their_characters() {
        for text in [
            include_str!("../corpus/cjk.txt"),
            "字".repeat(1_000).as_str(),
            "😀 ".repeat(50).as_str(),
        ] {
            let escaped: String = text
                .encode_utf16()
                .map(|unit| match u8::try_from(unit) {
                    Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
                    _ => format!("\\u{unit:04x}"),
                })
                .collect();
            let (raw, escaped) =
                (tokens_of_text(text.as_bytes()), tokens_of_text(escaped.as_bytes()));
            assert!(escaped * 100 >= raw * 80 && escaped <= raw * 2, "{escaped} instead of {raw}");
        }
    }

    #[test]
    fn estimates_are_near_a_real_tokenizer() {
        let english = ratio(include_str!("../corpus/english.txt"));
        let code = ratio(include_str!("../corpus/code.txt"));
        let cjk = ratio(include_str!("../corpus/cjk.txt"));
        let base64 = ratio(include_str!("../corpus/base64.txt"));
        for (name, ratio) in
            [("English", english), ("code", code), ("CJK", cjk), ("base64", base64)]
        {
            assert!(ratio >= 0.95, "{name} is estimated at {ratio:.2} of its tokens");
        }
        assert!(english <= 1.3, "English is estimated at {english:.2} of its tokens");
    }

    #[test]
    fn an_escape_counts_as_the_character_that_it_means() {
        let plain = tokens_of_text("中文和日本語".as_bytes());
        let escaped = r"\u4e2d\u6587\u548c\u65e5\u672c\u8a9e";
        assert!(tokens_of_text(escaped.as_bytes()) <= 2 * plain);
        assert!(tokens_of_text(br"\\\\\\\\") >= 2);
    }
}
