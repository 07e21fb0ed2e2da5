//! The keys of deployments. The organisers' API writes them, and the proxied functions read them.
//!
//! On AWS they are SecureStrings in Parameter Store. Locally they are in a file that only its owner
//! may read. A key is never stored in the table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use aws_sdk_ssm::types::ParameterType;
use lanyard_administration::ports::KeyStore;
use lanyard_domain::credential::AzureKey;
use lanyard_gateway::ports::Cause;
use tokio::sync::Mutex;

/// Keys in AWS Systems Manager Parameter Store.
#[derive(Clone, Debug)]
pub struct ParameterKeys {
    /// The client.
    pub client: aws_sdk_ssm::Client,
    /// The path prefix of all keys, without a slash at its end.
    pub prefix: String,
}

impl ParameterKeys {
    fn name(&self, reference: &str) -> String {
        format!("{}/{reference}", self.prefix)
    }
}

#[async_trait]
impl KeyStore for ParameterKeys {
    async fn read(&self, reference: &str) -> Result<AzureKey, Cause> {
        let name = self.name(reference);
        let response = self.client.get_parameter().name(name).with_decryption(true).send().await?;
        let value = response.parameter.and_then(|parameter| parameter.value);
        value.as_deref().and_then(AzureKey::new).ok_or_else(|| "the parameter holds no key".into())
    }

    async fn write(&self, reference: &str, key: &AzureKey) -> Result<(), Cause> {
        let put = self.client.put_parameter().name(self.name(reference)).value(key.reveal());
        put.r#type(ParameterType::SecureString).overwrite(true).send().await?;
        Ok(())
    }

    async fn remove(&self, reference: &str) -> Result<(), Cause> {
        match self.client.delete_parameter().name(self.name(reference)).send().await {
            Ok(_) => Ok(()),
            Err(fault) => match fault.into_service_error() {
                fault if fault.is_parameter_not_found() => Ok(()),
                fault => Err(fault.into()),
            },
        }
    }
}

/// Keys in a JSON file of the data folder, or in memory if there is no file.
#[derive(Debug, Default)]
pub struct FileKeys {
    path: Option<PathBuf>,
    turn: Mutex<BTreeMap<String, String>>,
}

impl FileKeys {
    /// Keys in memory, which are lost when the process ends.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Keys in a file, which is created when the first key is written.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path: Some(path), turn: Mutex::default() }
    }

    async fn load(&self, keys: &mut BTreeMap<String, String>) -> Result<(), Cause> {
        let Some(path) = &self.path else { return Ok(()) };
        match tokio::fs::read(path).await {
            Ok(bytes) => *keys = serde_json::from_slice(&bytes)?,
            Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => keys.clear(),
            Err(fault) => return Err(fault.into()),
        }
        Ok(())
    }

    async fn save(&self, keys: &BTreeMap<String, String>) -> Result<(), Cause> {
        let Some(path) = &self.path else { return Ok(()) };
        write_private(path, &serde_json::to_vec_pretty(keys)?).await?;
        Ok(())
    }
}

/// Writes a file atomically. Only its owner may read it.
///
/// # Errors
///
/// Those of the file system.
pub async fn write_private(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use tokio::io::AsyncWriteExt;
    let draft = path.with_extension("draft");
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let mut file = options.open(&draft).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    tokio::fs::rename(draft, path).await
}

#[async_trait]
impl KeyStore for FileKeys {
    async fn read(&self, reference: &str) -> Result<AzureKey, Cause> {
        let mut keys = self.turn.lock().await;
        self.load(&mut keys).await?;
        let key = keys.get(reference).and_then(|text| AzureKey::new(text));
        key.ok_or_else(|| "there is no key for this deployment".into())
    }

    async fn write(&self, reference: &str, key: &AzureKey) -> Result<(), Cause> {
        let mut keys = self.turn.lock().await;
        self.load(&mut keys).await?;
        keys.insert(reference.to_owned(), key.reveal().to_owned());
        self.save(&keys).await
    }

    async fn remove(&self, reference: &str) -> Result<(), Cause> {
        let mut keys = self.turn.lock().await;
        self.load(&mut keys).await?;
        keys.remove(reference);
        self.save(&keys).await
    }
}
