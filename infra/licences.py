#!/usr/bin/env python3
"""Prints the licences of the third-party crates that are compiled into packages of the workspace.

    infra/licences.py lanyard-cli admin ...     of these packages
    infra/licences.py --functions               of every function

MIT, BSD, Apache and the others ask that their text goes with the binary. The texts are those in the sources of the
crates, which cargo has in its folder once it has built them. Equal texts are printed once.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXTS = re.compile(r"^(licen[cs]e|copying|notice|unlicense)([-_.].*)?$", re.I)


def main(*packages):
    if "--functions" in packages:
        functions = [manifest.parent.name for manifest in sorted(ROOT.glob("functions/*/Cargo.toml"))]
        packages = [*functions, *(package for package in packages if package != "--functions")]
    if not packages:
        sys.exit("name a package, or --functions")
    print(document(crates(metadata(), packages)))


def metadata():
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def crates(workspace, packages):
    """The crates from elsewhere on which these packages depend when they run, for any system."""
    known = {package["id"]: package for package in workspace["packages"]}
    needs = {
        node["id"]: [
            dependency["pkg"] for dependency in node["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        ]
        for node in workspace["resolve"]["nodes"]
    }
    members = {known[one]["name"]: one for one in workspace["workspace_members"]}
    unknown = [name for name in packages if name not in members]
    if unknown:
        sys.exit(f"no packages of the workspace: {', '.join(unknown)}")
    waiting, found = [members[name] for name in packages], set()
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += needs[one]
    third_party = [known[one] for one in found if known[one]["source"] is not None]
    return sorted(third_party, key=lambda package: (package["name"], package["version"]))


def document(third_party):
    """One text with every crate, its licence, and the texts of the licences."""
    lines = ["Third-party software in this release", "", "Each crate with its licence (SPDX):", ""]
    texts = {}
    for package in third_party:
        title = f"{package['name']} {package['version']}"
        # Crates from before SPDX expressions write a slash for OR.
        terms = (package["license"] or "see its text").replace("/", " OR ")
        found = licence_texts(package)
        if not found and package["license"] is None:
            sys.exit(f"{title} has neither a licence nor its text")
        note = "" if found else f"; no text in its sources; by {', '.join(package['authors']) or 'its authors'}"
        lines.append(f"- {title}: {terms}{note}")
        for text in found:
            texts.setdefault(text, []).append(title)
    for text, titles in sorted(texts.items(), key=lambda pair: pair[1]):
        lines += ["", "=" * 80, ", ".join(titles), "=" * 80, "", text]
    return "\n".join(lines)


def licence_texts(package):
    """The files of a crate's folder that are a licence, without differences of white space at the ends of lines."""
    folder = pathlib.Path(package["manifest_path"]).parent
    paths = sorted(path for path in folder.iterdir() if TEXTS.match(path.name) and path.is_file())
    texts = (path.read_text(errors="replace") for path in paths)
    return ["\n".join(line.rstrip() for line in text.strip().splitlines()) for text in texts]


if __name__ == "__main__":
    main(*sys.argv[1:])
