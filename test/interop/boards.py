"""One model name on an emulated U50, an emulated Intel board and the CPU, with the official client.

jet_tagger as it lies in models/: bit-identical answers from both boards, the CPU within the tolerance that
fixed-point.json declares. Networks of ../shared/data/fixed_point, compiled by models/make/compile-board:
the integers of their golden vectors, from both boards.
"""

import contextlib
import hashlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.request

import numpy
import tritonclient.grpc as triton
from support.cases import Cases, contains, equal
from support.gateway import ROOT, SHARED, gateway
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

ROWS = 20_000
ROWS_PER_REQUEST = 4_000
SEED = 7
NETWORKS = ["facile_u250", "jet_hls4ml_10_4", "nnpuppitau_v1", "axol1tl_v4"]
GOLDEN = SHARED / "data" / "fixed_point"
PACKAGES = {
    "xilinx-u50": "libxrt1 and ocl-icd-libopencl1",
    "intel-fpga": "pocl-opencl-icd and ocl-icd-libopencl1",
}
MAX_BATCH_SIZE = 65_536


@contextlib.contextmanager
def serving(repository, u50, intel):
    """A gateway with emulated boards, and a client of it."""
    backends = [("xilinx-u50", u50), ("intel-fpga", intel)]
    entries = [
        {"kind": kind, "options": {"emulated": {"boards": boards}}} for kind, boards in backends
    ]
    with tempfile.TemporaryDirectory(prefix="beamgate-boards-") as folder:
        config = pathlib.Path(folder) / "gateway.yaml"
        config.write_text(json.dumps({"backends": entries}))
        with gateway(repository, flags=["--config", str(config)]) as server:
            with triton.InferenceServerClient(server.grpc) as client:
                yield server, client


def devices(server):
    with urllib.request.urlopen(f"http://{server.http}/v2/beamgate/devices", timeout=10) as answer:
        return json.load(answer)


def have_boards(cases, server, name):
    """Whether both kinds of boards are here; says what to install for those that are not."""
    kinds = {device["backend"] for device in devices(server)}
    for kind, packages in PACKAGES.items():
        if kind not in kinds:
            cases.lack(name, f"no emulated {kind} board: Debian's {packages} are not installed")
    return kinds >= set(PACKAGES)


def infer(client, model, inputs, variant):
    """Outputs by name, of all rows, and the parameters of the last response."""
    rows = len(next(iter(inputs.values())))
    parts, parameters = {}, {}
    for first in range(0, rows, ROWS_PER_REQUEST):
        tensors = []
        for name, values in inputs.items():
            part = values[first : first + ROWS_PER_REQUEST]
            tensors.append(triton.InferInput(name, list(part.shape), np_to_triton(part)))
            tensors[-1].set_data_from_numpy(part)
        wish = {"beamgate_variant": variant}
        result = client.infer(model, tensors, parameters=wish, client_timeout=60)
        response = result.get_response()
        parameters = {key: typed(value) for key, value in response.parameters.items()}
        for output in response.outputs:
            parts.setdefault(output.name, []).append(result.as_numpy(output.name))
    return {name: numpy.concatenate(some) for name, some in parts.items()}, parameters


def np_to_triton(values):
    kind = {"f": "FP", "i": "INT", "u": "UINT"}[values.dtype.kind]
    return f"{kind}{8 * values.dtype.itemsize}"


def typed(parameter):
    return getattr(parameter, parameter.WhichOneof("parameter_choice"))


def toy_jets():
    program = ROOT / "test/interop/support/toy-jets.mjs"
    command = ["node", str(program), str(ROWS), str(SEED)]
    made = subprocess.run(command, capture_output=True, check=True)
    return numpy.frombuffer(made.stdout, numpy.float32).reshape(ROWS, 16)


def add_jet_tagger(repository, name, variants):
    """models/jet_tagger under another name, with some of its variants."""
    source = ROOT / "models" / "jet_tagger"
    folder = pathlib.Path(repository) / name
    (folder / "1").mkdir(parents=True)
    config = (source / "config.pbtxt").read_text()
    (folder / "config.pbtxt").write_text(config.replace('"jet_tagger"', f'"{name}"'))
    shutil.copy(source / "labels.txt", folder)
    shutil.copy(source / "1" / "model.onnx", folder / "1")
    for variant in variants:
        shutil.copytree(source / "1" / variant, folder / "1" / variant)
    return folder / "1"


def flip_weight(variant):
    """One bit of one byte of a weight in the BITSTREAM, and the manifest's digest to go with it."""
    path = variant / "jet_tagger.xclbin"
    image = bytearray(path.read_bytes())
    # The leading digit of a weight of three digits: another digit, never 0.
    weights = image.index(b'"weights_raw":[')
    at = re.compile(rb"(?<=[,\[-])[2-9]\d\d(?=,)").search(image, weights).start()
    image[at] ^= 1
    path.write_bytes(image)
    manifest = json.loads((variant / "manifest.json").read_text())
    manifest["artifact"]["digest"] = f"sha256:{hashlib.sha256(image).hexdigest()}"
    (variant / "manifest.json").write_text(json.dumps(manifest))


def check_origin(parameters, variant, backend, server):
    equal(parameters.get("beamgate_variant"), variant, "beamgate_variant")
    equal(parameters.get("beamgate_emulated", False), backend in PACKAGES, "beamgate_emulated")
    device = parameters.get("beamgate_device")
    ids = [one["id"] for one in devices(server) if one["backend"] == backend]
    if device not in ids:
        raise AssertionError(f"beamgate_device: expected one of {ids}, got {device!r}")


def one_name(cases, server, client):
    jets = {"input": toy_jets()}
    answers = {}
    served = {"u50": "xilinx-u50", "intel": "intel-fpga", "arm-cpu": "arm-cpu"}
    for variant, backend in served.items():
        with cases.case(f"jet_tagger: {ROWS} rows by {variant}, which says so"):
            outputs, parameters = infer(client, "jet_tagger", jets, variant)
            answers[variant] = outputs["probabilities"]
            equal(answers[variant].shape, (ROWS, 5), "shape")
            check_origin(parameters, variant, backend, server)
    with cases.case("jet_tagger: the same bits from both boards"):
        equal(answers["u50"].tobytes() == answers["intel"].tobytes(), True, "same bits")
    declared = json.loads((ROOT / "models/jet_tagger/fixed-point.json").read_text())["tolerance"]
    with cases.case(f"jet_tagger: the CPU's floats are within {declared}, and other bits"):
        farthest = float(numpy.abs(answers["u50"] - answers["arm-cpu"]).max())
        if not 0 < farthest <= declared:
            raise AssertionError(f"{farthest} from the boards' answers")
    with cases.case("jet_tagger: what no variant is called is refused by name"):
        try:
            infer(client, "jet_tagger", {"input": jets["input"][:1]}, "u250")
        except InferenceServerException as error:
            contains(error.message(), "u250")
        else:
            raise AssertionError("it was answered")
    with cases.case("jet_flipped: one bit of one weight in the BITSTREAM gives other answers"):
        flipped = infer(client, "jet_flipped", jets, "u50")[0]["probabilities"]
        changed = int((flipped != answers["u50"]).any(axis=1).sum())
        if changed == 0:
            raise AssertionError("the same answers")
        floats = infer(client, "jet_flipped", jets, "arm-cpu")[0]["probabilities"]
        equal(floats.tobytes() == answers["arm-cpu"].tobytes(), True, "the CPU's answers stay")


def inventory(cases, server):
    with cases.case("/v2/beamgate/devices lists the boards, as emulated"):
        listed = devices(server)
        for kind, boards in (("xilinx-u50", 2), ("intel-fpga", 1)):
            emulated = [one["emulated"] for one in listed if one["backend"] == kind]
            equal(emulated, [True] * boards, f"emulated boards of {kind}")


def compile_network(network, board, into, *more):
    command = ["node", str(ROOT / "dist/models/make/compile-board.js"), str(network)]
    command += ["--for", board, "--out", str(into), *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads((into / "manifest.json").read_text())


def add_network(repository, name):
    folder = pathlib.Path(repository) / name
    for board in ("u50", "intel"):
        network = GOLDEN / f"{name}.model.json"
        manifest = compile_network(network, board, folder / "1" / board, "--integers")

    def tensors(side):
        return ", ".join(
            f'{{ name: "{tensor["name"]}" data_type: TYPE_{tensor["datatype"]} '
            f"dims: [ {tensor['shape'][0]} ] }}"
            for tensor in manifest[side]
        )

    config = f"""
name: "{name}"
backend: "xilinx-u50"
max_batch_size: {MAX_BATCH_SIZE}
input [ {tensors("inputs")} ]
output [ {tensors("outputs")} ]
dynamic_batching {{ }}
"""
    (folder / "config.pbtxt").write_text(config)
    return manifest


def golden(cases, server, client, name, manifest):
    lines = (GOLDEN / f"{name}.vectors.jsonl").read_text().splitlines()
    vectors = [json.loads(line) for line in lines]
    [source] = manifest["inputs"]
    rows = numpy.array([vector["in"] for vector in vectors], triton_to_np_dtype(source["datatype"]))
    for variant, backend in (("u50", "xilinx-u50"), ("intel", "intel-fpga")):
        with cases.case(f"{name}: {len(vectors)} golden vectors by {variant}, every integer"):
            outputs, parameters = infer(client, name, {source["name"]: rows}, variant)
            check_origin(parameters, variant, backend, server)
            equal(sorted(outputs), sorted(vectors[0]["out"]), "outputs")
            for output, values in outputs.items():
                equal(values.tolist(), [vector["out"][output] for vector in vectors], output)


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-boards-") as repository:
        add_jet_tagger(repository, "jet_tagger", ["u50", "intel"])
        flip_weight(add_jet_tagger(repository, "jet_flipped", ["u50"]) / "u50")
        with serving(repository, u50=2, intel=1) as (server, client):
            if have_boards(cases, server, "jet_tagger on boards"):
                one_name(cases, server, client)
                inventory(cases, server)
    if not GOLDEN.is_dir():
        cases.lack("golden vectors", f"{GOLDEN} is not here")
        cases.finish()
    with tempfile.TemporaryDirectory(prefix="beamgate-boards-") as repository:
        manifests = {name: add_network(repository, name) for name in NETWORKS}
        boards = len(NETWORKS)
        with serving(repository, u50=boards, intel=boards) as (server, client):
            if have_boards(cases, server, "golden vectors on boards"):
                for name, manifest in manifests.items():
                    golden(cases, server, client, name, manifest)
    cases.finish()


if __name__ == "__main__":
    main()
