//! The routes of `cargo lambda watch`, in the root manifest.

use std::fmt::Write;

use lanyard_functions::FUNCTIONS;

use crate::blocks::Block;

pub(crate) fn block() -> Block {
    let mut text = String::new();
    for function in &FUNCTIONS {
        for route in function.paths() {
            // Its router writes the rest of a path in another way, and knows the stage.
            let path = route.path.replace("{proxy+}", "{*proxy}");
            let _ = writeln!(text, "\"/api{path}\" = \"{}\"", function.name);
        }
    }
    Block { name: "routes", text }
}
