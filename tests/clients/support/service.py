"""The local service, started for tests: it keeps nothing, and Azure is simulated."""

import contextlib
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = ROOT / "target/debug/lanyard-local"
SECONDS_TO_START = 60
SECONDS_TO_STOP = 30

# Settings of the developer's own would lead clients, or the service, to the real Azure.
_FOREIGN = ("OPENAI_", "ANTHROPIC_", "AZURE_", "AWS_", "LANGCHAIN_", "LANGSMITH_", "LANYARD_")


@dataclasses.dataclass
class Service:
    """A service that is up."""

    address: str
    token: str
    # Its standard error: a line for each request.
    log: pathlib.Path

    def environment(self):
        """What clients find in their environment."""
        return own_environment() | {"LANYARD_ADDRESS": self.address, "LANYARD_ORGANISER_TOKEN": self.token}


def read_arguments(parser, names, kind):
    """Reads a command line that also says which service to start and which of these programs to run."""
    parser.add_argument("--service", type=pathlib.Path, default=BINARY)
    parser.add_argument("chosen", nargs="*", metavar=kind.upper(), help="one of: " + ", ".join(names))
    arguments = parser.parse_args()
    unknown = set(arguments.chosen) - set(names)
    if unknown:
        parser.error(f"no such {kind}: {', '.join(unknown)}")
    if not arguments.service.exists():
        parser.error(f"{arguments.service} is not there; cargo build --workspace makes it")
    arguments.chosen = arguments.chosen or list(names)
    return arguments


def own_environment():
    """The environment without settings for clients or the service."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return environment | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONUNBUFFERED": "1"}


@contextlib.contextmanager
def running(binary=BINARY):
    """Starts the service, and ends it."""
    with tempfile.NamedTemporaryFile("w+") as log:
        command = [binary, "--memory", "--port", "0", "--simulator-latency", "50"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=own_environment())
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
            yield Service(address[1], token[1], pathlib.Path(log.name))
        finally:
            too_late.cancel()
            process.terminate()
            try:
                process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
