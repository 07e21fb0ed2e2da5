#!/usr/bin/env python3
"""Counts what a request costs the processor and the allocator, and holds that against the committed table.

    tests/bench/counts.py            fails where a count is more than 5 % above counts.json
    tests/bench/counts.py --write    writes the counts there, to be committed with what changed them

Counts do not drift as times do: valgrind counts the instructions and allocations of `shared/gateway/benches/counts.rs`,
which sends requests through the gateway over memory ports. It runs twice, with different numbers of requests, and the
difference belongs to the requests alone. What memory ports themselves take is in it.

The table's other rows are held elsewhere: DynamoDB's calls and units by tests/it/capacity.rs, to the unit, and the
bytes of each function by .ci/packages.py. Needs valgrind.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TABLE = ROOT / "tests/bench/counts.json"
# How much more is no news: hash maps are seeded anew in each run, and grow at other places.
TOLERANCE = 0.05
# The numbers of requests of the two runs.
FEW, MANY = 50, 250
FRAMES = 40


def main():
    binary = build()
    counted = {"instructions": count(binary, instructions), "allocations": count(binary, allocations)}
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    grown = report(counted, table)
    if "--write" in sys.argv[1:]:
        TABLE.write_text(json.dumps(table | counted, indent=2) + "\n")
        print(f"written to {TABLE.relative_to(ROOT)}")
    elif grown:
        sys.exit(f"more than {TOLERANCE:.0%} above the table: {', '.join(grown)}. Make it smaller, or say in the commit "
                 "why it must be more, and commit what `tests/bench/counts.py --write` makes of the table.")


def build():
    """The program that is counted, compiled as functions are."""
    command = ["cargo", "bench", "--locked", "--package", "lanyard-gateway", "--features", "testing", "--bench", "counts",
               "--profile", "counts", "--no-run", "--message-format", "json-render-diagnostics"]
    made = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = [json.loads(line) for line in made.splitlines()]
    return next(each["executable"] for each in artifacts if each.get("target", {}).get("name") == "counts"
                and each.get("executable"))


def count(binary, how):
    """The cost of one more request, and of one more frame of a stream."""
    def each(work):
        return (how(binary, work, MANY) - how(binary, work, FEW)) / (MANY - FEW)

    streamed = each(f"stream-{FRAMES}")
    frame = (each(f"stream-{2 * FRAMES}") - streamed) / FRAMES
    return {
        "buffered chat": round(each("buffered")),
        f"streamed chat, {FRAMES} frames": round(streamed),
        "one frame": round(frame, 1),
        "refusal": round(each("refusal")),
    }


def instructions(binary, work, requests):
    said = valgrind("--tool=callgrind", "--callgrind-out-file=/dev/null", binary, work, requests)
    return number(r"Collected : (\d+)", said)


def allocations(binary, work, requests):
    said = valgrind("--tool=memcheck", "--leak-check=no", "--undef-value-errors=no", binary, work, requests)
    return number(r"total heap usage: ([\d,]+) allocs", said)


def valgrind(*command):
    ran = subprocess.run(["valgrind", *map(str, command)], stderr=subprocess.PIPE, text=True)
    if ran.returncode != 0:
        sys.exit(f"valgrind failed:\n{ran.stderr}")
    return ran.stderr


def number(pattern, text):
    return int(re.search(pattern, text)[1].replace(",", ""))


def report(counted, table):
    """Prints what was counted beside the table, and returns what has grown."""
    grown = []
    for kind, rows in counted.items():
        print(f"{kind:34}{'now':>12}{'table':>12}")
        for what, now in rows.items():
            before = table.get(kind, {}).get(what)
            change = "" if not before else f"{now / before - 1:+9.1%}"
            print(f"  {what:32}{now:>12,}{'none' if before is None else f'{before:,}':>12}{change}")
            if before is None or now > before * (1 + TOLERANCE):
                grown.append(f"{kind} of {what}")
            elif now < before * (1 - TOLERANCE):
                print("    smaller: --write keeps it so")
    return grown


if __name__ == "__main__":
    main()
