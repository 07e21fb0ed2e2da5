"""Starts every function under AWS's own Runtime Interface Emulator and compares its responses with what API Gateway, a
schedule or a direct caller would need.

    tests/emulator/run.py [--binaries target/debug] [FUNCTION…]
    tests/emulator/run.py --show FUNCTION [--event infra/events/FILE.json]

The emulator is the binary inside aws-sam-cli; `.ci/run emulator` installs it and calls this. It needs no container and
does not stream: of a streaming function it hands over what API Gateway would read, a prelude, eight NULs and the body.
The world around the functions is `lanyard-fixture`. Everything listens on loopback only.
"""

import argparse
import pathlib
import sys

from checks import CHECKS, POORLY
from harness import ROOT, Function, fixture

EMULATOR = "lib/python3.11/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64"


def main():
    arguments = parse()
    with fixture(arguments.fixture) as world:
        if arguments.show:
            return show(arguments, world)
        results = [result_of(name, arguments, world) for name in arguments.functions]
    print(f"\n{'function':20}{'passed':>7}{'failed':>7}{'init ms':>9}{'first ms':>10}{'second ms':>10}{'peak MiB':>10}")
    for result in results:
        print("{name:20}{passed:7}{failed:7}{init:9.1f}{first:10.1f}{second:10.1f}{peak:10.1f}".format(**result))
    passed, failed = (sum(result[count] for result in results) for count in ("passed", "failed"))
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "target/debug",
                        help="FOLDER/NAME, or FOLDER/NAME/bootstrap as cargo lambda build leaves them")
    parser.add_argument("--fixture", type=pathlib.Path, default=ROOT / "target/debug/lanyard-fixture")
    parser.add_argument("--emulator", type=pathlib.Path, default=ROOT / ".ci/tools/sam" / EMULATOR)
    parser.add_argument("--show", metavar="FUNCTION", choices=CHECKS, help="invoke one function and print its answer")
    parser.add_argument("--event", type=pathlib.Path, help="with --show: the event, in place of FUNCTION's own sample")
    parser.add_argument("functions", nargs="*", metavar="FUNCTION", help="one of: " + ", ".join(CHECKS))
    arguments = parser.parse_args()
    if unknown := set(arguments.functions) - set(CHECKS):
        parser.error(f"no such function: {', '.join(unknown)}")
    for path, made_by in [(arguments.fixture, "cargo build --workspace"), (arguments.emulator, ".ci/run emulator")]:
        if not path.exists():
            parser.error(f"{path} is not there; {made_by} makes it")
    arguments.functions = arguments.functions or list(CHECKS)
    return arguments


def binary_of(name, arguments):
    path = arguments.binaries / name
    path = path / "bootstrap" if path.is_dir() else path
    if not path.exists():
        sys.exit(f"{path} is not there; cargo build --workspace makes it")
    return path


def result_of(name, arguments, world):
    """Runs the checks of one function in one environment of it. A check that ends otherwise counts as failed."""
    print(f"\n-- {name}", flush=True)
    result = {"name": name, "passed": 0, "failed": 0, "init": 0.0, "first": 0.0, "second": 0.0, "peak": 0.0}
    binary = binary_of(name, arguments)
    with Function(arguments.emulator, binary, name, world) as function:
        for check in CHECKS[name]:
            count(result, check, function)
        first, second, *_ = function.took_ms
        result |= {"init": function.init_ms(), "first": first, "second": second, "peak": function.peak_mib()}
        if result["failed"]:
            print(function.log())
    poor = {name: value for name, value in world.items() if name != "LANYARD_TABLE"}
    with Function(arguments.emulator, binary, name, poor) as function:
        count(result, POORLY[name], function)
    return result


def count(result, check, function):
    sentence = check.__name__.replace("_", " ")
    try:
        check(function)
    except Exception as fault:  # whatever it is, the other checks go on
        result["failed"] += 1
        print(f"FAIL {sentence}: {type(fault).__name__}: {fault}", flush=True)
    else:
        result["passed"] += 1
        print(f"ok {sentence}", flush=True)


def show(arguments, world):
    event = arguments.event or ROOT / f"infra/events/{arguments.show}.json"
    if arguments.show == "admin" and not arguments.event:
        event = ROOT / "infra/events/admin-list-events.json"
    with Function(arguments.emulator, binary_of(arguments.show, arguments), arguments.show, world) as function:
        answer = function.post(event.read_bytes())
    # The NULs between a streamed response's head and its body, as a line.
    sys.stdout.buffer.write(answer.replace(b"\0" * 8, b"\n") + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
