//! The names of the fields that decide what a tool is.

use crate::error::{BadRequestCode, BodyRefused};

/// Refuses governed names that are doubled or in other letters: Azure might read the one that was
/// not checked.
pub(crate) fn check_spelling<'n>(
    param: &str,
    names: impl Iterator<Item = &'n str>,
    governed: &[&'static str],
) -> Result<(), BodyRefused> {
    let mut seen = 0u32;
    for name in names {
        let Some(at) = governed.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            continue;
        };
        let known = governed[at];
        if known != name {
            return Err(BodyRefused::bad(
                BadRequestCode::UnknownParameter,
                Some(param),
                format!(
                    "{param} holds a field that is almost {known}, in other letters. Write it as {known}."
                ),
            ));
        }
        if seen & (1 << at) != 0 {
            return Err(BodyRefused::bad(
                BadRequestCode::DuplicateKey,
                Some(param),
                format!("{known} is twice in one object of {param}. Send it once."),
            ));
        }
        seen |= 1 << at;
    }
    Ok(())
}
