//! Counts and cuts text the way the simulator bills it.
//!
//! A token is the shortest run of whole characters that has at least four bytes, so the same rule
//! gives the count in `usage` and the frames of a stream. It says nothing about a real tokenizer.

const BYTES_PER_TOKEN: usize = 4;

/// The tokens of a text, in order; joined, they are the text again.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (token, after) = rest.split_at_checked(end_of_first(rest))?;
        rest = after;
        (!token.is_empty()).then_some(token)
    })
}

/// How many tokens a text has; none for an empty one.
pub(super) fn count(text: &str) -> usize {
    split(text).count()
}

fn end_of_first(text: &str) -> usize {
    text.char_indices()
        .map(|(start, character)| start + character.len_utf8())
        .find(|end| *end >= BYTES_PER_TOKEN)
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_four_bytes_and_only_the_last_may_be_shorter() {
        assert_eq!(split("hello world").collect::<Vec<_>>(), ["hell", "o wo", "rld"]);
        assert_eq!(count(""), 0);
        assert_eq!(count("a"), 1);
        assert_eq!(count("abcd"), 1);
    }

    #[test]
    fn a_character_is_never_cut() {
        let text = "blåbær og 😀😀 æ";
        assert_eq!(split(text).collect::<String>(), text);
        assert!(split(text).all(|token| !token.is_empty()));
    }
}
