//! The local service as a process of its own, for tests that need several.

fn main() -> std::process::ExitCode {
    lanyard_local::main_blocking()
}
