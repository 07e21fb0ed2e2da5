"""The world around the functions, and a function under AWS's Runtime Interface Emulator."""

import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SECONDS_TO_START = 60
SECONDS_TO_ANSWER = 60
PR_SET_PDEATHSIG = 1
SEPARATOR = b"\0" * 8


@contextlib.contextmanager
def fixture(binary):
    """Starts the world and yields the environment of the functions in it. It ends with its standard input."""
    process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    too_late = threading.Timer(SECONDS_TO_START, process.kill)
    too_late.start()
    try:
        lines = []
        for line in process.stdout:
            if not line.strip():
                break
            lines.append(line.rstrip("\n"))
        else:
            raise RuntimeError(f"{binary} did not start")
        too_late.cancel()
        yield dict(line.split("=", 1) for line in lines)
    finally:
        too_late.cancel()
        process.stdin.close()
        process.wait(SECONDS_TO_START)


class Function:
    """A function that runs under the emulator for as long as the `with` block."""

    def __init__(self, emulator, binary, name, world):
        self.emulator, self.binary, self.name, self.world = emulator, binary, name, world
        self.took_ms = []

    def __enter__(self):
        self._log = tempfile.TemporaryFile("w+")
        # Ports are free when chosen; should another process be quicker, the next ones are tried.
        for _ in range(5):
            self.port, runtime_port = free_ports(2)
            self.process = subprocess.Popen(
                [self.emulator, "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
                 "--runtime-api-address", f"127.0.0.1:{runtime_port}", self.binary],
                env=self.world | {
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                    "AWS_LAMBDA_FUNCTION_NAME": self.name,
                    "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
                    "AWS_LAMBDA_FUNCTION_VERSION": "1",
                    "PATH": os.environ["PATH"],
                },
                stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
            if self._listens():
                return self
            self._end()
        raise RuntimeError(f"the emulator did not start: {self.log()}")

    def __exit__(self, *_):
        self._end()

    def _listens(self):
        until = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            except OSError:
                time.sleep(0.02)  # there is no event to wait for: the emulator prints nothing
        return False

    def _end(self):
        # The emulator leaves its child running when it is killed, so both are ended, by their ids.
        ids = [*self._children(), self.process.pid]
        for process_id in ids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        self.process.wait()

    def _children(self):
        ids = []
        with contextlib.suppress(FileNotFoundError):
            for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
                ids += [int(word) for word in (task / "children").read_text().split()]
        return ids

    def post(self, event):
        """Invokes the function with these bytes and returns the bytes that it answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_TO_ANSWER)
        begun = time.monotonic()
        try:
            connection.request("POST", "/2015-03-31/functions/function/invocations", event)
            return connection.getresponse().read()
        finally:
            self.took_ms.append((time.monotonic() - begun) * 1000)
            connection.close()

    def call(self, event):
        """Invokes the function with an object and returns the object that it answered."""
        return json.loads(self.post(json.dumps(event).encode()))

    def request(self, event):
        """Sends an API Gateway event with a buffered response; returns status, headers and body."""
        answer = self.call(event)
        assert answer.get("isBase64Encoded") is False, f"not an answer for API Gateway: {answer}"
        return answer["statusCode"], headers_of(answer), answer["body"]

    def streamed(self, event):
        """Sends an API Gateway event with a streamed response; returns status, headers and body."""
        answer = self.post(json.dumps(event).encode())
        prelude, separator, body = answer.partition(SEPARATOR)
        assert separator, f"no eight NULs between head and body: {answer[:300]}"
        prelude = json.loads(prelude)
        return prelude["statusCode"], headers_of(prelude), body.decode(errors="replace")

    def peak_mib(self):
        """Most memory that the function had resident at any time."""
        [process_id] = self._children()
        for line in pathlib.Path(f"/proc/{process_id}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("the kernel names no peak")

    def init_ms(self):
        """From the start of the process to its first request for an invocation, as the emulator measures it."""
        return float(re.search(r"INIT REPORT\(durationMs: ([\d.]+)\)", self.log())[1])

    def log(self):
        """The output of emulator and function so far."""
        self._log.seek(0)
        return self._log.read()


def die_with_parent():
    """Asks the kernel to kill this process when the one that started it dies; a function then follows its emulator."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def headers_of(answer):
    many = {name.lower(): values[0] for name, values in (answer.get("multiValueHeaders") or {}).items()}
    return many | {name.lower(): value for name, value in (answer.get("headers") or {}).items()}


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def sample(name):
    """A file of infra/events."""
    return json.loads((ROOT / f"infra/events/{name}.json").read_text())
