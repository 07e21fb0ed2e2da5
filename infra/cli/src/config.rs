//! `lanyard config …`: the profiles in the configuration file.

mod file;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

pub(crate) use self::file::{ConfigFile, write_private};
use crate::error::CliError;
use crate::globals::Globals;
use crate::output::Output;
use crate::profile::Profile;
use crate::table::Column;

/// Commands for the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// List the profiles.
    #[command(after_help = "\
Examples:
  lanyard config list")]
    List,
    /// Print the path of the configuration file.
    #[command(after_help = "\
Examples:
  lanyard config path")]
    Path,
    /// Print a setting of the profile.
    #[command(after_help = "\
Examples:
  lanyard config get address --profile oslo")]
    Get {
        /// Name of the setting.
        setting: Setting,
    },
    /// Set a setting of the profile.
    #[command(after_help = "\
Examples:
  lanyard config set time-zone Europe/Oslo
  lanyard config set concurrency 1000 --profile oslo")]
    Set {
        /// Name of the setting.
        setting: Setting,
        /// Its value.
        value: String,
    },
    /// Remove a setting of the profile.
    #[command(after_help = "\
Examples:
  lanyard config unset concurrency")]
    Unset {
        /// Name of the setting.
        setting: Setting,
    },
    /// Make a profile the default.
    #[command(after_help = "\
Examples:
  lanyard config use oslo")]
    Use {
        /// Name of the profile.
        name: String,
    },
}

/// A setting of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Setting {
    /// URL of the service.
    Address,
    /// File with an organiser token, relative to the configuration file.
    TokenFile,
    /// Time zone of new events.
    TimeZone,
    /// Lambda concurrency limit of the AWS account.
    Concurrency,
    /// URL of the attendee page.
    Page,
    /// Name of the deployed stack.
    Stack,
    /// AWS region of the stack.
    Region,
}

impl Setting {
    /// The name in the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::TokenFile => "token_file",
            Self::TimeZone => "time_zone",
            Self::Concurrency => "concurrency",
            Self::Page => "page",
            Self::Stack => "stack",
            Self::Region => "region",
        }
    }

    /// A value as the file has it.
    fn value(self, text: &str) -> Result<toml_edit::Value, CliError> {
        match self {
            Self::Concurrency => {
                let number = text.parse::<u32>();
                let number = number.map_err(|_| {
                    CliError::Usage("concurrency must be a whole number".to_owned())
                })?;
                Ok(i64::from(number).into())
            }
            Self::Address
            | Self::TokenFile
            | Self::TimeZone
            | Self::Page
            | Self::Stack
            | Self::Region => Ok(text.into()),
        }
    }
}

/// Runs a command. Nothing is sent.
pub(crate) fn run(globals: &Globals, command: ConfigCommand) -> Result<(), CliError> {
    let output = Output::new(globals);
    let mut file = ConfigFile::open(globals)?;
    match command {
        ConfigCommand::List => list(globals, &output, &file),
        ConfigCommand::Path => {
            let path = file.path().display().to_string();
            output.data(&json!({ "path": path }), |_| path.clone())
        }
        ConfigCommand::Get { setting } => {
            let name = file.profile_name(globals);
            let value = file.get(&name, setting.name()).ok_or_else(|| {
                CliError::Failed(format!("The profile {name} has no {}.", setting.name()))
            })?;
            output.data(&json!({ setting.name(): value }), |_| value.clone())
        }
        ConfigCommand::Set { setting, value } => {
            let name = file.profile_name(globals);
            file.set(&name, setting.name(), setting.value(&value)?)?;
            written(globals, &output, &file)
        }
        ConfigCommand::Unset { setting } => {
            let name = file.profile_name(globals);
            file.unset(&name, setting.name());
            written(globals, &output, &file)
        }
        ConfigCommand::Use { name } => {
            file.set_default(&name)?;
            written(globals, &output, &file)
        }
    }
}

/// Saves the file unless this is a dry run, and prints its profiles.
fn written(globals: &Globals, output: &Output, file: &ConfigFile) -> Result<(), CliError> {
    if !globals.dry_run {
        file.save()?;
    }
    list(globals, output, file)
}

fn list(globals: &Globals, output: &Output, file: &ConfigFile) -> Result<(), CliError> {
    let default = file.profile_name(globals);
    let profile = |name: String| {
        let get = |setting: Setting| file.get(&name, setting.name());
        json!({
            "name": name,
            "in_use": name == default,
            "address": get(Setting::Address),
            "time_zone": get(Setting::TimeZone),
            "token_file": get(Setting::TokenFile),
        })
    };
    let profiles: Vec<_> = file.profiles().into_iter().map(profile).collect();
    let base = Profile::read(globals).map(|profile| profile.base(globals)).ok();
    let said = json!({"path": file.path(), "address": base, "profiles": profiles});
    output.data(&said, |style| {
        if profiles.is_empty() {
            return format!(
                "There are no profiles in {}. `lanyard login` adds one.",
                file.path().display()
            );
        }
        let columns = [
            Column::Key("profile"),
            Column::Key(""),
            Column::Words("address"),
            Column::Words("time zone"),
        ];
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let row = |one: &Value| {
            let used = if one["in_use"] == true { "in use" } else { "" };
            vec![
                text(&one["name"]),
                used.to_owned(),
                text(&one["address"]),
                text(&one["time_zone"]),
            ]
        };
        style.table(&columns, profiles.iter().map(row))
    })
}
