"""Real models, recorded requests: every answer must be what ONNX Runtime gave when it ran alone.

Reads ../shared/models. The files of `onnx/` are served twice: without any
configuration (all of it completed from the file) and with one that sets the
batch limit alone; `triton_repo/` is served as it lies there, read-only.
"""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import tritonclient.grpc as triton
from support.cases import Cases, contains
from support.gateway import ROOT, SHARED, gateway
from support.repository import add_model
from tritonclient.utils import triton_to_np_dtype

MODELS = SHARED / "models"
# Recorded with values of the control tensors, which clients can't send: its file is asked as a plain model.
CONTROLLED = "simple_sequence"
# Recorded without the batch axis, which clients must send.
UNBATCHED = "ragged_io"
REFUSED = {
    "neg_three_layer_bn_keras_fails_at_run",
    "neg_qonnx_jettagging",
    "synthetic_zipmap_sequence_output",
}
TOLERANCE = {"FP32": 1e-5, "FP64": 1e-5, "FP16": 1e-3}


def to_numpy(tensor):
    raw = base64.b64decode(tensor["raw_b64"])
    if tensor["datatype"] == "BYTES":
        return numpy.array(deserialize(raw), dtype=numpy.object_).reshape(tensor["shape"])
    return numpy.frombuffer(raw, triton_to_np_dtype(tensor["datatype"])).reshape(tensor["shape"])


def deserialize(raw):
    values, at = [], 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "little")
        values.append(raw[at + 4 : at + 4 + length])
        at += 4 + length
    return values


def ask(client, model, request):
    inputs = []
    for name, tensor in request["inputs"].items():
        item = triton.InferInput(name, tensor["shape"], tensor["datatype"])
        item.set_data_from_numpy(to_numpy(tensor))
        inputs.append(item)
    outputs = [triton.InferRequestedOutput(name) for name in request["outputs"]]
    return client.infer(model, inputs, outputs=outputs, client_timeout=60)


def raw_outputs(result):
    response = result.get_response()
    return {
        output.name: (output.datatype, list(output.shape), raw)
        for output, raw in zip(response.outputs, response.raw_output_contents)
    }


def run_alone(artifact, request):
    """The same request in onnxruntime-node, in a process of its own: this machine's truth."""
    program = ROOT / "test/interop/support/run-alone.mjs"
    order = json.dumps({"artifact": str(artifact), "inputs": request["inputs"]})
    done = subprocess.run(["node", program], input=order, capture_output=True, text=True, check=True)
    return {name: base64.b64decode(text) for name, text in json.loads(done.stdout).items()}


def check_within(datatype, got, expected, what):
    tolerance = TOLERANCE.get(datatype)
    if tolerance is None:
        raise AssertionError(f"{what}: other {datatype} values")
    left = numpy.frombuffer(got, triton_to_np_dtype(datatype)).astype(numpy.float64)
    right = numpy.frombuffer(expected, triton_to_np_dtype(datatype)).astype(numpy.float64)
    far = numpy.max(numpy.abs(left - right)) / numpy.max(numpy.abs(right))
    if not far <= tolerance:
        raise AssertionError(f"{what}: off by {far} of the maximum")


def compare(result, request, artifact, reshaped):
    """Bit for bit; where this machine's arithmetic differs, like ONNX Runtime alone on it."""
    got = raw_outputs(result)
    alone = None
    for name, tensor in request["outputs"].items():
        datatype, shape, raw = got[name]
        if datatype != tensor["datatype"]:
            raise AssertionError(f"{name}: {datatype} instead of {tensor['datatype']}")
        if shape != tensor["shape"] and name not in reshaped:
            raise AssertionError(f"{name}: shape {shape} instead of {tensor['shape']}")
        expected = base64.b64decode(tensor["raw_b64"])
        if raw == expected:
            continue
        if len(raw) != len(expected):
            raise AssertionError(f"{name}: {len(raw)} bytes instead of {len(expected)}")
        alone = alone or run_alone(artifact, request)
        if raw != alone[name]:
            raise AssertionError(f"{name}: other bits than onnxruntime alone on this machine")
        check_within(datatype, raw, expected, name)


def with_batch_axis(request):
    """The same request as a batch of one."""
    return {
        side: {name: {**t, "shape": [1, *t["shape"]]} for name, t in tensors.items()}
        for side, tensors in request.items()
    }


def as_clients_ask(golden):
    """The recorded requests of a model, changed where a client must ask otherwise than ONNX Runtime was asked."""
    if golden["model"] == CONTROLLED:
        return {**golden, "model": f"plain_{CONTROLLED}"}
    if golden["model"] == UNBATCHED:
        return {**golden, "requests": [with_batch_axis(request) for request in golden["requests"]]}
    return golden


def rows_of(request):
    return next(iter(request["inputs"].values()))["shape"][0]


def check_model(client, golden, most_rows_refused):
    """Runs every recorded request of one model."""
    model = golden["model"]
    file = golden["file"]
    artifact = MODELS / (file if "/" in file else f"onnx/{file}")
    config = client.get_model_config(model, as_json=True)["config"]
    limit = int(config.get("max_batch_size", 0))
    reshaped = {output["name"] for output in config["output"] if "reshape" in output}
    for request in golden["requests"]:
        if limit > 0 and rows_of(request) > limit:
            if not most_rows_refused:
                raise AssertionError(f"{rows_of(request)} rows are above max_batch_size {limit}")
            try:
                ask(client, model, request)
            except triton.InferenceServerException as error:
                contains(error.message(), f"inference request batch-size must be <= {limit} for '{model}'")
                continue
            raise AssertionError(f"{rows_of(request)} rows were served in spite of max_batch_size {limit}")
        compare(ask(client, model, request), request, artifact, reshaped)


def check_refused(client, index, model):
    entries = [entry for entry in index.models if entry.name == model]
    if not entries:
        raise AssertionError("not in the repository index")
    for entry in entries:
        if entry.state != "UNAVAILABLE" or not entry.reason:
            raise AssertionError(f"state {entry.state!r}, reason {entry.reason!r}")
        print(f"      {model}: {entry.reason[:200]}")
    if client.is_model_ready(model):
        raise AssertionError("ModelReady says true")
    item = triton.InferInput("x", [1, 1], "FP32")
    item.set_data_from_numpy(numpy.zeros([1, 1], numpy.float32))
    try:
        client.infer(model, [item], client_timeout=20)
    except triton.InferenceServerException as error:
        contains(error.message(), model)
        return
    raise AssertionError("an inference was answered")


def main():
    cases = Cases()
    if not (MODELS / "golden_io").is_dir():
        cases.skip("golden_io", f"{MODELS} is not there")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    goldens = [json.loads(path.read_text()) for path in sorted((MODELS / "golden_io").glob("*.json"))]
    goldens = [as_clients_ask(golden) for golden in goldens]
    flat = [golden for golden in goldens if "/" not in golden["file"]]

    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        for artifact in sorted((MODELS / "onnx").glob("*.onnx")):
            # A name may occur in one repository only.
            taken = (MODELS / "triton_repo" / artifact.stem).exists()
            add_model(folder, f"flat_{artifact.stem}" if taken else artifact.stem, artifact=artifact)
        controlled = MODELS / "triton_repo" / CONTROLLED / "1" / "model.onnx"
        add_model(folder, f"plain_{CONTROLLED}", "max_batch_size: 8\n", controlled)
        with gateway(folder, MODELS / "triton_repo") as server:
            client = triton.InferenceServerClient(server.grpc)
            for golden in goldens:
                with cases.case(f"golden {golden['model']}"):
                    check_model(client, golden, most_rows_refused=golden in flat)
            index = client.get_model_repository_index()
            for model in sorted(REFUSED):
                with cases.case(f"refused {model}"):
                    check_refused(client, index, model)
            with cases.case("every other model is ready"):
                lame = [m for m in index.models if m.state != "READY" and m.name not in REFUSED]
                if lame:
                    raise AssertionError("\n".join(f"{m.name} {m.state}: {m.reason}" for m in lame))
            batched = [
                golden
                for golden in flat
                if client.is_model_ready(golden["model"])
                and client.get_model_config(golden["model"]).config.max_batch_size > 0
            ]

    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        for golden in batched:
            artifact = pathlib.Path(MODELS / "onnx" / golden["file"])
            config = "max_batch_size: 64\ndynamic_batching { }\n"
            add_model(folder, golden["model"], config, artifact)
        with gateway(folder) as server:
            client = triton.InferenceServerClient(server.grpc)
            for golden in batched:
                with cases.case(f"golden {golden['model']}, batch limit 64"):
                    check_model(client, golden, most_rows_refused=False)
    cases.finish()


main()
