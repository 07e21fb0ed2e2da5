//! A release on disk: the template and a package for each function, with their digests.
//!
//! `infra/release.py` writes it. A package's name has its digest, so a bucket holds many releases,
//! and a function changes exactly if its package does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::error::CliError;

/// The list of a release's files.
const LIST: &str = "release.json";

/// A release whose files are those of its list.
pub(crate) struct Release {
    pub(crate) version: String,
    pub(crate) architecture: String,
    folder: PathBuf,
    /// The digest of the template.
    template: String,
    /// The number of packages.
    pub(crate) packages: usize,
    /// The size of all packages.
    pub(crate) bytes: u64,
    /// Where an archive was unpacked, until the end.
    _unpacked: Option<TempDir>,
}

/// `release.json`
#[derive(Deserialize)]
struct List {
    version: String,
    architecture: String,
    /// SHA-256 of each file, by its path.
    files: BTreeMap<String, String>,
}

impl Release {
    /// Opens a folder or an archive, and compares every file with its digest.
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        if path.is_dir() {
            return Self::read(path, None);
        }
        if !path.exists() {
            return Err(CliError::Usage(format!("There is no {}.", path.display())));
        }
        let unpacked = unpack(path)?;
        let folder = top(unpacked.path());
        Self::read(&folder, Some(unpacked))
    }

    fn read(folder: &Path, unpacked: Option<TempDir>) -> Result<Self, CliError> {
        let shown = folder.display();
        let text = fs::read_to_string(folder.join(LIST)).map_err(|_| {
            CliError::Usage(format!(
                "{shown} is not a release of Lanyard: it has no {LIST}. Download \
                 lanyard-VERSION-packages-arm64.tar.gz of a release and name it with --packages, \
                 or make it from the sources with `make release`."
            ))
        })?;
        let list: List = serde_json::from_str(&text)
            .map_err(|error| CliError::failed(format_args!("{shown}/{LIST}"), error))?;
        let (mut packages, mut bytes) = (0, 0);
        for (name, wanted) in &list.files {
            let content = fs::read(folder.join(name)).unwrap_or_default();
            if *wanted != digest(&content) {
                return Err(CliError::Failed(format!(
                    "{name} of {shown} is missing or damaged: it has not the digest of {LIST}. \
                     Download the release again."
                )));
            }
            if name.starts_with("packages/") {
                packages += 1;
                bytes += u64::try_from(content.len()).unwrap_or(u64::MAX);
            }
        }
        let template = list.files.get("template.yaml").cloned().filter(|_| packages > 0);
        let template = template.ok_or_else(|| {
            CliError::Failed(format!("{shown}/{LIST} names no template or no packages."))
        })?;
        Ok(Self {
            version: list.version,
            architecture: list.architecture,
            folder: folder.to_owned(),
            template,
            packages,
            bytes,
            _unpacked: unpacked,
        })
    }

    /// The release beside this command or in this folder, if there is exactly one.
    pub(crate) fn find(folders: &[PathBuf]) -> Result<PathBuf, CliError> {
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in folders {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let paths = entries.map(|entry| entry.path()).filter(|path| is_release(path));
            found.extend(paths);
        }
        found.sort();
        found.dedup();
        // An archive that was unpacked beside itself is one release.
        let folders: Vec<_> = found.iter().filter(|path| path.is_dir()).cloned().collect();
        let is_unpacked = |path: &PathBuf| {
            let name = path.to_string_lossy();
            let name = name.trim_end_matches(".tar.gz");
            !path.is_dir() && folders.contains(&PathBuf::from(name))
        };
        found.retain(|path| !is_unpacked(path));
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(CliError::Usage(
                "No packages were found in this folder or beside this command. Download \
                 lanyard-VERSION-packages-arm64.tar.gz of a release and name it with --packages."
                    .to_owned(),
            )),
            several => {
                let names: Vec<_> = several.iter().map(|path| path.display().to_string()).collect();
                Err(CliError::Usage(format!(
                    "There are several releases: {}. Choose one with --packages.",
                    names.join(", ")
                )))
            }
        }
    }

    pub(crate) fn packages_folder(&self) -> PathBuf {
        self.folder.join("packages")
    }

    pub(crate) fn template_file(&self) -> PathBuf {
        self.folder.join("template.yaml")
    }

    /// The key of the template in the bucket.
    pub(crate) fn template_key(&self) -> String {
        let begin = self.template.get(..16).unwrap_or(&self.template);
        format!("lanyard/template-{begin}.yaml")
    }
}

/// Whether a file or a folder has the name of a release's packages.
fn is_release(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_form = if path.is_dir() { path.join(LIST).exists() } else { name.ends_with(".tar.gz") };
    name.starts_with("lanyard-") && name.contains("-packages-") && is_form
}

/// Unpacks an archive with the system's `tar`.
fn unpack(archive: &Path) -> Result<TempDir, CliError> {
    let cannot = |why: String| {
        CliError::failed(format_args!("{} cannot be unpacked", archive.display()), why)
    };
    let folder = tempfile::tempdir().map_err(|error| cannot(error.to_string()))?;
    let mut tar = Command::new("tar");
    tar.arg("-xf").arg(archive).arg("-C").arg(folder.path());
    let output = tar.output().map_err(|error| cannot(error.to_string()))?;
    match output.status.success() {
        true => Ok(folder),
        false => Err(cannot(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// The folder of the list: this one, or the only one in it.
fn top(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut below = entries.map(|entry| entry.path()).filter(|path| path.join(LIST).exists());
    below.next().filter(|_| !folder.join(LIST).exists()).unwrap_or_else(|| folder.to_owned())
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path) {
        fs::create_dir_all(folder.join("packages")).unwrap();
        fs::write(folder.join("template.yaml"), "Resources: {}").unwrap();
        fs::write(folder.join("packages/models-1.zip"), "a package").unwrap();
        let files: BTreeMap<_, _> = ["template.yaml", "packages/models-1.zip"]
            .into_iter()
            .map(|name| (name, digest(&fs::read(folder.join(name)).unwrap())))
            .collect();
        let list = serde_json::json!({
            "version": "0.1.0", "architecture": "arm64", "files": files,
        });
        fs::write(folder.join(LIST), list.to_string()).unwrap();
    }

    fn text(result: Result<impl Sized, CliError>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_release_is_read_from_a_folder_and_from_an_archive() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("lanyard-0.1.0-packages-arm64");
        write(&folder);
        let archive = place.path().join("lanyard-0.1.0-packages-arm64.tar.gz");
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(&archive).arg("-C").arg(place.path());
        assert!(tar.arg("lanyard-0.1.0-packages-arm64").status().unwrap().success());

        for path in [&folder, &archive] {
            let release = Release::open(path).unwrap();
            assert_eq!((release.packages, release.bytes), (1, 9));
            assert_eq!((&*release.version, &*release.architecture), ("0.1.0", "arm64"));
            assert!(release.packages_folder().join("models-1.zip").exists());
            assert!(release.template_file().exists());
        }
        assert_eq!(Release::find(&[place.path().to_owned()]).unwrap(), folder);
        write(&place.path().join("lanyard-0.1.0-packages-x86_64"));
        assert!(text(Release::find(&[place.path().to_owned()])).contains("several releases"));
    }

    #[test]
    fn a_changed_package_and_another_folder_are_refused() {
        let place = tempfile::tempdir().unwrap();
        write(place.path());
        fs::write(place.path().join("packages/models-1.zip"), "b package").unwrap();
        let refused = text(Release::open(place.path()));
        assert!(refused.contains("packages/models-1.zip") && refused.contains("damaged"));

        let empty = tempfile::tempdir().unwrap();
        assert!(text(Release::open(empty.path())).contains("is not a release of Lanyard"));
        assert!(text(Release::open(&empty.path().join("none"))).contains("There is no"));
        assert!(text(Release::find(&[empty.path().to_owned()])).contains("--packages"));
    }
}
