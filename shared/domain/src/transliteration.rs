//! Names in ASCII letters: a hint for user names that have others, and the codes of events.
//!
//! The pages do the same in browsers, which know still more letters.

/// Letters, and how each of them is spelt.
const LETTERS: [(&str, &str); 36] = [
    ("àáâãāăąǎа\u{3b1}", "a"),
    ("б", "b"),
    ("çćĉċčћ", "c"),
    ("ďđðд\u{3b4}", "d"),
    ("èéêëēĕėęěẽеёэ\u{3b5}", "e"),
    ("ф\u{3c6}", "f"),
    ("ĝğġģгґѓ\u{3b3}", "g"),
    ("ĥħ", "h"),
    ("ìíîïĩīĭįıиійї\u{3b9}\u{3b7}", "i"),
    ("ĵј", "j"),
    ("ķкќ\u{3ba}", "k"),
    ("ĺļľłл\u{3bb}", "l"),
    ("м\u{3bc}", "m"),
    ("ñńņňн\u{3bd}", "n"),
    ("òóôõōŏőøơо\u{3bf}\u{3c9}", "o"),
    ("п\u{3c0}", "p"),
    ("ŕŗřр\u{3c1}", "r"),
    ("śŝşšșс\u{3c3}\u{3c2}", "s"),
    ("ţťŧțт\u{3c4}", "t"),
    ("ùúûũūŭůűųưуў", "u"),
    ("в\u{3b2}", "v"),
    ("ŵ", "w"),
    ("\u{3be}", "x"),
    ("ýÿŷы\u{3c5}", "y"),
    ("źżžз\u{3b6}", "z"),
    ("äæ", "ae"),
    ("å", "aa"),
    ("öœ", "oe"),
    ("ü", "ue"),
    ("ß", "ss"),
    ("þ\u{3b8}", "th"),
    ("ŋ", "ng"),
    ("’‘", "'"),
    ("–—", "-"),
    ("\u{a0}\u{202f}", " "),
    // Marks that stand behind their letter, and signs that have no sound.
    (
        "\u{300}\u{301}\u{302}\u{303}\u{304}\u{306}\u{307}\u{308}\u{30a}\u{30b}\u{30c}\u{327}\u{328}ьъ",
        "",
    ),
];

/// Cyrillic and Greek letters that are spelt with several others.
const SPELT: [(char, &str); 15] = [
    ('ж', "zh"),
    ('х', "kh"),
    ('ц', "ts"),
    ('ч', "ch"),
    ('ш', "sh"),
    ('щ', "shch"),
    ('ю', "iu"),
    ('я', "ia"),
    ('є', "ie"),
    ('ђ', "dj"),
    ('љ', "lj"),
    ('њ', "nj"),
    ('џ', "dz"),
    ('\u{3c7}', "ch"),
    ('\u{3c8}', "ps"),
];

/// The name in ASCII, lower case. `None` if it is in ASCII already, or has letters without a usual
/// spelling.
#[must_use]
pub fn transliterated(name: &str) -> Option<String> {
    if name.is_ascii() {
        return None;
    }
    let mut plain = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii() {
            plain.push(letter);
            continue;
        }
        plain.push_str(spelling(letter)?);
    }
    Some(plain)
}

/// How a letter in lower case that is none of ASCII is usually spelt in it.
pub(crate) fn spelling(letter: char) -> Option<&'static str> {
    let of_several = SPELT.iter().find(|(known, _)| *known == letter).map(|(_, spelt)| *spelt);
    let spelt = || LETTERS.iter().find(|(known, _)| known.contains(letter)).map(|(_, to)| *to);
    of_several.or_else(spelt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_spelt_as_the_pages_spell_it() {
        for (name, plain) in [
            ("Jørgen", "jorgen"),
            ("Bjørn", "bjorn"),
            ("José", "jose"),
            ("Jose\u{301}", "jose"),
            ("Zoë", "zoe"),
            ("Jürgen Groß", "juergen gross"),
            ("ÅSA", "aasa"),
            ("Łukasz", "lukasz"),
            ("O’Neil", "o'neil"),
            ("Юлия", "iuliia"),
            ("Χριστος", "christos"),
        ] {
            assert_eq!(transliterated(name).as_deref(), Some(plain), "{name}");
        }
    }

    #[test]
    fn a_name_in_ascii_or_without_a_usual_spelling_is_not_spelt() {
        for name in ["ada", "", "\u{1f600}", "山田", "a\tb"] {
            assert_eq!(transliterated(name), None, "{name}");
        }
    }
}
