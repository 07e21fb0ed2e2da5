"""Deploys a release with `lanyard deploy` and the real `aws` command to moto's AWS, changes it, and removes it. Then gives
the commands of docs/deploying.md that do the same without AWS.

    python tests/template/deployed.py LANYARD      the built command; needs `aws` beside this Python

The packages have no programs, because nothing here runs them. What moto does not do is in LEFT_OUT and REMAINS, each
with its reason; anything else that is missing is a fault.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from cloud import Cloud, conditioned, expanded

import boto3

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))
import release  # noqa: E402

REGION, ACCOUNT, STACK = "eu-north-1", "123456789012", "oslo"
BUCKET = f"{STACK}-packages-{ACCOUNT}-{REGION}"

# Types that moto's CloudFormation does not know: it passes over them.
LEFT_OUT = {
    "AWS::CloudWatch::Alarm": "moto knows it by calls only",
    "AWS::ApiGateway::Stage": "moto makes a stage with its deployment only",
    "AWS::Lambda::EventInvokeConfig": "moto runs no function, so nothing is tried again",
    "AWS::ApiGateway::DomainName": "moto knows it by calls only",
    "AWS::ApiGateway::BasePathMapping": "moto knows it by calls only",
}
# Types that moto creates and does not delete with the stack.
REMAINS = {"AWS::ApiGateway::RestApi", "AWS::ApiGateway::Deployment", "AWS::IAM::ManagedPolicy"}

# Parameters that switch every conditional resource on.
EVERYTHING = {"AlarmEmail": "alarms@example.org", "AccessLog": "true", "Tracing": "true",
              "AzureIdentity": "true", "AdminConcurrency": "5", "LogRetentionDays": "7",
              "EncryptionKey": f"arn:aws:kms:{REGION}:123456789012:key/1b2c3d4e-0000-4000-8000-000000000001"}


class Deployment:
    """An organiser's machine."""

    def __init__(self, lanyard, cloud, folder):
        self.lanyard, self.cloud, self.folder = lanyard, cloud, folder
        self.environment = {
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder),
            "AWS_ENDPOINT_URL": cloud.url, "AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret",
        }
        key = {"aws_access_key_id": "an-id", "aws_secret_access_key": "a-secret"}
        self.client = lambda service: boto3.client(service, region_name=REGION, endpoint_url=cloud.url, **key)

    def run(self, *arguments, exit=0):
        """Runs `lanyard`; its data, and what it says."""
        command = [self.lanyard, *arguments, "--stack-name", STACK, "--region", REGION, "--interval-ms", "50", "--json"]
        begun = time.monotonic()
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False,
                              cwd=self.folder, timeout=300)
        print(f"{time.monotonic() - begun:5.1f} s  lanyard {' '.join(arguments)[:100]}")
        expect(done.returncode == exit, f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout else None, done.stderr

    def resources(self):
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
        return {one["LogicalResourceId"]: one for page in pages for one in page["StackResourceSummaries"]}

    def digests(self):
        functions = self.client("lambda").get_paginator("list_functions").paginate()
        return {one["FunctionName"]: one["CodeSha256"] for page in functions for one in page["Functions"]}


def expect(holds, problem):
    if not holds:
        sys.exit(problem)


def packed(folder, name, changed=""):
    """A release with packages of no program, and the digest of each package for Lambda."""
    names = sorted(path.parent.name for path in ROOT.glob("functions/*/Cargo.toml"))
    binaries = {name: f"{name}{' changed' if name == changed else ''}".encode() for name in names}
    bills = {f"{name}.cdx.json": b"{}" for name in names}
    files = release.files(binaries, bills, "arm64")
    archive = folder / f"{name}.tar.gz"
    archive.write_bytes(release.packed(name, files))
    packages = {path.rsplit("-", 1)[0].removeprefix("packages/"): content
                for path, content in files.items() if path.startswith("packages/")}
    return archive, files["template.yaml"].decode(), {
        f"{STACK}-{name}": base64.b64encode(hashlib.sha256(content).digest()).decode()
        for name, content in packages.items()}


def check_resources(deployment, template, parameters):
    """Every resource is there and complete, apart from those that moto does not know."""
    there = deployment.resources()
    wanted = conditioned(expanded(template), parameters)["Resources"]
    for name, kind in ((name, resource["Type"]) for name, resource in wanted.items()):
        if kind in LEFT_OUT:
            continue
        expect(name in there and there[name]["ResourceType"] == kind, f"{name} ({kind}) was not created: {there.get(name)}")
        status = there[name]["ResourceStatus"]
        expect(status.endswith("_COMPLETE"), f"{name} ({kind}) is {status}")
    known = {one["ResourceType"] for one in there.values()}
    expect(not known & set(LEFT_OUT), f"moto knows more than LEFT_OUT says: {known & set(LEFT_OUT)}")
    return len([one for one in there.values() if one["ResourceType"]])


def check_bucket(deployment):
    client = deployment.client("s3")
    block = client.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    expect(len(block) == 4 and all(block.values()), f"the bucket is not private: {block}")
    rules = client.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    expect(rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256", f"not encrypted: {rules}")


def main(lanyard):
    with Cloud() as cloud, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        deployment = Deployment(os.path.abspath(lanyard), cloud, folder)
        archive, template, digests = packed(folder, "lanyard-1-packages-arm64")

        # The only archive of the folder is found.
        said, messages = deployment.run("deploy")
        expect(said["organiser_token"] == "lanyard_1" and said["address"].endswith("/api"), f"{said}")
        expect(f"Uploaded {len(digests)} of {len(digests)} packages" in messages, messages)
        expect(deployment.digests() == digests, "functions have other packages than the release")
        created = check_resources(deployment, template, {})
        check_bucket(deployment)

        said, messages = deployment.run("deploy")
        expect("is up to date" in messages and said["organiser_token"] is None, f"{said} {messages}")
        expect(f"Uploaded 0 of {len(digests)} packages" in messages, messages)

        # A newer release with one changed function, and every switch on.
        newer, template, digests = packed(folder, "lanyard-2-packages-arm64", changed="models")
        named = [f"--parameter={name}={value}" for name, value in EVERYTHING.items()]
        said, messages = deployment.run("deploy", "--packages", str(newer), *named)
        expect(f"Uploaded 1 of {len(digests)} packages" in messages, messages)
        expect(deployment.digests() == digests, "the changed function has its old package, or another is changed")
        switched_on = check_resources(deployment, template, EVERYTHING)
        expect(switched_on > created, "no conditional resource was created")

        # Parameters that are not named stay.
        said, messages = deployment.run("deploy", "--packages", str(newer), "--parameter=LogLevel=warn", "--new-token")
        expect(said["organiser_token"] == "lanyard_2", f"{said}")
        parameters = deployment.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Parameters"]
        parameters = {one["ParameterKey"]: one["ParameterValue"] for one in parameters}
        wanted = EVERYTHING | {"LogLevel": "warn", "CodeBucket": BUCKET}
        expect(wanted.items() <= parameters.items(), f"{parameters} has not all of {wanted}")

        deployment.client("ssm").put_parameter(Name=f"/lanyard/{STACK}/azure-keys/main/a/main", Value="a-key",
                                               Type="SecureString")
        said, _ = deployment.run("destroy", exit=2)
        expect(deployment.digests(), "it was deleted without a confirmation")
        said, messages = deployment.run("destroy", "--yes")
        check_gone(deployment, said)
    check_documented(os.path.abspath(lanyard))
    print(f"{created} resources, {switched_on} with every switch on: created, updated and deleted by moto. It does not "
          f"know {', '.join(sorted(LEFT_OUT))}")


def check_documented(lanyard):
    """The commands of "Try it without AWS" work as they are printed, next to what `make moto` starts."""
    page = (ROOT / "docs/deploying.md").read_text()
    part = page.split("\n## Try it without AWS\n")[1].split("\n## ")[0]
    version = re.search(r"^moto==(\S+)", (ROOT / ".ci/requirements-moto.txt").read_text(), re.MULTILINE)[1]
    expect(f"version {version}," in part, f"the page names another version of moto than {version}")
    begin, *commands = [block.split("```")[0] for block in part.split("```shell\n")[1:]]
    expect(begin == "make moto\n", f"another command than is run here: {begin}")
    server = subprocess.Popen([sys.executable, ROOT / "tests/template/serve.py", "0"], stdout=subprocess.PIPE, text=True)
    try:
        address = re.search(r"http://127.0.0.1:\d+", server.stdout.readline())[0]
        # The built command, and the port of this server.
        script = "".join(commands).replace("cargo run -p lanyard-cli --", lanyard).replace("http://127.0.0.1:5000", address)
        begun = time.monotonic()
        done = subprocess.run(["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
        print(f"{time.monotonic() - begun:5.1f} s  the commands of docs/deploying.md")
        expect(done.returncode == 0, f"{script} ended with {done.returncode}: {done.stdout}{done.stderr}")
    finally:
        server.terminate()
        server.wait()


def check_gone(deployment, said):
    """The stack and the bucket are gone, and the data is kept."""
    stacks = deployment.client("cloudformation").list_stacks()["StackSummaries"]
    expect([one["StackStatus"] for one in stacks] == ["DELETE_COMPLETE"], f"{stacks}")
    expect(not deployment.digests(), "functions are left")
    for service, call, field in [("iam", "list_roles", "Roles"), ("logs", "describe_log_groups", "logGroups"),
                                 ("sns", "list_topics", "Topics"), ("events", "list_rules", "Rules"),
                                 ("s3", "list_buckets", "Buckets")]:
        left = getattr(deployment.client(service), call)()[field]
        expect(not left, f"{service} has {left}")
    [table] = deployment.client("dynamodb").list_tables()["TableNames"]
    expect(said["bucket_deleted"] and not said["data_deleted"], f"{said}")
    kept = "\n".join(said["kept"])
    expect(table in kept and "1 keys of Azure" in kept, kept)
    expect(deployment.client("ssm").describe_parameters()["Parameters"], "the key is gone")


if __name__ == "__main__":
    main(*sys.argv[1:])
