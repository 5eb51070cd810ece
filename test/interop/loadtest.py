"""The load test against a real tritonserver, unchanged, and beside perf_analyzer on the same server."""

import csv
import json
import pathlib
import subprocess
import tempfile

from support import twin_models
from support.cases import Cases
from support.gateway import ROOT, gateway
from support.real_triton import real_triton
from support.repository import add_model, echo_config
from support.tools import Missing, perf_analyzer

SCENARIO = """
name: both
title: the same scenario for any server that speaks the protocol
durationS: 3
warmupS: 1
arrivals: { kind: poisson, perSecond: 100 }
streams:
  - name: rows
    model: simple
    rows: { min: 1, max: 4 }
    payload: { kind: random, pool: 16 }
    trigger: { output: OUTPUT0, column: 0, threshold: 0 }
budgetsMs: [10, 100, 1000]
objectives: ["failed <= 0 %"]
"""
#: Python models and a machine that others use are no clocks; this is about the protocol.
PATIENT = ["--late-after", "10000", "--no-ceiling"]
DELAY_MS = 20
CONCURRENCY = 4
#: perf_analyzer and we measure the same thing there: within 10 %.
TOLERANCE = 0.10


def loadtest(*words):
    """(exit status, what it printed, the result where it wrote one)."""
    with tempfile.TemporaryDirectory(prefix="beamgate-loadtest-") as folder:
        command = ["node", str(ROOT / "src/cli/beamgate.mjs"), "loadtest", *words]
        command += ["--output", folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        result = pathlib.Path(folder) / "result.json"
        found = json.loads(result.read_text()) if result.exists() else None
        return done.returncode, done.stdout + done.stderr, found


def check_server(cases, name, grpc_address, http_address, scenario):
    ways = {
        "gRPC": ["-u", grpc_address],
        "gRPC streams": ["-u", grpc_address, "--streaming"],
        "HTTP": ["-u", http_address, "-i", "http"],
    }
    for way, flags in ways.items():
        with cases.case(f"one scenario file, {name}, {way}"):
            status, said, result = loadtest(str(scenario), *flags, *PATIENT)
            if status != 0 or result is None:
                raise AssertionError(f"status {status}: {said[-1500:]}")
            point = result["points"][result["main"]]
            if point["answered"] != point["sent"] or point["sent"] < 200:
                raise AssertionError(f"{point['answered']} of {point['sent']} were answered")
            if result["trigger"]["scored"] < 200:
                raise AssertionError(f"scores: {result['trigger']}")
            if "split" not in point:
                raise AssertionError("no statistics, though Triton has them")


def check_presets(cases):
    """Every preset runs on the default models, to the end and without a failed request."""
    listed = subprocess.run(
        ["node", str(ROOT / "src/cli/beamgate.mjs"), "loadtest", "--list"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    with gateway(ROOT / "models") as server:
        for name in names:
            with cases.case(f"preset {name}"):
                flags = ["-u", server.grpc, "--http-url", server.http]
                status, said, result = loadtest(name, *flags, "--duration", "2", *PATIENT)
                # 99: a busy machine misses budgets.
                if status not in (0, 99) or result is None:
                    raise AssertionError(f"status {status}: {said[-1500:]}")
                for point in result["points"]:
                    if point["failures"] or point["unanswered"]["count"]:
                        raise AssertionError(f"{point['label']}: {point['failures']}")
                if not result["scenario"]["scale"]:
                    raise AssertionError("it does not tell its scale")


def measured_by_us(address):
    words = ["-m", "slow", "-u", address, "--concurrency-range", str(CONCURRENCY)]
    status, said, result = loadtest(*words, "-p", "2000", "--no-ceiling")
    if status != 0:
        raise AssertionError(f"status {status}: {said[-1500:]}")
    point = result["points"][0]
    p50 = next(q["ms"] for q in point["latency"]["quantiles"] if q["share"] == 0.5)
    return point["rowsPerSecond"], p50


def measured_by_perf_analyzer(program, address):
    path, environment = program
    with tempfile.TemporaryDirectory(prefix="beamgate-perf-") as folder:
        table = pathlib.Path(folder) / "table.csv"
        command = [path, "-m", "slow", "-u", address, "-i", "grpc", "--async", "-p", "2000"]
        command += ["--concurrency-range", str(CONCURRENCY), "-f", str(table)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120
        )
        if done.returncode != 0:
            raise AssertionError(f"status {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
        with table.open() as rows:
            row = next(csv.DictReader(rows))
    return float(row["Inferences/Second"]), float(row["p50 latency"]) / 1000


def check_agreement(cases, server):
    try:
        program = perf_analyzer()
    except Missing as reason:
        cases.lack("perf_analyzer beside us", reason)
        return
    with cases.case(f"an echo of {DELAY_MS} ms, {CONCURRENCY} in flight: perf_analyzer agrees"):
        rate, p50 = measured_by_us(server.grpc)
        their_rate, their_p50 = measured_by_perf_analyzer(program, server.grpc)
        print(
            f"      {rate:.1f} and {their_rate:.1f} rows/s, p50 {p50:.2f} and {their_p50:.2f} ms",
            flush=True,
        )
        for what, ours, theirs in (("rows/s", rate, their_rate), ("p50", p50, their_p50)):
            if abs(ours / theirs - 1) > TOLERANCE:
                raise AssertionError(f"{what}: {ours} here, {theirs} by perf_analyzer")


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-loadtest-models-") as folder:
        root = pathlib.Path(folder)
        scenario = root / "both.yaml"
        scenario.write_text(SCENARIO)
        ours, theirs = root / "ours", root / "theirs"
        twin_models.write(ours, theirs)
        slow = root / "slow"
        add_model(slow, "slow", echo_config("slow", "FP32", [4], 8, DELAY_MS))
        check_presets(cases)
        with gateway(ours, slow) as server:
            check_server(cases, "beamgate", server.grpc, server.http, scenario)
            check_agreement(cases, server)
        try:
            with real_triton(theirs) as server:
                check_server(cases, "a real tritonserver", server.grpc, server.http, scenario)
        except RuntimeError as reason:
            cases.lack("a real tritonserver", reason)
    cases.finish()


main()
