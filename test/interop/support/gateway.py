"""A gateway of its own for one test: started as a user starts it, on free ports, ended by pid."""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared"
READY_LIMIT_S = 300
SERVICES = {
    "grpc": "GRPCInferenceService",
    "http": "HTTPService",
    "metrics": "Metrics Service",
}


class Gateway:
    def __init__(self, process, log_path):
        self.process = process
        self.log_path = log_path
        self.grpc = ""
        self.http = ""
        self.metrics = ""

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def read_addresses(self):
        """True once all three services said where they listen."""
        log = self.log()
        for name, service in SERVICES.items():
            match = re.search(rf"Started {service} at (\S+:\d+)", log)
            if not match:
                return False
            setattr(self, name, match.group(1))
        return True


@contextlib.contextmanager
def gateway(*repositories, flags=()):
    """Serves `repositories` until the block ends. Raises RuntimeError when it does not start."""
    with tempfile.TemporaryDirectory(prefix="beamgate-log-") as folder:
        log_path = pathlib.Path(folder) / "log"
        command = ["node", str(ROOT / "src/cli/beamgate.mjs"), "serve"]
        command += ["--grpc-port", "0", "--http-port", "0", "--metrics-port", "0"]
        for repository in repositories:
            command += ["--model-repository", str(repository)]
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command + list(flags), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        server = Gateway(process, log_path)
        try:
            end = time.monotonic() + READY_LIMIT_S
            while not server.read_addresses():
                if process.poll() is not None:
                    raise RuntimeError(f"the gateway ended:\n{server.log()[-3000:]}")
                if time.monotonic() > end:
                    raise RuntimeError(f"not ready after {READY_LIMIT_S} s:\n{server.log()[-3000:]}")
                time.sleep(0.02)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if os.environ.get("INTEROP_SHOW_LOG"):
                print(server.log())
