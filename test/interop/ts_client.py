"""The client of this package (`beamgate/client`) against a real tritonserver and against us: the same answers."""

import json
import pathlib
import subprocess
import tempfile

from support import twin_models
from support.cases import Cases, equal
from support.gateway import ROOT, gateway
from support.real_triton import installed, real_triton

EXPECTED = {
    "sum": {"id": "τ", "names": ["OUTPUT0"], "shape": [3, 16]},
    "sums": [2 * number for number in range(48)],
    "words": ["e", "mu", "", "τ"],
    "halves": [1, -2, 0.0999755859375, 65504],
    "wide": [str(2**62), "-1"],
    "many": [3, 3, 3],
    "unknown": {"code": "NOT_FOUND", "attempts": 1},
    "wrong": {"code": "INVALID_ARGUMENT", "attempts": 1},
    "live": [True, True, True],
    "metadata": [{"name": "INPUT0", "datatype": "FP16", "shape": [-1, 4]}],
    "config": 8,
    "rows": 1,
}


def told(address):
    program = ROOT / "test/interop/support/ts-client.mjs"
    done = subprocess.run(
        ["node", str(program), address], capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr[-1500:])
    return json.loads(done.stdout)


def check(cases, name, address):
    with cases.case(f"{name}: tensors of every kind, streams, errors, descriptions"):
        got = told(address)
        for what, expected in EXPECTED.items():
            equal(got[what], expected, what)
        equal(len(got["index"]), len(twin_models.configurations()), "models")
        equal(sorted(map(str, got["streamed"])), ["0", "0", "UNKNOWN"], "streamed")


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-twins-") as folder:
        ours, theirs = (pathlib.Path(folder) / name for name in ("ours", "theirs"))
        twin_models.write(ours, theirs)
        with gateway(ours) as server:
            check(cases, "beamgate", server.grpc)
        try:
            installed()
        except RuntimeError as reason:
            cases.lack("a real tritonserver", reason)
        else:
            with real_triton(theirs) as server:
                check(cases, "tritonserver", server.grpc)
    cases.finish()


main()
