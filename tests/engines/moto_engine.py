"""moto's DynamoDB on a free port of loopback, for one command: `moto_engine.py COMMAND...`.

The command runs with LANYARD_ENGINE set to the engine's address; its exit code is this one's.

moto checks a condition and makes the change in two steps without a lock, so two requests at once
can both pass. DynamoDB never does that. The engine therefore takes one request at a time: what is
tested is its reading of the API, under clients that race.
"""

import os
import subprocess
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Silent(WSGIRequestHandler):
    def log_request(self, code="-", size="-"):
        pass


class OneAtATime:
    def __init__(self, application):
        self.application = application
        self.turn = threading.Lock()

    def __call__(self, environ, start_response):
        with self.turn:
            return list(self.application(environ, start_response))


application = OneAtATime(DomainDispatcherApplication(create_backend_app))
server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Silent)
# Hundreds connect at once; what does not fit the usual queue of 128 would wait for seconds.
server.socket.listen(1024)
threading.Thread(target=server.serve_forever, daemon=True).start()
try:
    environment = dict(os.environ, LANYARD_ENGINE=f"http://127.0.0.1:{server.port}")
    code = subprocess.run(sys.argv[1:], env=environment, check=False).returncode
finally:
    server.shutdown()
sys.exit(code)
