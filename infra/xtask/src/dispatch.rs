//! How the local service calls the functions: its dependencies on them, and an arm for each that
//! takes the gateway or objects.

use std::fmt::Write;

use lanyard_functions::{FUNCTIONS, Function, Handler};

use crate::blocks::Block;

fn by_name() -> Vec<&'static Function> {
    let mut functions: Vec<_> = FUNCTIONS.iter().collect();
    functions.sort_by_key(|function| function.name);
    functions
}

pub(crate) fn dependencies() -> Block {
    let mut text = String::new();
    for Function { name, .. } in by_name() {
        let _ = writeln!(text, "{name} = {{ path = \"../../functions/{name}\" }}");
    }
    Block { name: "functions", text }
}

pub(crate) fn arms() -> Block {
    let mut text = String::new();
    for function in by_name() {
        let argument = match function.handler {
            Handler::Gateway => "objects.gateway()",
            Handler::Objects => "objects",
            Handler::Admin
            | Handler::OwnDeployments
            | Handler::Pages
            | Handler::Rate
            | Handler::Register
            | Handler::Schedule => continue,
        };
        let (name, library) = (function.name, function.crate_name());
        let _ =
            writeln!(text, "        \"{name}\" => {library}::handle({argument}, request).await,");
    }
    Block { name: "arms", text }
}
