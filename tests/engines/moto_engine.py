"""moto's DynamoDB on a free port of loopback, for one command: `moto_engine.py COMMAND...`.

The command runs with LANYARD_ENGINE set to the engine's address; its exit code is this one's.
"""

import os
import subprocess
import sys

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
try:
    environment = dict(os.environ, LANYARD_ENGINE=f"http://{host}:{port}")
    code = subprocess.run(sys.argv[1:], env=environment, check=False).returncode
finally:
    server.stop()
sys.exit(code)
