//! `lanyard login` and `logout`: a profile with a token that the service knows.

use std::io::{self, IsTerminal, Read};

use clap::Args;
use lanyard_doctor::Secret;
use serde_json::json;

use crate::api::Api;
use crate::config::{ConfigFile, write_private};
use crate::error::CliError;
use crate::globals::Globals;
use crate::output::{Output, ask};

/// The options of `login`.
#[derive(Args, Debug)]
pub(crate) struct LoginArguments {
    /// Keep the default profile, and do not use the new one by default.
    #[arg(long)]
    keep_default: bool,
}

/// `lanyard login`
///
/// The token is stored only after the service has accepted it.
pub(crate) async fn login(globals: &Globals, arguments: LoginArguments) -> Result<(), CliError> {
    let output = Output::new(globals);
    let mut file = ConfigFile::open(globals)?;
    let name = file.profile_name(globals);
    let is_plain =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !is_plain {
        return Err(CliError::Usage(
            "The name of a profile has letters, digits, - and _ only".to_owned(),
        ));
    }
    let base = lanyard_doctor::base(&address(globals)?);
    if !base.starts_with("https://") && !crate::profile::is_loopback(&base) {
        return Err(CliError::NotAllowed(format!(
            "{base} does not use https, so the token is not sent. Give an address with https://."
        )));
    }
    let token = token(globals)?;
    let api = Api::new(base.clone(), Ok(token.clone()))?;
    let events = api.all("/events", "events").await?;
    let token_name = format!("{name}.token");
    if !globals.dry_run {
        write_private(&file.beside(&token_name), token.reveal().as_bytes())?;
        file.set(&name, "address", base.as_str().into())?;
        file.set(&name, "token_file", token_name.as_str().into())?;
        if !arguments.keep_default {
            file.set_default(&name)?;
        }
        file.save()?;
    }
    let said = json!({
        "profile": name, "address": base, "events": events.len(), "config": file.path(),
        "dry_run": globals.dry_run,
    });
    output.data(&said, |style| {
        style.pairs(&[
            ("profile", name.clone()),
            ("address", base.clone()),
            ("events", events.len().to_string()),
            ("config", file.path().display().to_string()),
        ])
    })
}

/// `lanyard logout`: removes the profile and the file of its token. The token stays valid.
pub(crate) fn logout(globals: &Globals) -> Result<(), CliError> {
    let output = Output::new(globals);
    let mut file = ConfigFile::open(globals)?;
    let name = file.profile_name(globals);
    let token = file
        .remove(&name)
        .ok_or_else(|| CliError::Failed(format!("There is no profile {name} with a token.")))?;
    if !globals.dry_run {
        file.save()?;
        // A token file of another folder belongs to somebody else.
        if token.parent() == file.path().parent() && token.exists() {
            std::fs::remove_file(&token).map_err(|error| {
                CliError::failed(format_args!("{} cannot be removed", token.display()), error)
            })?;
        }
    }
    output.say("The token stays valid. `lanyard organiser revoke` revokes it.");
    let said = json!({"profile": name, "removed": !globals.dry_run});
    output.data(&said, |_| match globals.dry_run {
        true => format!("would remove  profile {name}"),
        false => format!("removed  profile {name}"),
    })
}

fn address(globals: &Globals) -> Result<String, CliError> {
    if let Some(address) = &globals.address {
        return Ok(address.clone());
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::Usage("The URL of the service is missing. Use --address".to_owned()));
    }
    let address =
        ask("URL of the service, such as https://ID.execute-api.REGION.amazonaws.com/api: ")?;
    match address.is_empty() {
        true => Err(CliError::Usage("The URL of the service is missing".to_owned())),
        false => Ok(address),
    }
}

/// The token: from the named file, the environment, the terminal without showing it, or the pipe.
fn token(globals: &Globals) -> Result<Secret, CliError> {
    let text = match (&globals.token_file, &globals.token) {
        (Some(file), _) => std::fs::read_to_string(file).map_err(|error| {
            CliError::failed(format_args!("{} cannot be read", file.display()), error)
        })?,
        (None, Some(token)) => return Ok(token.clone()),
        (None, None) if io::stdin().is_terminal() => {
            rpassword::prompt_password("Organiser token (it is not shown): ")
                .map_err(|error| CliError::failed("the token cannot be read", error))?
        }
        (None, None) => {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text)?;
            text
        }
    };
    if text.trim().is_empty() {
        return Err(CliError::Usage(
            "The token is missing. It is read from standard input, LANYARD_ORGANISER_TOKEN or \
             --token-file"
                .to_owned(),
        ));
    }
    let Ok(token) = text.parse();
    Ok(token)
}
