//! Shell completions and manual pages.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::error::CliError;
use crate::options::Options;
use crate::output::Output;

/// `lanyard completions SHELL`
pub(crate) fn completions(shell: Shell) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Options::command(), "lanyard", &mut script);
    Output::default().raw(&script)
}

/// `lanyard man`
pub(crate) fn man(folder: Option<&Path>) -> Result<(), CliError> {
    match folder {
        Some(folder) => {
            let cannot = |error| {
                CliError::failed(format_args!("{} cannot be written to", folder.display()), error)
            };
            std::fs::create_dir_all(folder).map_err(cannot)?;
            clap_mangen::generate_to(Options::command(), folder).map_err(cannot)
        }
        None => {
            let mut page = Vec::new();
            Man::new(Options::command()).render(&mut page)?;
            Output::default().raw(&page)
        }
    }
}
