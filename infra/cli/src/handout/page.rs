//! The handout as one file: the service's own page with the event in it.
//!
//! There is one implementation, in `functions/pages/web`. The file has its script and its style
//! sheet inside, and loads nothing.

use serde_json::Value;

use crate::error::CliError;

const PAGE: &str = include_str!("../../../../functions/pages/assets/handout.html");
const SCRIPT: &str = include_str!("../../../../functions/pages/assets/handout.js");
const STYLE: &str = include_str!("../../../../functions/pages/assets/handout.css");

/// The file of a handout.
pub(super) fn html(saved: &Value) -> Result<String, CliError> {
    // The script's name for `<` has the same meaning in JSON, and cannot end the element.
    let saved = saved.to_string().replace('<', "\\u003c");
    let page = replaced(PAGE, "<link rel=\"stylesheet\"", &format!("<style>{STYLE}</style>"))?;
    let script = format!("<script type=\"module\">{SCRIPT}</script>");
    let page = replaced(&page, "<script type=\"module\"", "")?;
    let data = format!("<script type=\"application/json\" id=\"saved\">{saved}</script>");
    // Modules run after the document was read; what they read may come before.
    Ok(page.replacen("</body>", &format!("{data}\n{script}\n</body>"), 1))
}

/// The page with another line in the place of the one that begins so.
fn replaced(page: &str, beginning: &str, by: &str) -> Result<String, CliError> {
    let missing = || CliError::Failed(format!("the handout has no line {beginning}"));
    let at = page.find(beginning).ok_or_else(missing)?;
    let (before, rest) = page.split_at(at);
    let (_, after) = rest.split_once('\n').ok_or_else(missing)?;
    Ok(format!("{before}{by}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_file_has_everything_in_it_and_loads_nothing() {
        let page = html(&json!({"event": {"name": "Oslo Hack"}})).unwrap();
        assert!(page.contains("{\"event\":{\"name\":\"Oslo Hack\"}}"));
        for foreign in [" src=", "rel=\"stylesheet\"", "{{version}}", "@import"] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert_eq!(page.matches("</script>").count(), 2);
        assert_eq!(page.matches("</style>").count(), 1);
    }

    #[test]
    fn a_name_cannot_end_the_script() {
        let page = html(&json!({"event": {"name": "</script><script>alert(1)"}})).unwrap();
        assert!(!page.contains("<script>alert(1)"), "{page}");
    }
}
