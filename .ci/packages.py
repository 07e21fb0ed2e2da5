"""Holds what `sam build` made to its limit, prints the sizes, and writes beside it what each package contains.

    .ci/packages.py TARGET            after `sam build`, with cargo-cyclonedx on the PATH
    .ci/packages.py TARGET --write    writes the sizes to the table of counts, which they may pass by 5 %

One CycloneDX file for each function goes to .aws-sam/sbom: the crates that are compiled into its `bootstrap`, and the
digest of that file, so that the list can be held against what runs on Lambda.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = ROOT / ".aws-sam/build"
# What a function may weigh. Lambda takes 250 MB, but a start reads every page that it touches.
MOST_BYTES = 8_000_000
COUNTS = ROOT / "tests/bench/counts.json"
TOLERANCE = 0.05


def main(target, *flags):
    packages = dict(sorted((name_of(folder), folder / "bootstrap") for folder in BUILT.iterdir() if folder.is_dir()))
    wanted = {folder.parent.name for folder in ROOT.glob("functions/*/Cargo.toml")}
    if set(packages) != wanted:
        sys.exit(f"sam build made {sorted(packages)}, and there are {sorted(wanted)}")
    describe(packages, target)
    print(f"{'package':20}{'bytes':>12}{'compressed':>12}  sha-256")
    for name, bootstrap in packages.items():
        content = bootstrap.read_bytes()
        print(f"{name:20}{len(content):>12,}{len(zlib.compress(content)):>12,}  {digest_of(bootstrap)[:16]}…")
    hold(target, {name: path.stat().st_size for name, path in packages.items()}, "--write" in flags)
    heavy = [name for name, bootstrap in packages.items() if bootstrap.stat().st_size > MOST_BYTES]
    if heavy:
        sys.exit(f"above {MOST_BYTES:,} bytes: {', '.join(heavy)}. What grew? `cargo tree -p {heavy[0]}` may tell.")
    print(f"None is above {MOST_BYTES:,} bytes. What they contain: {BUILT.parent.relative_to(ROOT)}/sbom")


def hold(target, sizes, is_to_write):
    """Holds sizes against those of the table, for targets that have any there."""
    table = json.loads(COUNTS.read_text())
    if is_to_write:
        table.setdefault("bytes", {})[target] = sizes
        COUNTS.write_text(json.dumps(table, indent=2) + "\n")
        return
    known = table.get("bytes", {}).get(target)
    if known is None:
        print(f"The table of counts has no sizes for {target}.")
        return
    grown = [name for name, size in sizes.items() if size > known.get(name, 0) * (1 + TOLERANCE)]
    if grown:
        sys.exit(f"more than {TOLERANCE:.0%} above {COUNTS.relative_to(ROOT)}: {', '.join(grown)}. Make them smaller, "
                 "or say in the commit why they must be larger and commit what --write makes of the table.")


def name_of(folder):
    """The package behind a logical id of the template: ChatCompletions is chat-completions."""
    return "".join("-" + letter.lower() if letter.isupper() else letter for letter in folder.name).lstrip("-")


def describe(packages, target):
    run("cargo", "cyclonedx", "--quiet", "--format", "json", "--spec-version", "1.5", "--describe", "binaries",
        "--no-build-deps", "--target", target)
    # It describes every package of the workspace, each in its own folder.
    made = {path.name.removesuffix("_bin.cdx.json"): path for path in ROOT.glob("*/**/*_bin.cdx.json")}
    texts = {name: path.read_text() for name, path in made.items()}
    for path in made.values():
        path.unlink()
    folder = BUILT.parent / "sbom"
    folder.mkdir(exist_ok=True)
    for name, bootstrap in packages.items():
        # Without this machine's folder, so that the same sources give the same file.
        bill = json.loads(texts[name].replace(f"path+file://{ROOT}", "path+file://."))
        bill["metadata"]["component"]["hashes"] = [{"alg": "SHA-256", "content": digest_of(bootstrap)}]
        keep_compiled(bill, name, target)
        (folder / f"{name}.cdx.json").write_text(json.dumps(bill, indent=2) + "\n")


def keep_compiled(bill, name, target):
    """Leaves only crates that are compiled for the function: the tool also lists what other packages switch on."""
    tree = run("cargo", "tree", "--locked", "--package", name, "--edges", "normal", "--target", target,
               "--prefix", "none", "--format", "{p}")
    compiled = {tuple(line.split()[:2]) for line in tree.splitlines() if line.strip()}
    refs = {bill["metadata"]["component"]["bom-ref"]}
    found = {(name, f"v{bill['metadata']['component']['version']}")}
    for component in bill["components"]:
        crate = (component["name"], f"v{component['version']}")
        if crate in compiled:
            found.add(crate)
            refs.add(component["bom-ref"])
    if missing := compiled - found:
        sys.exit(f"{name} contains crates that its list lacks: {sorted(missing)}")
    bill["components"] = [each for each in bill["components"] if each["bom-ref"] in refs]
    bill["dependencies"] = [
        each | ({"dependsOn": [ref for ref in each["dependsOn"] if ref in refs]} if "dependsOn" in each else {})
        for each in bill["dependencies"] if each["ref"] in refs
    ]


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main(*sys.argv[1:])
