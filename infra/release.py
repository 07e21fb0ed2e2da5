#!/usr/bin/env python3
"""Packs what `.ci/run package` built into one archive that `lanyard deploy` takes.

    infra/release.py arm64 [OUT]      after ARCHITECTURE=arm64 .ci/run package; OUT is dist unless named
    infra/release.py --version        prints the version of the workspace
    infra/release.py --notes          prints the changes of that version

The archive has the template with the packages' keys, a zip for each function, a list of what each contains (CycloneDX),
the licences of third-party crates, and release.json with the digest of each file. The same binaries give the same
archive, byte for byte.

The template is SAM's, with places in a bucket instead of folders. AWS expands it, so that deploying needs no SAM. The
bucket is a parameter; a package's key has its digest, because CloudFormation compares keys, not contents.
"""

import gzip
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = ROOT / ".aws-sam/build"
ARCHITECTURES = ["arm64", "x86_64"]
# The first moment that a zip can name.
EPOCH = (1980, 1, 1, 0, 0, 0)
BUCKET = """\
  CodeBucket:
    Description: The bucket of the packages, in this region. `lanyard deploy` creates one.
    Type: String
"""


def main(architecture, out="dist"):
    if architecture not in ARCHITECTURES:
        sys.exit(f"{architecture} is none of {', '.join(ARCHITECTURES)}")
    binaries = {name_of(folder): (folder / "bootstrap").read_bytes() for folder in BUILT.iterdir() if folder.is_dir()}
    bills = {path.name: path.read_bytes() for path in (BUILT.parent / "sbom").glob("*.cdx.json")}
    if {name.removesuffix(".cdx.json") for name in bills} != set(binaries):
        sys.exit("there is not one list of contents for each function: run `.ci/run package` first")
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    archive = out / f"{title(architecture)}.tar.gz"
    archive.write_bytes(packed(title(architecture), files(binaries, bills, architecture)))
    print(archive)


def title(architecture):
    return f"lanyard-{version()}-packages-{architecture}"


def version():
    return re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]


def notes():
    """The part of the change log about this version."""
    parts = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.M)
    [part] = [part for part in parts if part.startswith(f"[{version()}]") or part.startswith(f"{version()} ")]
    return part.split("\n", 1)[1].strip()


def files(binaries, bills, architecture):
    """Every file of a release by its path, for binaries by the name of their function."""
    packages = {name: zipped(binary) for name, binary in sorted(binaries.items())}
    keys = {name: f"{name}-{digest(package)[:16]}.zip" for name, package in packages.items()}
    found = {f"packages/{keys[name]}": package for name, package in packages.items()}
    found["template.yaml"] = template((ROOT / "template.yaml").read_text(), keys, architecture).encode()
    found |= {f"sbom/{name}": bill for name, bill in bills.items()}
    found["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    found["THIRD-PARTY-LICENCES.txt"] = licences()
    listed = {path: digest(content) for path, content in sorted(found.items())}
    about = {"version": version(), "architecture": architecture, "files": listed}
    found["release.json"] = (json.dumps(about, indent=2) + "\n").encode()
    return found


def licences():
    """The licences of the crates that are compiled into the functions."""
    return subprocess.run([ROOT / "infra/licences.py", "--functions"], check=True, stdout=subprocess.PIPE).stdout


def template(text, keys, architecture):
    """The template whose functions are in a bucket, for one processor."""
    def place(match):
        return (f"      CodeUri:\n        Bucket: !Ref CodeBucket\n        Key: lanyard/{keys.pop(match[1])}\n")

    keys = dict(keys)
    text = re.sub(r"^      CodeUri: functions/([a-z-]+)\n", place, text, flags=re.M)
    if keys:
        sys.exit(f"the template has no function for {', '.join(keys)}")
    # How SAM builds a function says nothing about one that is built.
    text = re.sub(r"^    Metadata:\n      BuildMethod: .*\n      BuildProperties: .*\n", "", text, flags=re.M)
    for before, after in [
        ("\nParameters:\n", f"\nParameters:\n{BUCKET}"),
        ("Parameters: [Architecture, ", "Parameters: [CodeBucket, Architecture, "),
        ("    Default: arm64\n    AllowedValues: [arm64, x86_64]\n",
         f"    Default: {architecture}\n    AllowedValues: [{architecture}]\n"),
        ("sam delete --region ${AWS::Region} --stack-name ${AWS::StackName}",
         "lanyard destroy --region ${AWS::Region} --stack-name ${AWS::StackName}"),
    ]:
        if text.count(before) != 1:
            sys.exit(f"template.yaml has not one {before.strip()!r}")
        text = text.replace(before, after)
    return text


def zipped(binary):
    """A package for Lambda: one file that may be executed."""
    entry = zipfile.ZipInfo("bootstrap", EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o100755 << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr(entry, binary, compresslevel=9)
    return content.getvalue()


def packed(folder, contents):
    """An archive of these files below one folder, without times and owners."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted(contents.items()):
            entry = tarfile.TarInfo(f"{folder}/{path}")
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), mtime=0)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def name_of(folder):
    """The package behind a logical id of the template: ChatCompletions is chat-completions."""
    return "".join("-" + letter.lower() if letter.isupper() else letter for letter in folder.name).lstrip("-")


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        print(version())
    elif sys.argv[1:] == ["--notes"]:
        print(notes())
    elif len(sys.argv) in (2, 3):
        main(*sys.argv[1:])
    else:
        sys.exit(__doc__)
