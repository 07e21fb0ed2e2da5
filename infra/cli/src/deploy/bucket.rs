//! The bucket that Lambda and CloudFormation read packages from: private and encrypted, in the
//! organiser's own account.

use lanyard_doctor::{AwsError, AwsFailure};
use serde_json::json;

use super::release::Release;
use crate::aws::{Account, is_denied, refused};
use crate::error::CliError;
use crate::output::Output;

/// The tag of a bucket that `deploy` made; its value is the stack's name.
const TAG: &str = "lanyard-stack";

/// A bucket, and whether it is there.
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) exists: bool,
}

impl Bucket {
    /// Looks for a bucket of this account.
    pub(crate) async fn find(account: &Account, name: String) -> Result<Self, CliError> {
        let arguments =
            ["s3api", "head-bucket", "--bucket", &name, "--expected-bucket-owner", &account.id];
        match account.aws.explained(&arguments).await {
            Ok(_) => Ok(Self { name, exists: true }),
            Err(AwsFailure { error: AwsError::Code(code), .. }) if is_missing(&code) => {
                Ok(Self { name, exists: false })
            }
            Err(AwsFailure { error: AwsError::Code(code), .. }) if is_denied(&code) => {
                Err(CliError::Failed(format!(
                    "The bucket {name} belongs to another account, or your identity may not read \
                     it. Names of buckets are unique among all accounts: choose another one with \
                     --bucket NAME, or leave --bucket out."
                )))
            }
            Err(AwsFailure { error: AwsError::Code(code), .. })
                if ["301", "400", "PermanentRedirect"].contains(&&*code) =>
            {
                Err(CliError::Failed(format!(
                    "The bucket {name} is in another region than {}. Lambda reads packages of \
                     its own region only: choose another bucket, or leave --bucket out.",
                    account.region
                )))
            }
            Err(failure) => Err(refused(&format!("The bucket {name} cannot be read"), failure)),
        }
    }

    /// Makes the bucket, if it is not there.
    pub(crate) async fn make(&self, account: &Account, output: &Output) -> Result<(), CliError> {
        if self.exists {
            return Ok(());
        }
        output.say(&format!("Creating the bucket {}.", self.name));
        let what = format!("The bucket {} cannot be created", self.name);
        let place = format!("LocationConstraint={}", account.region);
        let mut create = vec!["s3api", "create-bucket", "--bucket", &self.name];
        // S3 knows its first region by no name.
        if account.region != "us-east-1" {
            create.extend(["--create-bucket-configuration", &place]);
        }
        account.call(&what, &create).await?;
        let all = "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,\
                   RestrictPublicBuckets=true";
        let encryption = json!({"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}},
        ]});
        let tags = json!({"TagSet": [
            {"Key": "service", "Value": "lanyard"}, {"Key": TAG, "Value": account.stack},
        ]});
        let (encryption, tags) = (encryption.to_string(), tags.to_string());
        for [call, option, value] in [
            ["put-bucket-tagging", "--tagging", tags.as_str()],
            ["put-public-access-block", "--public-access-block-configuration", all],
            ["put-bucket-encryption", "--server-side-encryption-configuration", &encryption],
        ] {
            account.call(&what, &["s3api", call, "--bucket", &self.name, option, value]).await?;
        }
        Ok(())
    }

    /// Uploads the packages that the bucket does not have, and the template. Returns its URL.
    pub(crate) async fn upload(
        &self,
        account: &Account,
        release: &Release,
        output: &Output,
    ) -> Result<String, CliError> {
        let folder = release.packages_folder();
        let folder = folder.to_string_lossy();
        let target = format!("s3://{}/lanyard/", self.name);
        // A name has the digest of its content, so the same size under the same name is the same.
        let sync = ["s3", "sync", &folder, &target, "--size-only", "--no-progress"];
        let bar = output.progress(release.packages, "packages");
        let sent = account.aws.lines(&sync, |line| {
            if line.starts_with("upload:") {
                bar.inc(1);
            }
        });
        let sent = sent.await;
        let uploaded = bar.position();
        bar.finish_and_clear();
        sent.map_err(|failure| refused("The packages cannot be uploaded", failure))?;
        output.say(&format!("Uploaded {uploaded} of {} packages.", release.packages));
        let (file, key) = (release.template_file(), release.template_key());
        let body = file.to_string_lossy();
        let put = ["s3api", "put-object", "--bucket", &self.name, "--key", &key, "--body", &body];
        account.call("The template cannot be uploaded", &put).await?;
        let suffix = if account.region.starts_with("cn-") { ".cn" } else { "" };
        let host = format!("s3.{}.amazonaws.com{suffix}", account.region);
        Ok(format!("https://{}.{host}/{key}", self.name))
    }

    /// Deletes the bucket with all packages, if `deploy` made it for this stack. Whether it did.
    pub(crate) async fn delete(&self, account: &Account) -> Result<bool, CliError> {
        if !self.exists || !self.is_ours(account).await {
            return Ok(false);
        }
        let what = format!("The bucket {} cannot be deleted", self.name);
        let all = format!("s3://{}", self.name);
        let empty = ["s3", "rm", &all, "--recursive", "--quiet"];
        account.aws.lines(&empty, |_| {}).await.map_err(|failure| refused(&what, failure))?;
        account.call(&what, &["s3api", "delete-bucket", "--bucket", &self.name]).await?;
        Ok(true)
    }

    /// Whether `deploy` made the bucket for this stack. A bucket whose tags cannot be read is not.
    async fn is_ours(&self, account: &Account) -> bool {
        let tags = ["s3api", "get-bucket-tagging", "--bucket", &self.name];
        let Ok(tags) = account.aws.explained(&tags).await else { return false };
        let tags = tags["TagSet"].as_array().cloned().unwrap_or_default();
        tags.iter().any(|tag| tag["Key"] == TAG && tag["Value"] == *account.stack)
    }
}

fn is_missing(code: &str) -> bool {
    ["404", "NotFound", "NoSuchBucket"].contains(&code)
}
