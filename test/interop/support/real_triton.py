"""A real tritonserver to compare with: the one that the package nvidia-pytriton on PyPI carries."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from support.tools import ROOT, Missing, unpack

VERSION = "0.7.0"
NUMPY = "1.26.4"
READY_LIMIT_S = 60


def installed():
    """The unpacked package, fetched on first use; raises RuntimeError where it can't run here."""
    home = pathlib.Path(os.environ.get("REAL_TRITON") or ROOT / ".venv" / "real-triton")
    ready = home / f"ready-numpy-{NUMPY}"
    if not ready.exists():
        shutil.rmtree(home, ignore_errors=True)
        try:
            unpack(f"nvidia-pytriton=={VERSION}", home)
            prepare(home)
        except Missing as reason:
            raise RuntimeError(str(reason)) from reason
        ready.touch()
    return home


def prepare(home):
    """Puts the python backend together for the interpreter that runs this."""
    server = home / "pytriton" / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stubs = server / "python_backend_stubs" / version
    if not stubs.is_dir():
        raise RuntimeError(f"the package has no python backend for Python {version}")
    backend = server / "backends" / "python"
    shutil.copytree(stubs, backend, dirs_exist_ok=True)
    # The backend's interpreter does not look into the environment that runs this; and it was built
    # for numpy 1: with numpy 2 every tensor comes back empty.
    unpack(f"numpy=={NUMPY}", backend)
    for program in (server / "bin" / "tritonserver", backend / "triton_python_backend_stub"):
        program.chmod(0o755)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class RealTriton:
    def __init__(self, process, log_path, http, grpc):
        self.process = process
        self.log_path = log_path
        self.http = f"127.0.0.1:{http}"
        self.grpc = f"127.0.0.1:{grpc}"

    def log(self):
        return self.log_path.read_text(errors="replace")


@contextlib.contextmanager
def real_triton(repository, flags=()):
    """Serves `repository` until the block ends. Raises RuntimeError when it does not start."""
    home = installed()
    server = home / "pytriton" / "tritonserver"
    http, grpc = free_ports(2)
    command = [str(server / "bin" / "tritonserver"), f"--model-repository={repository}"]
    command += [f"--backend-directory={server / 'backends'}"]
    command += [f"--cache-directory={server / 'caches'}"]
    command += ["--http-address=127.0.0.1", "--grpc-address=127.0.0.1"]
    command += [f"--http-port={http}", f"--grpc-port={grpc}", "--allow-metrics=false"]
    command += ["--exit-on-error=false", "--strict-readiness=false", *flags]
    environment = {**os.environ, "LD_LIBRARY_PATH": str(home / "nvidia_pytriton.libs")}
    with tempfile.TemporaryDirectory(prefix="beamgate-triton-") as folder:
        log_path = pathlib.Path(folder) / "log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        running = RealTriton(process, log_path, http, grpc)
        try:
            end = time.monotonic() + READY_LIMIT_S
            while not re.search("Started HTTPService", running.log()):
                if process.poll() is not None:
                    raise RuntimeError(f"tritonserver ended:\n{running.log()[-2000:]}")
                if time.monotonic() > end:
                    raise RuntimeError(f"tritonserver is not ready:\n{running.log()[-2000:]}")
                time.sleep(0.05)
            yield running
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
