//! Whole numbers on the command line.

/// A whole number, plain or in groups of three digits, as our own tables show it: `3000000` or
/// `3,000,000`.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let mut groups = text.split([',', '_']);
    let first = groups.next().unwrap_or_default();
    let is_grouped = groups.clone().next().is_some();
    let is_number = (!is_grouped || (1..=3).contains(&first.len()))
        && groups.all(|group| group.len() == 3)
        && text.starts_with(|first: char| first.is_ascii_digit());
    let number = is_number.then(|| text.replace([',', '_'], "").parse().ok()).flatten();
    number.ok_or_else(|| "must be a whole number, such as 3000000 or 3,000,000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_have_groups_of_three_digits() {
        for (text, expected) in [
            ("0", 0),
            ("7", 7),
            ("3000000", 3_000_000),
            ("3,000,000", 3_000_000),
            ("12_500", 12_500),
        ] {
            assert_eq!(count(text), Ok(expected), "{text}");
        }
        for text in ["", "-3", "+3", "1,5", "1,0000", "1000,000", ",100", "1,", "3M", "1.5", "１"]
        {
            assert!(count(text).is_err(), "{text}");
        }
    }
}
