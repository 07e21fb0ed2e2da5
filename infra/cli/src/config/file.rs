//! The configuration file, changed in place: comments and the order of settings stay.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::error::CliError;
use crate::globals::Globals;
use crate::profile;

/// The profile of a new file.
const FIRST: &str = "default";

/// The configuration file.
pub(crate) struct ConfigFile {
    path: PathBuf,
    document: DocumentMut,
}

impl ConfigFile {
    /// Reads the file. One that does not exist is empty.
    pub(crate) fn open(globals: &Globals) -> Result<Self, CliError> {
        let path = profile::path(globals).ok_or_else(|| {
            CliError::Usage(
                "There is no home directory, so the configuration file needs --config".to_owned(),
            )
        })?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(cannot(&path, "read", error)),
        };
        let document = text.parse::<DocumentMut>();
        let document =
            document.map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?;
        Ok(Self { path, document })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all profiles.
    pub(super) fn profiles(&self) -> Vec<String> {
        let profiles = self.document.get("profiles").and_then(Item::as_table_like);
        profiles.into_iter().flat_map(|all| all.iter().map(|(name, _)| name.to_owned())).collect()
    }

    /// The profile that a command without `--profile` uses.
    fn default_name(&self) -> Option<&str> {
        self.document.get("default").and_then(Item::as_str)
    }

    /// The profile that a command is about.
    pub(crate) fn profile_name(&self, globals: &Globals) -> String {
        let named = globals.profile.as_deref().or(self.default_name());
        named.unwrap_or(FIRST).to_owned()
    }

    /// A setting of a profile, as text.
    pub(super) fn get(&self, profile: &str, setting: &str) -> Option<String> {
        let value = self.document.get("profiles")?.get(profile)?.get(setting)?.as_value()?;
        Some(value.as_str().map_or_else(|| value.to_string().trim().to_owned(), str::to_owned))
    }

    /// Sets a setting, and makes the first profile the default.
    pub(crate) fn set(
        &mut self,
        profile: &str,
        setting: &str,
        value: Value,
    ) -> Result<(), CliError> {
        if self.default_name().is_none() {
            put(self.document.as_table_mut(), "default", profile.into());
        }
        let malformed = || CliError::Usage(format!("profiles.{profile} must be a table"));
        let profiles = self.document.entry("profiles").or_insert_with(|| implicit().into());
        let profiles = profiles.as_table_like_mut().ok_or_else(malformed)?;
        let table = profiles.entry(profile).or_insert_with(|| Table::new().into());
        let table = table.as_table_like_mut().ok_or_else(malformed)?;
        put(table, setting, value);
        Ok(())
    }

    pub(super) fn unset(&mut self, profile: &str, setting: &str) {
        let table = self.document.get_mut("profiles").and_then(|all| all.get_mut(profile));
        if let Some(table) = table.and_then(Item::as_table_like_mut) {
            table.remove(setting);
        }
    }

    /// Makes a profile the default.
    pub(crate) fn set_default(&mut self, profile: &str) -> Result<(), CliError> {
        let known = self.profiles();
        if !known.iter().any(|name| name == profile) {
            return Err(CliError::Usage(format!(
                "There is no profile {profile}. Profiles: {}",
                known.join(", ")
            )));
        }
        put(self.document.as_table_mut(), "default", profile.into());
        Ok(())
    }

    /// Removes a profile. Returns the file of its token.
    pub(crate) fn remove(&mut self, profile: &str) -> Option<PathBuf> {
        let token = self.get(profile, "token_file");
        let profiles = self.document.get_mut("profiles").and_then(Item::as_table_like_mut);
        profiles.and_then(|all| all.remove(profile))?;
        if self.default_name() == Some(profile) {
            self.document.remove("default");
        }
        Some(self.beside(&token?))
    }

    /// A path that is relative to the file.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(name)
    }

    /// Writes the file, all of it or nothing.
    pub(crate) fn save(&self) -> Result<(), CliError> {
        write_private(&self.path, self.document.to_string().as_bytes())
    }
}

/// Sets a value, and keeps the comments around the one before.
fn put(table: &mut dyn TableLike, name: &str, mut value: Value) {
    match table.get_mut(name) {
        Some(item) => {
            if let Some(before) = item.as_value() {
                *value.decor_mut() = before.decor().clone();
            }
            *item = Item::Value(value);
        }
        None => {
            table.insert(name, Item::Value(value));
        }
    }
}

/// A table without a heading of its own: only its profiles have one.
fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// Writes a file that only this user can read. A reader sees the old content or the new one.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<(), CliError> {
    let failed = |error| cannot(path, "written", error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&new).and_then(|mut file| file.write_all(content));
    written.and_then(|()| fs::rename(&new, path)).map_err(failed)
}

fn cannot(path: &Path, what: &str, error: std::io::Error) -> CliError {
    CliError::failed(format_args!("{} cannot be {what}", path.display()), error)
}
