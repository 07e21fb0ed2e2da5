//! The folder that keeps the table, the keys and the organiser's token between runs.
//!
//! It holds secrets, so only its owner may enter it. One service at a time uses it: two would each
//! write the table and the keys as if they were alone.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Only the owner may read and write a file, and enter a folder.
const FILE: u32 = 0o600;
const FOLDER: u32 = 0o700;

/// The table. SQLite gives the journals beside it the same permissions.
const TABLE: &str = "table.db";

/// Everything that a run leaves here. A folder may hold files that are not ours.
const OURS: [&str; 8] = [
    TABLE,
    "table.db-journal",
    "table.db-shm",
    "table.db-wal",
    "azure-keys.json",
    "azure-keys.draft",
    "organiser-token",
    "organiser-token.draft",
];

/// A folder that is locked until this is dropped.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder unless it exists, closes it to others and locks it.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made or closed, or another service uses it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(FOLDER)
            .create(path)
            .with_context(|| format!("the data folder {shown} cannot be made"))?;
        fs::set_permissions(path, Permissions::from_mode(FOLDER))
            .with_context(|| format!("the data folder {shown} cannot be closed to others"))?;
        let lock = private(&path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another service uses the data folder {shown}. Stop it, or choose another folder \
                 with --data"
            ),
            Err(TryLockError::Error(fault)) => {
                return Err(fault)
                    .with_context(|| format!("the data folder {shown} cannot be locked"));
            }
        }
        private(&path.join(TABLE))?;
        // Earlier versions left files that others could read.
        for name in OURS {
            close(&path.join(name))?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The file of the table.
    pub(crate) fn table(&self) -> PathBuf {
        self.path.join(TABLE)
    }
}

/// Opens a file for writing and leaves its content. Nobody else may read it from the start.
fn private(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(FILE)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn close(path: &Path) -> Result<()> {
    match fs::set_permissions(path, Permissions::from_mode(FILE)) {
        Ok(()) => Ok(()),
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(()),
        Err(fault) => {
            Err(fault).with_context(|| format!("{} cannot be closed to others", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_of_an_earlier_version_is_closed_to_others() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        fs::create_dir(&path).unwrap();
        let open = |name: &str, mode: u32| {
            let file = path.join(name);
            fs::write(&file, "{}").unwrap();
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        };
        open("azure-keys.json", 0o644);
        open("table.db-wal", 0o664);
        open("run.sh", 0o755);
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let _folder = DataFolder::open(&path).unwrap();
        assert_eq!(mode(&path), FOLDER);
        for name in ["azure-keys.json", "table.db", "table.db-wal", "lock"] {
            assert_eq!(mode(&path.join(name)), FILE, "{name}");
        }
        assert_eq!(mode(&path.join("run.sh")), 0o755, "it is not ours");
        assert_eq!(fs::read(path.join("azure-keys.json")).unwrap(), b"{}");
    }

    #[test]
    fn files_of_the_engine_are_not_readable_by_others() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep").join("data");
        let folder = DataFolder::open(&path).unwrap();
        let engine = crate::engine::open(Some(&folder.table())).unwrap();
        assert_eq!(engine.database().table_count().unwrap(), 0);
        for entry in fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap().path();
            assert_eq!(mode(&entry), FILE, "{}", entry.display());
        }
    }

    #[test]
    fn a_second_service_on_the_same_folder_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let folder = DataFolder::open(&path).unwrap();
        let second = DataFolder::open(&path).unwrap_err().to_string();
        assert!(second.contains("another service uses the data folder"), "{second}");
        drop(folder);
        DataFolder::open(&path).unwrap();
    }
}
