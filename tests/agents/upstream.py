"""Azure as Lanyard sees it here: the simulator, behind a proxy that records each call and can hold one back."""

import contextlib
import dataclasses
import http.client
import http.server
import re
import threading
import time
import urllib.parse

SECONDS = 120
_DROPPED = ("transfer-encoding", "connection", "keep-alive", "host", "content-length", "date", "server")


@dataclasses.dataclass
class Call:
    """A call that has arrived."""

    path: str
    body: str
    # What the simulator reported, when it has.
    tokens: int = 0


class Upstream:
    """The proxy. `calls` has every call in the order of arrival."""

    def __init__(self, simulator):
        self._simulator = urllib.parse.urlsplit(simulator).netloc
        self._lock = threading.Lock()
        self._gates = {}
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
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _DROPPED}
        connection, answer = self.upstream.forward("POST", self.path, headers, body)
        with contextlib.closing(connection):
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _DROPPED:
                    self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            passed = b""
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                while piece := answer.read1(65536):
                    passed += piece
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
        totals = re.findall(rb'"total_tokens":(\d+)', passed)
        call.tokens = int(totals[-1]) if totals else 0

    def log_message(self, *_arguments):
        """Says nothing: the calls are recorded."""
