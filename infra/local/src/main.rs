//! `cargo run`: the whole service on this machine.

fn main() -> std::process::ExitCode {
    lanyard_local::main_blocking()
}
