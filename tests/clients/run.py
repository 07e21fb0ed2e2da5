"""Runs the clients that attendees really use against the local service and its simulated Azure.

    tests/clients/run.py [--service target/debug/lanyard-local] [--tools .ci/tools] [CLIENT…]

Each client is a script of its own in an interpreter of its own. It gets the service's address and an organiser's
token in the environment, prints `ok NAME` or `FAIL NAME: why` for each scenario, and ends with an exit code.
`.ci/run clients` installs the clients and calls this.
"""

import argparse
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SECONDS_TO_START = 60
SECONDS_TO_STOP = 30
SECONDS_PER_CLIENT = 120

# A script, and the folder below the tools with the Python that runs it; Node's packages lie beside the script.
CLIENTS = {
    "openai_python.py": "clients-openai",
    "openai_async.py": "clients-openai",
    "openai_azure.py": "clients-openai",
    "openai_objects.py": "clients-openai",
    "openai_assistants.py": "clients-openai",
    "openai_legacy.py": "clients-legacy",
    "openai_legacy_azure.py": "clients-legacy",
    "openai_legacy_films.py": "clients-legacy",
    "anthropic_python.py": "clients-anthropic",
    "node/openai_node.mjs": None,
    "node/anthropic_node.mjs": None,
    "langchain_client.py": "clients-langchain",
    "azure_inference.py": "clients-azure",
    "seed_curl.py": "clients-httpx",
    "seed_httpx.py": "clients-httpx",
    "seed_sessions.py": "clients-httpx",
}

# Settings of the developer's own would lead clients, or the service, to the real Azure.
FOREIGN = ("OPENAI_", "ANTHROPIC_", "AZURE_", "AWS_", "LANGCHAIN_", "LANGSMITH_", "LANYARD_")


def main():
    arguments = parse()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONUNBUFFERED": "1"}
    with service(arguments.service, environment) as (address, token):
        environment |= {"LANYARD_ADDRESS": address, "LANYARD_ORGANISER_TOKEN": token}
        results = [result_of(script, arguments.tools, environment) for script in arguments.clients]
    print(f"\n{'script':24}{'client':28}{'passed':>7}{'failed':>7}{'seconds':>9}")
    for result in results:
        print("{script:24}{client:28}{passed:7}{failed:7}{seconds:9.1f}".format(**result))
    passed, failed = (sum(result[count] for result in results) for count in ("passed", "failed"))
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", type=pathlib.Path, default=ROOT / "target/debug/lanyard-local")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / ".ci/tools", help="the folder of the clients")
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help="one of: " + ", ".join(CLIENTS))
    arguments = parser.parse_args()
    unknown = set(arguments.clients) - set(CLIENTS)
    if unknown:
        parser.error(f"no such client: {', '.join(unknown)}")
    if not arguments.service.exists():
        parser.error(f"{arguments.service} is not there; cargo build --workspace makes it")
    arguments.clients = arguments.clients or list(CLIENTS)
    return arguments


@contextlib.contextmanager
def service(binary, environment):
    """Starts the local service, keeping nothing, and yields its address and an organiser's token."""
    with tempfile.TemporaryFile("w+") as log:
        command = [binary, "--memory", "--port", "0", "--simulator-latency", "50"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        # A service without output is ended, which ends its output as well.
        too_late = threading.Timer(SECONDS_TO_START, process.kill)
        too_late.start()
        try:
            said = ""
            for line in process.stdout:
                said += line
                address = re.search(r"ready at (http://[\d.]+:\d+)/", said)
                token = re.search(r"organiser's token is (\S+)", said)
                if address and token:
                    break
            else:
                log.seek(0)
                sys.exit(f"{binary} did not start:\n{said}{log.read()}")
            too_late.cancel()
            yield address[1], token[1]
        finally:
            too_late.cancel()
            process.terminate()
            try:
                process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def result_of(script, tools, environment):
    """Runs one client and counts its scenarios. One that ends otherwise than it should counts as failed."""
    interpreter = "node" if CLIENTS[script] is None else tools / CLIENTS[script] / "bin/python"
    print(f"\n-- {script}", flush=True)
    started = time.monotonic()
    lines, end = [], "ended"
    try:
        with open_script([interpreter, HERE / script], environment) as process:
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line)
        end = f"ended with exit code {process.returncode}"
    except OSError as fault:
        end = f"could not be started: {fault}"
    seconds = time.monotonic() - started
    passed = sum(line.startswith("ok ") for line in lines)
    failed = sum(line.startswith("FAIL ") for line in lines)
    is_sound = end == f"ended with exit code {1 if failed else 0}" and passed + failed > 0
    if not is_sound:
        failed += 1
        print(f"FAIL {script}: {end} after {seconds:.0f} s and {passed} scenarios", flush=True)
    client = next((line.removeprefix("client ").strip() for line in lines if line.startswith("client ")), "unknown")
    return {"script": script, "client": client, "passed": passed, "failed": failed, "seconds": seconds}


@contextlib.contextmanager
def open_script(command, environment):
    """A client under way, ended when its time is over."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, **output) as process:
        too_late = threading.Timer(SECONDS_PER_CLIENT, process.kill)
        too_late.start()
        try:
            yield process
            process.wait()
        finally:
            too_late.cancel()


if __name__ == "__main__":
    sys.exit(main())
