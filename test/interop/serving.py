"""How an operator starts it: flags, ports, addresses, and the HTTP face that probes look at."""

import json
import subprocess
import tempfile
import urllib.error
import urllib.request

from support.cases import Cases, contains, equal
from support.gateway import ROOT, gateway
from support.repository import add_model, add_sub_config


def http(address, path, method="GET"):
    """(status, body)"""
    body = b"" if method == "POST" else None
    request = urllib.request.Request(f"http://{address}{path}", body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def refused(*flags):
    """Text of a start that must fail."""
    command = ["node", str(ROOT / "src/cli/beamgate.mjs"), "serve", *flags]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    text = done.stdout + done.stderr
    if done.returncode == 0:
        raise AssertionError(f"it ended with status 0:\n{text[-1000:]}")
    return text


def check_http(cases, server):
    with cases.case("HTTP: server metadata and health"):
        status, body = http(server.http, "/v2")
        equal((status, json.loads(body)["name"]), (200, "triton"))
        equal(http(server.http, "/v2/health/live")[0], 200)
        equal(http(server.http, "/v2/health/ready")[0], 200)
    with cases.case("HTTP: model ready"):
        equal(http(server.http, "/v2/models/simple/ready")[0], 200)
        equal(http(server.http, "/v2/models/simple/versions/1/ready")[0], 200)
        equal(http(server.http, "/v2/models/nobody/ready")[0], 400)
    with cases.case("HTTP: repository index"):
        status, body = http(server.http, "/v2/repository/index", "POST")
        entries = [(m["name"], m["version"], m["state"]) for m in json.loads(body)]
        equal((status, entries), (200, [("simple", "1", "READY")]))
    with cases.case("metrics page"):
        status, body = http(server.metrics, "/metrics")
        equal(status, 200)
        contains(body, 'nv_inference_request_success{model="simple"')


def check_flags(cases, folder, server):
    ports = ["--http-port", "0", "--metrics-port", "0"]
    models = ["--model-repository", folder]
    with cases.case("a taken port is said in the words that launchers look for"):
        taken = server.grpc.rsplit(":", 1)[1]
        contains(refused("--grpc-port", taken, *ports, *models), "Address already in use")
    free = ["--grpc-port", "0", *ports, *models]
    with cases.case("an unknown flag is refused with a suggestion"):
        contains(refused("--model-repositry", folder), "--model-repository")
    with cases.case("an address beyond loopback is refused without authentication"):
        contains(refused("--grpc-address", "0.0.0.0", *free), "--insecure-no-auth")
        contains(refused("--http-address", "0.0.0.0", *free), "--insecure-no-auth")
    with cases.case("a flag without meaning here costs one warning line"):
        flags = ["--pinned-memory-pool-byte-size=268435456"]
        with gateway(folder, flags=flags) as other:
            lines = [line for line in other.log().splitlines() if "pinned-memory-pool-byte-size" in line]
            equal(len(lines), 1, "lines")
    with cases.case("with --insecure-no-auth it serves on every address"):
        flags = ["--insecure-no-auth", "--grpc-address=0.0.0.0", "--http-address=0.0.0.0"]
        with gateway(folder, flags=flags) as other:
            equal(other.grpc.startswith("0.0.0.0:"), True, other.grpc)
            port = other.http.rsplit(":", 1)[1]
            equal(http(f"127.0.0.1:{port}", "/v2/health/ready")[0], 200)
    with cases.case("explicit mode serves what --load-model names"):
        flags = ["--model-control-mode=explicit", "--load-model=simple"]
        with gateway(folder, flags=flags) as other:
            equal(http(other.http, "/v2/models/simple/ready")[0], 200)
    with cases.case("a broken model: not ready under strict readiness, but the others serve"):
        with tempfile.TemporaryDirectory(prefix="beamgate-models-") as broken:
            add_model(broken, "broken", 'platform: "onnxruntime_onnx"\nmax_batch_size: 1\n')
            with gateway(folder, broken) as other:
                equal(http(other.http, "/v2/health/live")[0], 200)
                equal(http(other.http, "/v2/health/ready")[0], 400)
                equal(http(other.http, "/v2/models/simple/ready")[0], 200)
            with gateway(folder, broken, flags=["--strict-readiness=false"]) as other:
                equal(http(other.http, "/v2/health/ready")[0], 200)
    with cases.case("explicit mode serves nothing else"):
        with gateway(folder, flags=["--model-control-mode=explicit"]) as other:
            equal(http(other.http, "/v2/models/simple/ready")[0], 400)


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        add_model(folder, "simple", add_sub_config("simple"))
        with gateway(folder) as server:
            check_http(cases, server)
            check_flags(cases, folder, server)
    cases.finish()


main()
