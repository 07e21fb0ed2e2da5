//! The profile: which service a command calls, with which token.
//!
//! The configuration names token files. It never contains tokens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lanyard_doctor::Secret;
use serde::Deserialize;

use crate::error::CliError;
use crate::globals::Globals;

/// Address of `cargo run`.
const LOCAL: &str = "http://127.0.0.1:8787/api";

/// The configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The default profile.
    default: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// A service and its settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// The URL of the service.
    pub(crate) address: Option<String>,
    /// A file with an organiser token, relative to the configuration file.
    pub(crate) token_file: Option<PathBuf>,
    /// The default time zone of new events.
    pub(crate) time_zone: Option<String>,
    /// The Lambda concurrency limit of the account.
    pub(crate) concurrency: Option<u64>,
    /// The URL of the attendee page.
    pub(crate) page: Option<String>,
    /// The deployed stack, for the doctor.
    pub(crate) stack: Option<String>,
    /// The stack's region.
    pub(crate) region: Option<String>,
}

impl Profile {
    /// Reads the named profile, else the default one, else an empty one.
    pub(crate) fn read(globals: &Globals) -> Result<Self, CliError> {
        let file = path(globals);
        let text = match file.as_deref().map(std::fs::read_to_string) {
            Some(Ok(text)) => text,
            // The default file may be missing.
            Some(Err(error)) => match &globals.config {
                Some(named) => return Err(unreadable(named, error)),
                None => String::new(),
            },
            None => String::new(),
        };
        let file = file.unwrap_or_default();
        let mut config: Config = toml::from_str(&text)
            .map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))?;
        let Some(name) = globals.profile.clone().or(config.default) else {
            return Ok(Self::default());
        };
        let known = config.profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        let profile = config.profiles.remove(&name).ok_or_else(|| {
            CliError::Usage(format!("{} has no profile {name}. Profiles: {known}", file.display()))
        })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let token_file = profile.token_file.map(|token| folder.join(token));
        Ok(Self { token_file, ..profile })
    }

    /// The base URL of the service.
    pub(crate) fn base(&self, globals: &Globals) -> String {
        let address = globals.address.as_deref().or(self.address.as_deref()).unwrap_or(LOCAL);
        lanyard_doctor::base(address)
    }

    /// The organiser token: from the named file, the environment, the profile or the data folder of
    /// the local service. The local token is sent only to this machine.
    pub(crate) fn token(&self, globals: &Globals, base: &str) -> Result<Secret, CliError> {
        let is_local = is_loopback(base);
        if !base.starts_with("https://") && !is_local {
            return Err(CliError::NotAllowed(format!(
                "{base} does not use https, so the token is not sent. Give an address with https://."
            )));
        }
        if let Some(file) = &globals.token_file {
            return read_token(file);
        }
        if let Some(token) = &globals.token {
            return Ok(token.clone());
        }
        // A profile's token is sent only to the profile's service.
        let is_profiles =
            globals.address.is_none() || self.address.as_deref() == globals.address.as_deref();
        if let (Some(file), true) = (&self.token_file, is_profiles) {
            return read_token(file);
        }
        let local = globals.data.join("organiser-token");
        if is_local && local.exists() {
            return read_token(&local);
        }
        Err(CliError::NotAllowed(format!(
            "There is no organiser token for {base}. Use `lanyard login`, or set \
             LANYARD_ORGANISER_TOKEN or --token-file. For the local service, set its data folder \
             with --data."
        )))
    }
}

/// Whether a URL is on this machine.
pub(crate) fn is_loopback(address: &str) -> bool {
    let host = reqwest::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    })
}

fn read_token(file: &Path) -> Result<Secret, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(file, error))?;
    let Ok(token) = text.parse::<Secret>();
    Ok(token)
}

fn unreadable(file: &Path, error: std::io::Error) -> CliError {
    CliError::failed(format_args!("{} cannot be read", file.display()), error)
}

/// The configuration file: the named one, else `lanyard/config.toml` in the XDG configuration
/// directory.
pub(crate) fn path(globals: &Globals) -> Option<PathBuf> {
    globals.config.clone().or_else(default_path)
}

#[expect(clippy::disallowed_methods, reason = "these are the settings of the command line itself")]
fn default_path() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    // The specification ignores relative paths.
    let folder = named.filter(|path| path.is_absolute());
    let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".config")))?;
    Some(folder.join("lanyard/config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for near in ["http://127.0.0.1:8787/api", "http://localhost/api", "http://[::1]:80"] {
            assert!(is_loopback(near), "{near}");
        }
        for far in [
            "http://127.0.0.1.example.org/api",
            "http://127.0.0.1:80@example.org/api",
            "https://example.org/127.0.0.1",
            "nonsense",
        ] {
            assert!(!is_loopback(far), "{far}");
        }
    }

    #[test]
    fn a_configuration_with_a_token_in_it_is_refused() {
        let rejected = toml::from_str::<Config>("[profiles.oslo]\ntoken = \"secret\"\n");
        assert!(rejected.unwrap_err().to_string().contains("unknown field `token`"));
    }
}
