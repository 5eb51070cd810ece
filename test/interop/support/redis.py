"""A real Redis for one test: on a unix socket, in a folder that goes with it, ended by its process."""

import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

#: Why there is none here; None: there is.
NO_REDIS = None if shutil.which("redis-server") else "redis-server is not installed"


class Redis:
    def __init__(self, folder):
        self.socket = str(pathlib.Path(folder) / "redis.sock")
        self.url = f"unix:{self.socket}"
        self.process = None

    def start(self):
        flags = ["--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            ["redis-server", *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        end = time.monotonic() + 60
        while not self.answers():
            if time.monotonic() > end:
                raise RuntimeError("redis-server does not answer")
            time.sleep(0.02)

    def answers(self):
        try:
            return self.command("PING").startswith(b"+PONG")
        except OSError:
            return False

    def command(self, words):
        """One command in a line of its own. Returns the first bytes of the answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(self.socket)
            connection.sendall(words.encode() + b"\r\n")
            return connection.recv(4096)

    def kill(self):
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def redis():
    with tempfile.TemporaryDirectory(prefix="beamgate-redis-") as folder:
        server = Redis(folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()
