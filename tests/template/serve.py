"""moto's AWS until it is stopped, with a release to deploy there: what `make moto` starts.

    python tests/template/serve.py [PORT]      5000, moto's own, unless named

The packages of the release have no programs: moto runs none.
"""

import sys
import time

from cloud import Cloud
from deployed import ROOT, packed, release

FOLDER = ROOT / "target/moto"


def main(port="5000"):
    FOLDER.mkdir(parents=True, exist_ok=True)
    archive, _, _ = packed(FOLDER, release.title("arm64"))
    with Cloud(int(port)) as cloud:
        print(f"AWS is imitated at {cloud.url}. Press Ctrl+C to stop it.\nA release is in {archive.relative_to(ROOT)}.", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
