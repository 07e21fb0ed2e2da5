//! The estimate of texts next to the tokens that a real tokenizer finds.

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
    let text = include_str!("../../corpus/english.txt").as_bytes();
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
        include_str!("../../corpus/cjk.txt"),
        "字".repeat(1_000).as_str(),
        "😀 ".repeat(50).as_str(),
        "e\u{301}a\u{308}".repeat(50).as_str(),
        "Grüße aus Żywiec, até amanhã. ".repeat(20).as_str(),
        letters(0x300, 0x36F, true).as_str(),
        letters(0x1_2000, 0x1_2399, false).as_str(),
        letters(0x410, 0x44F, true).as_str(),
    ] {
        let (raw, escaped) = (tokens_of_text(text.as_bytes()), escaped(text));
        assert_eq!(tokens_of_text(escaped.as_bytes()), raw, "{escaped}");
    }
}

#[test]
fn control_characters_which_only_escapes_have_are_a_token_each() {
    for characters in [
        (1..9).chain(14..32).chain([0x7F]).collect::<Vec<u8>>(),
        [1].repeat(300),
        [7, 27].repeat(100),
        [0].repeat(64),
    ] {
        let text: String = characters.iter().map(|byte| char::from(*byte)).collect();
        let escaped: String = characters.iter().map(|byte| format!("\\u{byte:04x}")).collect();
        let tokens = bpe_openai::o200k_base().count(&text) as u64;
        let estimate = tokens_of_text(escaped.as_bytes());
        assert!(estimate * 100 >= tokens * 95, "{escaped}: {estimate} of {tokens}");
    }
}

#[test]
fn what_is_no_escape_counts_as_it_stands() {
    let count = |text: &str| tokens_of_text(text.as_bytes());
    // A backslash that is escaped begins none.
    assert_eq!(count(r"\\u4e2d x"), count(r"\\") + count("u4e2d x"));
    for text in [r"\u", r"\u12", r"\u12g4", r"\ud83d", r"\ud83dx", r"\ud83d\u0041", r"\udc00", "\\"]
    {
        assert!((1..6).contains(&count(text)), "{text}: {}", count(text));
    }
    // In a text that is no JSON they are letters.
    let text = r"\u4e2d\u6587".repeat(50);
    let tokens = bpe_openai::o200k_base().count(&text) as u64;
    assert!(tokens_of_plain_text(text.as_bytes()) * 100 >= tokens * 80);
}

#[test]
fn estimates_are_near_a_real_tokenizer() {
    let english = ratio(include_str!("../../corpus/english.txt"));
    let code = ratio(include_str!("../../corpus/code.txt"));
    let cjk = ratio(include_str!("../../corpus/cjk.txt"));
    let base64 = ratio(include_str!("../../corpus/base64.txt"));
    for (name, ratio) in [("English", english), ("code", code), ("CJK", cjk), ("base64", base64)] {
        assert!(ratio >= 0.95, "{name} is estimated at {ratio:.2} of its tokens");
    }
    assert!(english <= 1.3, "English is estimated at {english:.2} of its tokens");
}

#[test]
fn an_escape_counts_as_the_character_that_it_means() {
    let plain = tokens_of_text("中文和日本語".as_bytes());
    let escaped = r"\u4e2d\u6587\u548c\u65e5\u672c\u8a9e";
    assert_eq!(tokens_of_text(escaped.as_bytes()), plain);
    assert!(tokens_of_text(br"\\\\\\\\") >= 2);
}

/// Letters of a block in no order, in words or without spaces.
fn letters(from: u32, to: u32, has_spaces: bool) -> String {
    let mut random = 7_u64;
    let mut next = |most: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % most
    };
    let mut text = String::new();
    while text.len() < 6_000 {
        for _ in 0..2 + next(6) {
            let code = from + u32::try_from(next(u64::from(to - from) + 1)).unwrap();
            text.extend(char::from_u32(code));
        }
        text.push_str(if has_spaces { " " } else { "" });
    }
    text
}

#[test]
fn signs_of_vowels_split_the_words_of_arabic_and_hebrew() {
    for (name, text) in [
        ("Arabic", "ذَهَبَ الْوَلَدُ إِلَى الْمَدْرَسَةِ صَبَاحًا وَكَتَبَ الدَّرْسَ فِي الدَّفْتَرِ ثُمَّ رَجَعَ إِلَى الْبَيْتِ"),
        ("Hebrew", "בְּרֵאשִׁית בָּרָא אֱלֹהִים אֵת הַשָּׁמַיִם וְאֵת הָאָרֶץ וְהָאָרֶץ הָיְתָה תֹהוּ וָבֹהוּ"),
        (
            "Arabic without them",
            "ذهب الولد إلى المدرسة صباحا وكتب الدرس في الدفتر ثم رجع إلى البيت",
        ),
        ("Hebrew without them", "בראשית ברא אלהים את השמים ואת הארץ והארץ היתה תהו ובהו"),
    ] {
        let ratio = ratio(&text.repeat(20));
        assert!((0.9..=1.3).contains(&ratio), "{name}: {ratio:.2} of the tokens");
    }
}

/// The same with every character above ASCII as an escape.
fn escaped(text: &str) -> String {
    let unit = |unit: u16| match u8::try_from(unit) {
        Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
        _ => format!("\\u{unit:04X}"),
    };
    text.encode_utf16().map(unit).collect()
}

#[test]
fn letters_of_scripts_that_the_tokenizer_hardly_knows_are_near_their_tokens() {
    for (name, from, to) in [
        ("combining marks", 0x300, 0x36F),
        ("Syriac", 0x710, 0x74A),
        ("Thaana", 0x780, 0x7A5),
        ("Lao", 0xE81, 0xEAE),
        ("Tibetan", 0xF40, 0xFBC),
        ("Jamo", 0x1100, 0x11FF),
        ("Ethiopic", 0x1200, 0x135A),
        ("Cherokee", 0x13A0, 0x13F5),
        ("Canadian syllabics", 0x1401, 0x166C),
        ("Ogham", 0x1681, 0x169A),
        ("Mongolian", 0x1820, 0x1878),
        ("Braille", 0x2800, 0x28FF),
        ("Glagolitic", 0x2C00, 0x2C5E),
        ("rare Chinese characters", 0x3400, 0x4DB5),
        ("Yi", 0xA000, 0xA48C),
        ("Vai", 0xA500, 0xA60B),
        ("small Cherokee", 0xAB70, 0xABBF),
        ("private use", 0xE000, 0xF8FF),
        ("Arabic forms", 0xFB50, 0xFDCF),
        ("Gothic", 0x1_0330, 0x1_034A),
        ("cuneiform", 0x1_2000, 0x1_2399),
        ("mathematical letters", 0x1_D400, 0x1_D6A3),
        ("Chinese characters of names", 0x2_0000, 0x2_A6D6),
        ("tags", 0xE_0020, 0xE_007F),
    ] {
        for has_spaces in [true, false] {
            let text = letters(from, to, has_spaces);
            let ratio = ratio(&text);
            assert!((0.85..=1.2).contains(&ratio), "{name}: {ratio:.2} of the tokens");
        }
    }
}

#[test]
fn letters_in_no_order_have_at_most_four_times_the_estimate() {
    for (name, from, to) in [
        ("accents", 0xC0, 0x17F),
        ("Greek", 0x3B1, 0x3C9),
        ("Cyrillic", 0x410, 0x44F),
        ("Armenian", 0x561, 0x587),
        ("Hebrew", 0x5D0, 0x5EA),
        ("Arabic", 0x621, 0x64A),
        ("Devanagari", 0x904, 0x94D),
        ("Sinhala", 0xD85, 0xDC6),
        ("Thai", 0xE01, 0xE3A),
        ("Myanmar", 0x1000, 0x104F),
        ("Georgian", 0x10D0, 0x10F6),
        ("Khmer", 0x1780, 0x17B3),
        ("Kana", 0x3041, 0x30FA),
        ("Chinese", 0x4E00, 0x9FA5),
        ("Hangul", 0xAC00, 0xD7A3),
        ("signs", 0x2190, 0x22FF),
        ("boxes", 0x2500, 0x257F),
        ("emoji", 0x1_F300, 0x1_F64F),
    ] {
        for has_spaces in [true, false] {
            let ratio = ratio(&letters(from, to, has_spaces));
            assert!((0.24..=1.2).contains(&ratio), "{name}: {ratio:.2} of the tokens");
        }
    }
}

#[test]
fn latin_letters_in_no_order_have_at_most_twice_the_estimate() {
    let syllables: String = letters(0, 84, false)
        .bytes()
        .flat_map(|byte| {
            let (consonants, vowels) = (b"bcdfghjklmnprstvz", b"aeiou");
            [consonants[usize::from(byte / 5)], vowels[usize::from(byte % 5)]]
        })
        .map(char::from)
        .collect();
    for (name, text, least) in [
        ("small letters", letters(0x61, 0x7A, true), 0.68),
        ("small letters without spaces", letters(0x61, 0x7A, false), 0.85),
        ("capitals", letters(0x41, 0x5A, true), 0.75),
        ("capitals without spaces", letters(0x41, 0x5A, false), 0.65),
        ("syllables", syllables, 0.5),
    ] {
        let ratio = ratio(&text);
        assert!((least..=1.2).contains(&ratio), "{name}: {ratio:.2} of the tokens");
    }
}

#[test]
fn the_older_tokenizer_is_estimated_in_all_languages() {
    let base64 = include_str!("../../corpus/base64.txt");
    let english = include_str!("../../corpus/english.txt");
    let others = [("English", english), ("base64", base64)];
    let languages = include_str!("../../corpus/languages.txt").lines();
    for (name, text) in languages.filter_map(|line| line.split_once('\t')).chain(others) {
        let tokens = bpe_openai::cl100k_base().count(text) as u64;
        for written in [text.to_owned(), escaped(text)] {
            let written = written.as_bytes();
            let estimate = tokens_of_text(written) + cl100k::tokens_beyond(written);
            let percent = estimate * 100 / tokens;
            assert!((90..=165).contains(&percent), "{name}: {percent} % of the tokens");
        }
    }
    for odd in [&b"\xff\xfe"[..], b"\xe1", b"\\", b"\\u12", b""] {
        assert_eq!(cl100k::tokens_beyond(odd), 0, "{odd:?}");
    }
}
