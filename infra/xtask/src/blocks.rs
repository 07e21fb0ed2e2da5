//! Blocks of generated lines within files that are written by hand.

use anyhow::{Context, Result};

/// Lines between two comments, `BEGIN GENERATED name` and `END GENERATED name`.
pub(crate) struct Block {
    pub(crate) name: &'static str,
    /// Whole lines.
    pub(crate) text: String,
}

impl Block {
    /// The file with this block's lines in place of those that it has.
    pub(crate) fn fill(&self, file: &str) -> Result<String> {
        let missing = || format!("the comments around the block {} are not there", self.name);
        let begin = format!("BEGIN GENERATED {}\n", self.name);
        let end = format!("END GENERATED {}\n", self.name);
        let from = file.find(&begin).with_context(missing)? + begin.len();
        let to = file.find(&end).with_context(missing)?;
        // The comment at the end has a line of its own.
        let to = file[..to].rfind('\n').with_context(missing)? + 1;
        let (before, after) = (&file[..from], &file[to..]);
        Ok(format!("{before}{}{after}", self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_between_the_comments_change() {
        let file = "a\n  # BEGIN GENERATED x\n  old\n  older\n  # END GENERATED x\nz\n";
        let block = Block { name: "x", text: "  new\n".to_owned() };
        let filled = block.fill(file).unwrap();
        assert_eq!(filled, "a\n  # BEGIN GENERATED x\n  new\n  # END GENERATED x\nz\n");
        assert_eq!(block.fill(&filled).unwrap(), filled);
        assert!(block.fill("a\n").is_err());
    }
}
