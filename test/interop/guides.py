"""The guide for physicists, run as it is written: tritonclient, coffea, dask, doubles of cmsRun and Athena.

Its packages are heavy (coffea brings a gigabyte), so they have an environment of their own, made on first use:
`.venv/guides`, or the interpreter that GUIDES_PYTHON names.
"""

import os
import pathlib
import subprocess
import sys

from support.cases import Cases, contains
from support.tools import ROOT

HERE = pathlib.Path(__file__).resolve().parent
DOUBLES = HERE / "support" / "doubles"
REQUIREMENTS = HERE / "support" / "guides-requirements.txt"
LIMIT_S = 330


def python():
    """An interpreter with the guide's packages; raises RuntimeError where there is none."""
    given = os.environ.get("GUIDES_PYTHON")
    if given:
        return pathlib.Path(given)
    home = ROOT / ".venv" / "guides"
    wanted = REQUIREMENTS.read_text()
    ready = home / "ready"
    interpreter = home / "bin" / "python"
    if not (ready.exists() and ready.read_text() == wanted):
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(home)],
            [str(interpreter), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"{command[1:4]}: {done.stderr[-500:]}")
        ready.write_text(wanted)
    return interpreter


def main():
    cases = Cases()
    try:
        interpreter = python()
    except RuntimeError as reason:
        cases.lack("coffea and dask", reason)
        cases.finish()
        return
    with cases.case("physicist.md, run as it is written"):
        program = ROOT / "dist" / "test" / "support" / "guides" / "main.js"
        done = subprocess.run(
            ["node", str(program), "physicist", str(interpreter.parent), str(DOUBLES / "bin")],
            env={**os.environ, "PYTHONPATH": str(DOUBLES)},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        if done.returncode != 0:
            raise AssertionError(done.stderr[-4000:])
        contains(done.stdout, " outputs")
        print(f"      {done.stdout.strip()}")
    cases.finish()


main()
