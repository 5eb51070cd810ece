"""The registry from an empty folder on: register, gate, serve, promote, pin, retire, with our CLI and the official client.

The jet tagger for the CPU, an emulated U50 and an emulated Intel board under one name; golden files written by
numpy; artifacts that are wrong in one thing each, refused at the check that names it.
"""

import contextlib
import hashlib
import json
import pathlib
import re
import subprocess
import tempfile

import numpy
import tritonclient.grpc as triton
from boards import PACKAGES, ROWS, have_boards, infer, toy_jets
from support.cases import Cases, contains, equal
from support.gateway import ROOT, SHARED, gateway
from tritonclient.utils import InferenceServerException

JET = ROOT / "models" / "jet_tagger"
ONNX = JET / "1" / "model.onnx"
CLASS = "abs:0.02"
REFUSED = 3


class Registry:
    """`beamgate model ...` against one gateway."""

    def __init__(self, url):
        self.url = url

    def run(self, *words, status=0):
        command = ["node", str(ROOT / "src/cli/beamgate.mjs"), "model", *map(str, words)]
        done = subprocess.run(
            [*command, "--url", self.url, "-o", "json"], capture_output=True, text=True, timeout=300
        )
        if done.returncode != status:
            raise AssertionError(f"exit code {done.returncode}: {done.stderr[-1500:]}")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def artifacts(self, *words):
        """Rows of the list."""
        return self.run("ls", *words)["artifacts"]

    def register(self, name, version, vendor, artifact, *more, status=0):
        words = ["--name", name, "--version", version, "--vendor", vendor, "--artifact", artifact]
        return self.run("register", *words, *more, status=status)

    def refused_at(self, check, *arguments):
        """Registers what is wrong; the answer names the check, what was found and what to do."""
        report = self.register(*arguments, status=REFUSED)
        failed = [one for one in report["checks"] if one["outcome"] == "failed"]
        equal([one["check"] for one in failed], [check], f"failed checks ({failed})")
        if not failed[0]["reason"] or not failed[0]["remedy"]:
            raise AssertionError(f"no reason or no remedy: {failed}")
        return failed[0]


@contextlib.contextmanager
def serving(store, boards=2, trust=None):
    with tempfile.TemporaryDirectory(prefix="beamgate-registry-") as folder:
        emulated = {"options": {"emulated": {"boards": boards}}}
        config = {
            "backends": [{"kind": kind, **emulated} for kind in PACKAGES],
            "registry": {"folder": str(store), **({"trustFile": str(trust)} if trust else {})},
        }
        path = pathlib.Path(folder) / "gateway.yaml"
        path.write_text(json.dumps(config))
        empty = pathlib.Path(folder) / "models"
        empty.mkdir()
        with gateway(empty, flags=["--config", str(path)]) as server:
            with triton.InferenceServerClient(server.grpc) as client:
                yield server, client, Registry(server.http)


def config_of(model, folder):
    """Its configuration without the name: it is registered under another."""
    text = (ROOT / "models" / model / "config.pbtxt").read_text()
    path = folder / f"{model}.pbtxt"
    path.write_text(re.sub(r'^name: .*$', "", text, flags=re.MULTILINE))
    return path


def save_jets(folder):
    """Golden inputs of the world that the boards' numbers are made for."""
    numpy.savez(folder / "jets.npz", input=toy_jets()[:2000])
    return folder / "jets.npz"


def artifact(board):
    [manifest] = (JET / "1" / board).glob("manifest.json")
    file = json.loads(manifest.read_text())["artifact"]["file"]
    return manifest.parent / file, manifest


def changed(folder, board, change, digest=True):
    """A copy of a board's artifact and manifest with other bytes. `change` takes and gives bytes."""
    file, manifest = artifact(board)
    folder.mkdir()
    image = change(file.read_bytes())
    (folder / file.name).write_bytes(image)
    written = json.loads(manifest.read_text())
    if digest:
        written["artifact"]["digest"] = f"sha256:{hashlib.sha256(image).hexdigest()}"
    (folder / "manifest.json").write_text(json.dumps(written))
    return folder / file.name, "--manifest", folder / "manifest.json"


def wrong_weight(image):
    """One weight of three digits that begins with 1 begins with 9 instead."""
    weights = image.index(b'"weights_raw":[')
    at = re.compile(rb"(?<=[,\[-])1\d\d(?=,)").search(image, weights).start()
    return image[:at] + b"9" + image[at + 1 :]


def position_dependent(source):
    """The 42nd of every 97 rows of a batch gets another answer."""
    right = b"(short)lane[l]"
    equal(source.count(right), 1, "places of the kernel that store an output")
    return source.replace(right, b"(short)(lane[l] + ((row + l) % 97 == 41 ? 900 : 0))")


def three_vendors(cases, client, registry, folder):
    with cases.case("jet_tagger for the CPU: registered from nothing, passes, serves"):
        config = ["--config", config_of("jet_tagger", folder), "--file", JET / "labels.txt"]
        golden = ["--golden", save_jets(folder), "--class", CLASS]
        report = registry.register("jets", 1, "cpu", ONNX, *config, *golden)
        equal(report["artifact"]["state"], "ready", "state")
    for vendor, board in (("xilinx", "u50"), ("intel", "intel")):
        with cases.case(f"jet_tagger for {vendor}: within {CLASS} of the CPU on an emulated board"):
            file, manifest = artifact(board)
            report = registry.register(
                "jets", 1, vendor, file, "--manifest", manifest, "--class", CLASS
            )
            summary = report["artifact"]["verdictSummary"]
            equal(report["artifact"]["state"], "ready", "state")
            equal((summary["passed"], summary["emulated"]), (True, True), "verdict")
            if not 0 < summary["worst"] <= 0.02:
                raise AssertionError(f"largest error {summary['worst']}")
    with cases.case("the table has three variants, their verdicts and errors"):
        listed = registry.artifacts()
        rows = [row for row in listed if row["name"] == "jets"]
        equal(sorted(row["vendor"] for row in rows), ["cpu", "intel", "xilinx"], "vendors")
        equal({row["state"] for row in rows}, {"ready"}, "states")
    with cases.case(f"one name: {ROWS} rows by each of them, boards with the same bits"):
        jets = {"input": toy_jets()}
        answers = {
            variant: infer(client, "jets", jets, variant)[0]["probabilities"]
            for variant in ("xilinx", "intel", "cpu")
        }
        equal(answers["xilinx"].tobytes() == answers["intel"].tobytes(), True, "same bits")
        farthest = float(numpy.abs(answers["xilinx"] - answers["cpu"]).max())
        if not 0 < farthest <= 0.02:
            raise AssertionError(f"{farthest} from the CPU's answers")
    with cases.case("registering the same again changes nothing"):
        file, manifest = artifact("u50")
        report = registry.register(
            "jets", 1, "xilinx", file, "--manifest", manifest, "--class", CLASS
        )
        equal(report["unchanged"], True, "unchanged")
    with cases.case("the verdict is signed, and describe shows its worst rows"):
        described = registry.run("describe", "jets:1")
        contains(json.dumps(described), "ed25519")
        contains(json.dumps(described), "worst")


def refusals(cases, registry, folder):
    config = ["--config", folder / "jet_tagger.pbtxt", "--file", JET / "labels.txt"]
    golden = ["--golden", folder / "jets.npz", "--class", CLASS]
    with cases.case("jet_tagger 2 for the CPU, as the reference"):
        registry.register("jets", 2, "cpu", ONNX, *config, *golden)
    xilinx, intel = ["jets", 2, "xilinx"], ["jets", 2, "intel"]
    made = iter(folder / f"wrong-{number}" for number in range(100))

    def wrong(board, change, digest=True):
        return (*changed(next(made), board, change, digest), "--class", CLASS)

    with cases.case("one wrong weight: refused at numeric-equivalence, with the rows"):
        failed = registry.refused_at("numeric-equivalence", *xilinx, *wrong("u50", wrong_weight))
        contains(failed["reason"], "row")
    with cases.case("an answer that depends on the place in the batch: refused at batch-invariance"):
        registry.refused_at("batch-invariance", *intel, *wrong("intel", position_dependent))
    with cases.case("compiled for another shell: refused at platform"):
        shell = b"xilinx_u50_gen3x16_xdma_base_5"
        other = b"xilinx_u50_gen3x16_xdma_base_3"
        registry.refused_at(
            "platform", *xilinx, *wrong("u50", lambda image: image.replace(shell, other))
        )
    with cases.case("one tampered byte: refused at digest"):
        tampered = wrong("u50", lambda image: image[:-9] + b"#" + image[-8:], digest=False)
        registry.refused_at("digest", *xilinx, *tampered)
    with cases.case("truncated: refused at container"):
        truncated = wrong("u50", lambda image: image[: len(image) // 2])
        registry.refused_at("container", *xilinx, *truncated)
    with cases.case("a U50's image for an Intel board, and the other way round: refused at vendor"):
        u50, u50_manifest = artifact("u50")
        aocr, aocr_manifest = artifact("intel")
        registry.refused_at("vendor", *intel, u50, "--manifest", u50_manifest)
        registry.refused_at("vendor", *xilinx, aocr, "--manifest", aocr_manifest)
    with cases.case("nothing that was refused serves, and jets 1 goes on"):
        rows = [row for row in registry.artifacts("--all") if row["name"] == "jets"]
        ready = {(row["version"], row["vendor"]) for row in rows if row["state"] == "ready"}
        equal(
            ready,
            {("1", "cpu"), ("1", "xilinx"), ("1", "intel"), ("2", "cpu")},
            "ready artifacts",
        )


def signatures(cases, registry, keys, folder):
    file, manifest = artifact("u50")

    def sign(key):
        path = folder / f"{key}.signature"
        signed = subprocess.run(
            [
                *("node", str(ROOT / "src/cli/beamgate.mjs"), "model", "sign", str(file)),
                *("--vendor", "xilinx", "--key-id", key, "--key", str(keys / f"{key}.pem")),
                *("-o", "json"),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        path.write_text(signed.stdout)
        return path

    for key, word in (("expired", "expired"), ("stranger", "unknown")):
        with cases.case(f"a signature by a key that is {word}: refused at signature"):
            failed = registry.refused_at(
                "signature",
                *("jets", 2, "xilinx", file, "--manifest", manifest, "--class", CLASS),
                *("--signature", sign(key)),
            )
            contains(failed["reason"].lower(), word)
    with cases.case("a signature by a key that is trusted: passes"):
        report = registry.register(
            *("jets", 2, "xilinx", file, "--manifest", manifest, "--class", CLASS),
            *("--signature", sign("trusted")),
        )
        equal(report["artifact"]["signature"]["keyId"], "trusted", "key")


def make_keys(folder):
    """Three pairs by openssl, of which the gateway trusts one and a half."""
    trusted = []
    for key in ("trusted", "expired", "stranger"):
        pem, public = folder / f"{key}.pem", folder / f"{key}.pub"
        for words in (
            ["genpkey", "-algorithm", "ed25519", "-out", str(pem)],
            ["pkey", "-in", str(pem), "-pubout", "-out", str(public)],
        ):
            subprocess.run(["openssl", *words], check=True, capture_output=True)
        until = {"notAfter": "2020-01-01T00:00:00Z"} if key == "expired" else {}
        if key != "stranger":
            entry = {"id": key, "publicKey": public.read_text(), "vendors": ["xilinx"], **until}
            trusted.append(entry)
    path = folder / "trust.json"
    path.write_text(json.dumps({"keys": trusted}))
    return path


def lifecycle(cases, client, registry):
    jets = {"input": toy_jets()[:64]}

    def digest(**parameters):
        tensor = triton.InferInput("input", [64, 16], "FP32").set_data_from_numpy(jets["input"])
        answer = client.infer("jets", [tensor], parameters=parameters, client_timeout=60)
        parameters = answer.get_response().parameters
        return answer.get_response().model_version, parameters["beamgate_artifact"].string_param

    with cases.case("production stays at 1 until it is promoted, and goes back in one command"):
        equal(digest()[0], "1", "version")
        registry.run("promote", "jets:2", "--alias", "production")
        equal(digest()[0], "2", "version")
        registry.run("rollback", "jets")
        equal(digest()[0], "1", "version")
    with cases.case("a candidate gets its share"):
        registry.run("promote", "jets:2", "--alias", "candidate", "--weight", "0.25")
        versions = [digest()[0] for _ in range(200)]
        if abs(versions.count("2") - 50) > 2:
            raise AssertionError(f"{versions.count('2')} of 200 went to the candidate")
    with cases.case("pinned by digest: that artifact and no other; one that is nowhere is refused"):
        onnx = "sha256:" + hashlib.sha256(ONNX.read_bytes()).hexdigest()
        xclbin = "sha256:" + hashlib.sha256(artifact("u50")[0].read_bytes()).hexdigest()
        for wanted in (onnx, xclbin):
            equal(digest(beamgate_digest=wanted)[1], wanted, "artifact")
        for unknown in ({"beamgate_digest": "sha256:" + "0" * 64}, {"beamgate_vendor": "nvidia"}):
            try:
                digest(**unknown)
            except InferenceServerException as error:
                contains(str(error.status()), "FAILED_PRECONDITION")
            else:
                raise AssertionError(f"{unknown} was answered")
    with cases.case("what an alias needs, or somebody pinned, is not retired; the rest is"):
        registry.run("retire", "jets:1", status=REFUSED)
        registry.run("pin", "jets:2@xilinx", "--note", "thesis")
        registry.run("retire", "jets:2@xilinx", status=REFUSED)
        registry.run("unpin", "jets:2@xilinx")
        registry.run("retire", "jets:2@xilinx")
        rows = registry.artifacts("--all")
        [row] = [
            row
            for row in rows
            if (row["name"], row["version"], row["vendor"]) == ("jets", "2", "xilinx")
            and row["state"] != "refused"
        ]
        equal(row["state"], "retired", "state")
    with cases.case("the audit log has every step, by whom"):
        actions = {entry["action"] for entry in registry.run("audit")}
        for action in ("register", "promote", "rollback", "pin", "retire"):
            contains(" ".join(actions), action)


def given_golden(cases, client, registry, folder):
    """simple: sums and differences of INT32, golden files by numpy."""
    draw = numpy.random.default_rng(1)
    rows = 300
    a, b = (draw.integers(-1000, 1000, (rows, 16), numpy.int32) for _ in range(2))
    numpy.savez(folder / "in.npz", INPUT0=a, INPUT1=b)
    numpy.savez_compressed(folder / "out.npz", OUTPUT0=a + b, OUTPUT1=a - b)
    numpy.savez(folder / "bad.npz", OUTPUT0=a + b, OUTPUT1=a - b + (numpy.arange(rows) == 7)[:, None])
    model = ROOT / "models" / "simple"
    given = ["simple", 1, "cpu", model / "1" / "model.onnx", "--config", model / "config.pbtxt"]
    with cases.case("golden files by numpy: one wrong row is named"):
        failed = registry.refused_at(
            "numeric-equivalence",
            *(*given, "--class", "bit-exact", "--golden", folder / "in.npz", folder / "bad.npz"),
        )
        contains(failed["reason"], "row 7")
    with cases.case("golden files by numpy: bit-exact"):
        golden = ["--golden", folder / "in.npz", folder / "out.npz"]
        report = registry.register(*given, "--class", "bit-exact", *golden)
        equal(report["artifact"]["verdictSummary"]["rows"], rows, "rows")
        tensors = [
            triton.InferInput(name, [1, 16], "INT32").set_data_from_numpy(values[:1])
            for name, values in (("INPUT0", a), ("INPUT1", b))
        ]
        equal(
            client.infer("simple", tensors).as_numpy("OUTPUT0").tolist(), (a + b)[:1].tolist(), "sum"
        )


def real_artifacts(cases, registry):
    """Files that vendors' tools made: stored and validated, executed nowhere here."""
    artifacts = SHARED / "artifacts"
    if not artifacts.is_dir():
        cases.lack("real artifacts", f"{artifacts} is not here")
        return
    files = {
        "aws_f1.vision.awsxclbin": "xilinx",
        "aws_f1.optimization_lab.awsxclbin": "xilinx",
        "u50_yolov3_adas_pruned_0_9.xmodel": "xilinx",
        "intel_example.aocr": "intel",
        "pac_nlb0_d8424dc4.gbs": "intel",
    }
    for number, (name, vendor) in enumerate(files.items(), 1):
        with cases.case(f"{name}: stored and validated"):
            report = registry.register("real", number, vendor, artifacts / name)
            equal(report["artifact"]["state"], "validated", "state")
            if not report["artifact"]["reason"]:
                raise AssertionError("it does not say why it is not executed")


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-registry-") as place:
        folder = pathlib.Path(place)
        trust = make_keys(folder)
        store = folder / "store"
        with serving(store, trust=trust) as (server, client, registry):
            given_golden(cases, client, registry, folder)
            real_artifacts(cases, registry)
            if have_boards(cases, server, "registered artifacts on boards"):
                three_vendors(cases, client, registry, folder)
                refusals(cases, registry, folder)
                signatures(cases, registry, folder, folder)
                lifecycle(cases, client, registry)
            before = registry.artifacts("--all")
        if before:
            with serving(store, trust=trust) as (server, client, registry):
                with cases.case("after a restart: the same list, the same answers"):
                    equal(registry.artifacts("--all"), before, "list")
                    infer(client, "jets", {"input": toy_jets()[:64]}, "xilinx")
    cases.finish()


if __name__ == "__main__":
    main()
