//! The part of the command line that is about the functions' binaries.

use std::path::PathBuf;

use clap::Args;

use super::event::PayloadFormat;

/// How the functions' own binaries are run, if they are.
#[derive(Clone, Debug, Args)]
pub struct RuntimeOptions {
    /// Run the functions' own binaries, as Lambda does, instead of calling the functions in this
    /// process.
    #[arg(long)]
    pub runtime: bool,

    /// How many environments a function may have at once.
    #[arg(long, requires = "runtime", default_value = "10", value_name = "N", value_parser = count)]
    pub environments: usize,

    /// Stop an environment's process whenever nothing waits for it, as Lambda does.
    #[arg(long, requires = "runtime")]
    pub freeze: bool,

    /// The form of the functions' events: 1.0 is a REST API's, 2.0 a function URL's.
    #[arg(long, requires = "runtime", value_enum, default_value = "1.0", value_name = "VERSION")]
    pub payload_format_version: PayloadFormat,

    /// A folder of binaries, NAME or LogicalId/bootstrap, such as .aws-sam/build; without it, Cargo
    /// builds them.
    #[arg(long, requires = "runtime", value_name = "DIR")]
    pub bootstraps: Option<PathBuf>,
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1_000) => Ok(count),
        Ok(_) | Err(_) => Err("must be a number from 1 to 1000".to_owned()),
    }
}
