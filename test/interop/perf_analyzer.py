"""perf_analyzer, ghz and grpcurl complete their runs, with what they read from the server."""

import csv
import json
import pathlib
import subprocess
import tempfile

from support.cases import Cases, equal
from support.gateway import ROOT, gateway
from support.tools import Missing, go_program, perf_analyzer

SERVER_COLUMNS = ["Server Queue", "Server Compute Input", "Server Compute Infer"]
#: A window counts requests, so that a slow machine ends as surely as a fast one.
WINDOW = ["--measurement-mode", "count_windows", "--measurement-request-count", "300"]
#: It is about completing, not about speed: everything counts as stable.
LENIENT = ["-s", "999", "-r", "5"]
SEQUENCE = ["--sequence-length", "20", "--async"]
RUNS = {
    "gRPC, a plain model": ("simple", "grpc", []),
    "gRPC, asynchronous": ("simple", "grpc", ["--async"]),
    "gRPC stream, a plain model": ("simple", "grpc", ["--streaming", "--async"]),
    "HTTP, a plain model": ("simple", "http", []),
    "HTTP, asynchronous": ("simple", "http", ["--async"]),
    "gRPC, a batch of 8": ("simple", "grpc", ["-b", "8"]),
    "gRPC, strings": ("simple_identity", "grpc", ["--shape", "INPUT0:16"]),
    "gRPC, shared memory": ("simple", "grpc", ["--shared-memory", "system"]),
    "HTTP, shared memory": ("simple", "http", ["--shared-memory", "system"]),
    "gRPC, a sequence model": ("simple_sequence", "grpc", SEQUENCE),
    "gRPC stream, a sequence model": ("simple_sequence", "grpc", [*SEQUENCE, "--streaming"]),
    "HTTP, a sequence model": ("simple_sequence", "http", ["--sequence-length", "20"]),
    "gRPC stream, an ensemble": ("jet_ensemble", "grpc", ["--streaming", "--async"]),
    "gRPC, an ensemble": ("jet_ensemble", "grpc", []),
    "HTTP, an ensemble": ("jet_ensemble", "http", []),
}


def run_perf_analyzer(program, server, model, protocol, flags):
    path, environment = program
    address = {"grpc": server.grpc, "http": server.http}[protocol]
    with tempfile.TemporaryDirectory(prefix="beamgate-perf-") as folder:
        table = pathlib.Path(folder) / "table.csv"
        command = [path, "-m", model, "-u", address, "-i", protocol, "-f", str(table)]
        command += ["--concurrency-range", "2", *WINDOW, *LENIENT, *flags]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120
        )
        if done.returncode != 0:
            raise AssertionError(f"status {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
        with table.open() as rows:
            return next(csv.DictReader(rows))


def check_perf_analyzer(cases, server):
    try:
        program = perf_analyzer()
    except Missing as reason:
        cases.lack("perf_analyzer", reason)
        return
    for name, (model, protocol, flags) in RUNS.items():
        with cases.case(f"perf_analyzer over {name}"):
            row = run_perf_analyzer(program, server, model, protocol, flags)
            for column in SERVER_COLUMNS:
                if not row.get(column, "").strip():
                    raise AssertionError(f"column {column!r} is empty: {row}")
            if float(row["Server Compute Infer"]) <= 0 or float(row["Inferences/Second"]) <= 0:
                raise AssertionError(f"nothing was measured: {row}")


def check_ghz(cases, server):
    try:
        program = go_program("ghz")
    except Missing as reason:
        cases.lack("ghz", reason)
        return
    numbers = {"int_contents": list(range(16))}
    tensor = {"datatype": "INT32", "shape": [1, 16], "contents": numbers}
    request = {
        "model_name": "simple",
        "inputs": [{"name": "INPUT0", **tensor}, {"name": "INPUT1", **tensor}],
    }
    method = "inference.GRPCInferenceService.ModelInfer"
    # gRPC in Go sends a PING with nearly every answer: more of them than any server lets pass without cause.
    calls = 3000
    command = [program, "--insecure", "-n", str(calls), "-c", "10", "-O", "json", "--call", method]
    for name, more in {
        "by reflection": [],
        "with our proto file": ["--proto", str(ROOT / "proto" / "grpc_service.proto")],
    }.items():
        with cases.case(f"ghz {name}"):
            done = subprocess.run(
                [*command, *more, "-d", json.dumps(request), server.grpc],
                capture_output=True,
                text=True,
                timeout=60,
            )
            equal(done.returncode, 0, done.stderr)
            report = json.loads(done.stdout)
            equal(report["statusCodeDistribution"], {"OK": calls})


def check_grpcurl(cases, server):
    try:
        program = go_program("grpcurl")
    except Missing as reason:
        cases.lack("grpcurl", reason)
        return

    def ask(*words):
        command = [program, "-plaintext", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        equal(done.returncode, 0, done.stderr)
        return done.stdout

    service = "inference.GRPCInferenceService"
    with cases.case("grpcurl lists the services"):
        listed = ask(server.grpc, "list").split()
        equal({service, "grpc.health.v1.Health"} - set(listed), set())
    with cases.case("grpcurl describes the twenty RPCs"):
        equal(ask(server.grpc, "describe", service).count("rpc "), 20)
    with cases.case("grpcurl describes a message"):
        described = ask(server.grpc, "describe", "inference.ModelInferRequest")
        if "raw_input_contents = 7" not in described:
            raise AssertionError(described)
    with cases.case("grpcurl calls a method"):
        answer = ask("-d", '{"name": "simple"}', server.grpc, f"{service}/ModelMetadata")
        equal(json.loads(answer)["name"], "simple")


def main():
    cases = Cases()
    with gateway(flags=["--allow-client-shm=true"]) as server:
        check_perf_analyzer(cases, server)
        check_ghz(cases, server)
        check_grpcurl(cases, server)
    cases.finish()


main()
