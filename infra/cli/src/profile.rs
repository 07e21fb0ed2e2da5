//! Which service a command speaks to, and by whose token.
//!
//! The configuration names files that hold tokens, never the tokens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lanyard_doctor::Secret;
use serde::Deserialize;

use crate::fault::Fault;
use crate::options::Globals;

/// Where `cargo run` serves.
const LOCAL: &str = "http://127.0.0.1:8787/api";

/// The configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The profile that is meant unless another is named.
    default: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

/// A service, and what is known of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// Where it answers.
    pub(crate) address: Option<String>,
    /// A file with an organiser's token; relative to the configuration.
    pub(crate) token_file: Option<PathBuf>,
    /// The zone of events that name none.
    pub(crate) time_zone: Option<String>,
    /// How many environments Lambda may run at once.
    pub(crate) concurrency: Option<u64>,
    /// The address of the attendees' page.
    pub(crate) page: Option<String>,
    /// The deployed stack, for the doctor.
    pub(crate) stack: Option<String>,
    /// The stack's region.
    pub(crate) region: Option<String>,
}

impl Profile {
    /// The profile that the command line means: the named one, the default one, or none.
    pub(crate) fn read(globals: &Globals) -> Result<Self, Fault> {
        let file = globals.config.clone().or_else(usual_file);
        let text = match file.as_deref().map(std::fs::read_to_string) {
            Some(Ok(text)) => text,
            // A file that nobody named need not be there.
            Some(Err(fault)) => match &globals.config {
                Some(named) => return Err(unreadable(named, fault)),
                None => String::new(),
            },
            None => String::new(),
        };
        let file = file.unwrap_or_default();
        let mut config: Config = toml::from_str(&text)
            .map_err(|fault| Fault::Usage(format!("{}: {fault}", file.display())))?;
        let Some(name) = globals.profile.clone().or(config.default) else {
            return Ok(Self::default());
        };
        let known = config.profiles.keys().cloned().collect::<Vec<_>>().join(", ");
        let profile = config.profiles.remove(&name).ok_or_else(|| {
            Fault::Usage(format!("{} has no profile {name}. Profiles: {known}", file.display()))
        })?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let token_file = profile.token_file.map(|token| folder.join(token));
        Ok(Self { token_file, ..profile })
    }

    /// The address below which everything answers.
    pub(crate) fn base(&self, globals: &Globals) -> String {
        let address = globals.address.as_deref().or(self.address.as_deref()).unwrap_or(LOCAL);
        lanyard_doctor::base(address)
    }

    /// The organiser's token: a named file's, the environment's, the profile's, or the local
    /// service's own, which goes nowhere else.
    pub(crate) fn token(&self, globals: &Globals, base: &str) -> Result<Secret, Fault> {
        let is_near = is_loopback(base);
        if !base.starts_with("https://") && !is_near {
            return Err(Fault::NotAllowed(format!(
                "{base} does not use https, so the token is not sent."
            )));
        }
        if let Some(file) = &globals.token_file {
            return read_token(file);
        }
        if let Some(token) = &globals.token {
            return Ok(token.clone());
        }
        // A profile's token belongs to the profile's service.
        let is_profiles =
            globals.address.is_none() || self.address.as_deref() == globals.address.as_deref();
        if let (Some(file), true) = (&self.token_file, is_profiles) {
            return read_token(file);
        }
        let local = globals.data.join("organiser-token");
        if is_near && local.exists() {
            return read_token(&local);
        }
        Err(Fault::NotAllowed(format!(
            "There is no organiser token for {base}. Set LANYARD_ORGANISER_TOKEN, or use \
             --token-file or a profile. For the local service, set its data folder with --data."
        )))
    }
}

/// Whether an address is this machine's.
pub(crate) fn is_loopback(address: &str) -> bool {
    let host = reqwest::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    })
}

fn read_token(file: &Path) -> Result<Secret, Fault> {
    let text = std::fs::read_to_string(file).map_err(|fault| unreadable(file, fault))?;
    let Ok(token) = text.parse::<Secret>();
    Ok(token)
}

fn unreadable(file: &Path, fault: std::io::Error) -> Fault {
    Fault::failed(format_args!("{} cannot be read", file.display()), fault)
}

/// `lanyard/config.toml` where the XDG base directories say.
#[expect(clippy::disallowed_methods, reason = "these are the settings of the command line itself")]
fn usual_file() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    // The specification has relative paths ignored.
    let folder = named.filter(|path| path.is_absolute());
    let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".config")))?;
    Some(folder.join("lanyard/config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_near() {
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
        let refused = toml::from_str::<Config>("[profiles.oslo]\ntoken = \"secret\"\n");
        assert!(refused.unwrap_err().to_string().contains("unknown field `token`"));
    }
}
