"""Azure as Lanyard sees it here: the simulator, behind a proxy that records each call and can hold one back."""

import contextlib
import dataclasses
import http.client
import http.server
import json
import re
import threading
import time
import urllib.parse

SECONDS = 120
PARTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
_DROPPED = ("transfer-encoding", "connection", "keep-alive", "host", "content-length", "date", "server")


@dataclasses.dataclass
class Call:
    """A call that has arrived."""

    path: str
    body: str
    # The status and the tokens that the simulator reported, when it has.
    status: int = 0
    tokens: int = 0

    @property
    def is_charged(self):
        """Whether the attendee pays for it: not for a refusal, and not for the size of a prompt."""
        return self.status == 200 and not self.path.split("?")[0].endswith("/count_tokens")


def reported(body):
    """The tokens that a response reports, with those that were read from the cache or written to it."""
    totals = re.findall(rb'"total_tokens":(\d+)', body)
    if totals:
        return int(totals[-1])
    # In Anthropic's format the parts of the prompt stand beside each other, and the last usage is complete.
    usages = re.findall(rb'"usage":(\{[^{}]*\})', body)
    return sum(json.loads(usages[-1]).get(name, 0) for name in PARTS) if usages else 0


class Upstream:
    """The proxy. `calls` has every call in the order of arrival."""

    def __init__(self, simulator):
        self._simulator = urllib.parse.urlsplit(simulator).netloc
        self._lock = threading.Lock()
        self._gates = {}
        self._full = set()
        self.calls = []
        handler = type("Handler", (_Handler,), {"upstream": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextlib.contextmanager
    def running(self):
        """Serves while the caller works."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            for gate in self._gates.values():
                gate.set()
            self._server.shutdown()
            self._server.server_close()

    def gate(self, name):
        """What holds each call that has certain words in it until it is set, and these words."""
        words = f"hold this for {name}!"
        with self._lock:
            return self._gates.setdefault(words, threading.Event()), words

    def without_room(self, name):
        """Words of which the next call that has them is refused with status 529."""
        words = f"no room for {name}!"
        with self._lock:
            self._full.add(words)
        return words

    def is_without_room(self, call):
        """Whether to refuse a call for lack of room, which each words are once."""
        with self._lock:
            said = next((words for words in self._full if words in call.body), None)
            self._full.discard(said)
        return said is not None

    def wait_for(self, words):
        """Waits until a call with these words has arrived."""
        deadline = time.monotonic() + SECONDS
        while not any(words in call.body for call in list(self.calls)):
            assert time.monotonic() < deadline, f"no call says: {words}"
            time.sleep(0.02)

    def arrived(self, path, body):
        """Records a call, and waits where it is to be held."""
        call = Call(path, body.decode(errors="replace"))
        with self._lock:
            self.calls.append(call)
            gates = [gate for words, gate in self._gates.items() if words in call.body]
        for gate in gates:
            gate.wait(SECONDS)
        return call

    def forward(self, method, path, headers, body):
        """Asks the simulator."""
        connection = http.client.HTTPConnection(self._simulator, timeout=SECONDS)
        connection.request(method, path, body, headers)
        return connection, connection.getresponse()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        call = self.upstream.arrived(self.path, body)
        if self.upstream.is_without_room(call):
            call.status = 529
            self._send(529, OVERLOADED)
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _DROPPED}
        connection, response = self.upstream.forward("POST", self.path, headers, body)
        with contextlib.closing(connection):
            call.status = response.status
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in _DROPPED:
                    self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            passed = b""
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                while piece := response.read1(65536):
                    passed += piece
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
        call.tokens = reported(passed)

    def _send(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Says nothing: the calls are recorded."""
