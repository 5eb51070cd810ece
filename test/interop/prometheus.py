"""A real Prometheus scrapes a gateway with traffic of two tenants for a minute, and answers the questions of
our dashboards and rules, of the public dashboards for Triton, and of the autoscaler KEDA.

The gateway has an emulated board, and GPUs whose sensors are read from a program in place of nvidia-smi.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import numpy
import tritonclient.grpc as triton
from support.cases import Cases, equal
from support.gateway import ROOT, gateway
from support.repository import add_model, echo_config
from tritonclient.utils import InferenceServerException

SECONDS = 60
SCRAPE_S = 2
START_LIMIT_S = 30
PACKAGED = ROOT / "src" / "telemetry"

NVIDIA_SMI = """#!/bin/sh
case "$*" in
  -L) echo "GPU 0: of a test (UUID: GPU-0b8e51c7-2f46-4d0a-9a13-c6f2d7e80b44)" ;;
  --query-gpu=uuid,temperature*)
    echo "uuid, temperature.gpu, power.draw [W], utilization.gpu [%], memory.used [MiB], power.limit [W]"
    echo "GPU-0b8e51c7-2f46-4d0a-9a13-c6f2d7e80b44, 38, 61.37 W, 45 %, 1203 MiB, 350.00 W" ;;
  *)
    echo "uuid, pci.bus_id, memory.total [MiB], mig.mode.current"
    echo "GPU-0b8e51c7-2f46-4d0a-9a13-c6f2d7e80b44, 00000000:07:00.0, 40960 MiB, Disabled" ;;
esac
"""

TENANTS = """
tenants:
  cms: { weight: 2 }
  atlas: { quota: { rowsPerSecond: 40 } }
identities:
  - { key: cms, keyFile: cms.keys, tenant: cms, roles: [infer] }
  - { key: atlas, keyFile: atlas.keys, tenant: atlas, roles: [infer] }
anonymous: { tenant: cms, roles: [observe] }
"""

#: What the panels of NVIDIA's and SuperSONIC's dashboards read, in the forms in which they do: operations.md, 1.2.
COUNTERS = [
    "nv_inference_exec_count",
    "nv_inference_count",
    "nv_inference_request_success",
    "nv_inference_request_failure",
    "nv_inference_queue_duration_us",
    "nv_inference_compute_input_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_compute_output_duration_us",
]
GAUGES = [
    "nv_gpu_utilization",
    "nv_gpu_power_usage",
    "nv_gpu_power_limit",
    "nv_gpu_memory_used_bytes",
    "nv_gpu_memory_total_bytes",
    "nv_cpu_utilization",
    "nv_cpu_memory_used_bytes",
    "nv_pinned_memory_pool_used_bytes",
]
OTHERS = [
    *[f"sum by (pod) ({name})" for name in COUNTERS],
    *[f"sum by (model, version) (rate({name}[30s]))" for name in COUNTERS],
    *[f"avg by (release) ({name})" for name in GAUGES],
    "count(count by (instance) (nv_inference_count))",
    "count by (release) (nv_gpu_utilization)",
    "sum by (pod) (rate(nv_inference_count[1m])) / on () group_left sum(rate(nv_inference_count[1m]))",
    "avg by (pod) (rate(nv_inference_queue_duration_us[30s]) / (1 + rate(nv_inference_request_success[30s])))",
    "sum by (gpu_uuid) (nv_gpu_memory_used_bytes) / sum by (gpu_uuid) (nv_gpu_memory_total_bytes)",
]
#: Milliseconds in the queue by executions, as KEDA is told to ask in operations.md, 1.2; and the direct question.
KEDA = [
    "sum by (release) (rate(nv_inference_queue_duration_us[30s]))"
    " / (sum by (release) (rate(nv_inference_exec_count[30s])) * 1000 + 0.001)",
    "max by (release) (beamgate_queue_seconds_ahead)",
]


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def new_key(folder, tenant):
    command = ["node", str(ROOT / "src/cli/beamgate.mjs"), "key", "new"]
    command += ["--file", str(folder / f"{tenant}.keys")]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


class Prometheus:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=20) as answer:
            return json.load(answer)["data"]

    def series(self, expression):
        return self.ask("query", query=expression)["result"]

    def number(self, expression):
        [only] = self.series(expression)
        return float(only["value"][1])


@contextlib.contextmanager
def prometheus(folder, target):
    """Scrapes `target` with the rules that we ship, until the block ends."""
    port = free_port()
    shutil.copy(PACKAGED / "rules" / "beamgate.rules.yaml", folder)
    labels = {"release": "beamgate", "pod": "beamgate-0", "namespace": "hep"}
    config = {
        "global": {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"},
        "rule_files": ["beamgate.rules.yaml"],
        "scrape_configs": [
            {"job_name": "beamgate", "static_configs": [{"targets": [target], "labels": labels}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    command = ["prometheus", f"--config.file={folder}/prometheus.yml"]
    command += [f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"]
    command += ["--enable-feature=exemplar-storage"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        end = time.monotonic() + START_LIMIT_S
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).close()
                break
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError((folder / "prometheus.log").read_text()[-2000:])
            time.sleep(0.1)
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(15)


class Traffic(threading.Thread):
    """One tenant's requests until it is stopped; now and then one that is wrong."""

    def __init__(self, address, key, model, rows, pause_s):
        super().__init__(daemon=True)
        self.address, self.key, self.model = address, key, model
        self.rows, self.pause_s = rows, pause_s
        self.answered = self.refused = 0
        self.stopping = threading.Event()

    def run(self):
        headers = {"x-api-key": self.key}
        name, width = ("INPUT0", 4) if self.model != "jets" else ("input", 16)
        with triton.InferenceServerClient(self.address) as client:
            turn = 0
            while not self.stopping.wait(self.pause_s):
                turn += 1
                wide = width + 1 if turn % 10 == 0 else width
                tensor = triton.InferInput(name, [self.rows, wide], "FP32")
                tensor.set_data_from_numpy(numpy.ones((self.rows, wide), numpy.float32))
                try:
                    client.infer(self.model, [tensor], headers=headers)
                    self.answered += 1
                except InferenceServerException:
                    self.refused += 1


def fill_repository(folder):
    add_model(folder, "slow", echo_config("slow", "FP32", [4], 8, 20, "dynamic_batching { }"))
    add_model(folder, "quick", echo_config("quick", "FP32", [4], 64, 0, "dynamic_batching { }"))
    source = ROOT / "models" / "jet_tagger"
    jets = pathlib.Path(folder) / "jets"
    (jets / "1").mkdir(parents=True)
    config = (source / "config.pbtxt").read_text().replace('"jet_tagger"', '"jets"')
    (jets / "config.pbtxt").write_text(config)
    shutil.copy(source / "labels.txt", jets)
    shutil.copy(source / "1" / "model.onnx", jets / "1")
    for variant in source.glob("1/*/manifest.json"):
        if json.loads(variant.read_text())["backend"] == "intel-fpga":
            shutil.copytree(variant.parent, jets / "1" / variant.parent.name)


def panels():
    """(dashboard, title, expression) of everything our dashboards ask, with their variables at `All`."""
    for path in sorted((PACKAGED / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                expression = re.sub(r"\$(model|tenant)", ".*", target["expr"])
                yield path.stem, panel["title"], expression


def check_answers(cases, server, answers):
    with cases.case("every scrape succeeded, and none was late"):
        equal(server.number("min_over_time(up{job='beamgate'}[60s])"), 1.0)
        if server.number("max_over_time(scrape_duration_seconds[60s])") > SCRAPE_S:
            raise AssertionError("a scrape took longer than the time between two")
    with cases.case("the counters are those of the clients, for each tenant and in all"):
        # Scraped once more after the traffic ended.
        time.sleep(2 * SCRAPE_S)
        for tenant, count in answers.items():
            told = f"sum(beamgate_usage_requests_total{{tenant='{tenant}'}})"
            equal(server.number(told), float(count), tenant)
            timed = f"sum(beamgate_request_seconds_count{{tenant='{tenant}'}})"
            equal(server.number(timed), float(count), f"{tenant}, histogram")
        total = server.number("sum(nv_inference_request_success)")
        equal(total, float(sum(answers.values())), "nv_inference_request_success")
    for board, title, expression in panels():
        with cases.case(f"our dashboard {board}, {title}: {expression[:60]}"):
            if not server.series(expression):
                raise AssertionError(f"no data: {expression}")
    for expression in OTHERS + KEDA:
        with cases.case(f"others ask {expression[:70]}"):
            if not server.series(expression):
                raise AssertionError(f"no data: {expression}")
    groups = server.ask("rules")["groups"]
    for rule in [rule for group in groups for rule in group["rules"]]:
        with cases.case(f"rule {rule['name']} is evaluated"):
            equal(rule["health"], "ok", rule.get("lastError", "health"))
            if rule["type"] == "recording" and not server.series(rule["name"]):
                raise AssertionError("no data")
    with cases.case("a bucket of latencies leads to a traced request"):
        end = time.time()
        found = server.ask(
            "query_exemplars",
            query="beamgate_request_seconds_bucket",
            start=end - 2 * SECONDS,
            end=end,
        )
        identifiers = [one["labels"]["trace_id"] for each in found for one in each["exemplars"]]
        if not identifiers or not all(re.fullmatch("[0-9a-f]{32}", one) for one in identifiers):
            raise AssertionError(f"exemplars: {identifiers}")


def main():
    cases = Cases()
    if not shutil.which("prometheus"):
        cases.lack("a real Prometheus", "Debian's package prometheus is not installed")
        cases.finish()
    with tempfile.TemporaryDirectory(prefix="beamgate-prometheus-") as name:
        folder = pathlib.Path(name)
        models = folder / "models"
        models.mkdir()
        fill_repository(models)
        tool = folder / "nvidia-smi"
        tool.write_text(NVIDIA_SMI)
        tool.chmod(0o755)
        keys = {tenant: new_key(folder, tenant) for tenant in ("cms", "atlas")}
        (folder / "tenants.yaml").write_text(TENANTS)
        backends = [
            {"kind": "intel-fpga", "options": {"emulated": {"boards": 1}}},
            {"kind": "gpu", "options": {"nvidiaSmi": str(tool)}},
        ]
        (folder / "gateway.yaml").write_text(json.dumps({"backends": backends}))
        flags = ["--config", str(folder / "gateway.yaml")]
        flags += ["--tenants-file", str(folder / "tenants.yaml")]
        flags += [f"--trace-config=triton,file={folder}/trace.json", "--trace-config=rate=100"]
        flags += ["--trace-config=level=TIMESTAMPS"]
        with gateway(models, flags=flags) as gate, prometheus(folder, gate.metrics) as server:
            traffic = [
                Traffic(gate.grpc, keys["cms"], "slow", 2, 0.01),
                Traffic(gate.grpc, keys["cms"], "jets", 16, 0.05),
                Traffic(gate.grpc, keys["atlas"], "quick", 1, 0.01),
                Traffic(gate.grpc, keys["atlas"], "slow", 1, 0.05),
            ]
            for each in traffic:
                each.start()
            seconds = int(os.environ.get("PROMETHEUS_SECONDS", SECONDS))
            time.sleep(seconds)
            for each in traffic:
                each.stopping.set()
            for each in traffic:
                each.join(30)
            cms, atlas = traffic[:2], traffic[2:]
            with cases.case("both tenants were answered and refused"):
                for each in traffic:
                    if each.answered == 0 or each.refused == 0:
                        raise AssertionError(f"{each.model}: {each.answered}, {each.refused}")
            answers = {
                "cms": sum(each.answered for each in cms),
                "atlas": sum(each.answered for each in atlas),
            }
            check_answers(cases, server, answers)
    cases.finish()


main()
