//! Dates at the end of names: `gpt-5-2025-08-07`, `web_search_20250305`.

/// A name without the date at its end. `before` has the signs that may stand before the date,
/// `between` those that may stand between its parts. `None` if it has no date, or nothing else.
pub(crate) fn without_date<'a>(name: &'a str, before: &[u8], between: &[u8]) -> Option<&'a str> {
    // The name itself may end in digits, as `tool_search_tool_bm25` does.
    const FORMS: [&[u8]; 2] = [b"00000000", b"0000-00-00"];
    let has_form = |date: &str, form: &[u8]| {
        date.bytes().zip(form).all(|(byte, form)| match form {
            b'-' => between.contains(&byte),
            _ => byte.is_ascii_digit(),
        })
    };
    FORMS.iter().find_map(|form| {
        let (begin, date) = name.split_at_checked(name.len().checked_sub(form.len())?)?;
        let begin = begin.strip_suffix(|sign| before.iter().any(|it| char::from(*it) == sign))?;
        (has_form(date, form) && !begin.is_empty()).then_some(begin)
    })
}
