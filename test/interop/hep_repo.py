"""Triton's own repositories of high-energy physics, as they lie in ../shared: every model serves.

Requests of several lengths go out all at once, so that those which fit share a
batch and those which do not must not; every answer must be what ONNX Runtime
gives for that request alone.
"""

import base64
import json
import pathlib
import queue
import subprocess
import sys

import numpy
import tritonclient.grpc as triton
from support.cases import Cases
from support.gateway import ROOT, SHARED, gateway
from tritonclient.utils import triton_to_np_dtype

REPOSITORY = SHARED / "models" / "triton_repo"
REQUESTS = 24
# Axes of any length that are equal within a request: a letter each, by input.
LENGTHS = {
    "particlenet_AK4": {
        "pf_points": "p",
        "pf_features": "p",
        "pf_mask": "p",
        "sv_points": "s",
        "sv_features": "s",
        "sv_mask": "s",
    },
    "particletransformer_AK4": {
        "input_1": "a",
        "input_4": "a",
        "input_2": "b",
        "input_5": "b",
        "input_3": "c",
        "input_6": "c",
    },
}
# Asked in `sequences.py`.
ELSEWHERE = {"simple_sequence"}
# A batch adds in another order than one row does; of the largest value.
TOLERANCE = 1e-5
SLOW = {"deepmet": 4}


def number(random, datatype, shape, name):
    if datatype == "BYTES":
        return random.integers(0, 1000, shape).astype(str).astype(numpy.object_)
    if datatype.startswith("INT"):
        return random.integers(-1000, 1000, shape).astype(triton_to_np_dtype(datatype))
    values = random.normal(size=shape).astype(numpy.float32)
    if name in ("input_4", "input_5", "input_6"):
        # Four-momenta (px, py, pz, E) of something that moves slower than light.
        values[..., 3] = 1.2 * numpy.sqrt((values[..., :3] ** 2).sum(-1)) + 0.1
    if name.startswith("input_cat"):
        return numpy.minimum(numpy.floor(numpy.abs(values)), 2)
    if name.endswith("_mask"):
        return numpy.ones(shape, numpy.float32)
    return values


def make_request(random, config, rows=None):
    """Inputs by name: one to three rows, and a length for each letter."""
    limit = max(1, min(3, config.max_batch_size))
    rows = rows or int(random.integers(1, limit + 1))
    by_letter = {letter: int(random.choice([5, 11, 25])) for letter in "pscab"}
    letters = LENGTHS.get(config.name, {})
    request = {}
    for tensor in config.input:
        length = by_letter[letters.get(tensor.name, "a")]
        dims = [length if dim == -1 else dim for dim in tensor.dims]
        datatype = datatype_of(tensor)
        shape = [rows, *dims] if config.max_batch_size > 0 else dims
        request[tensor.name] = (datatype, number(random, datatype, shape, tensor.name))
    return request


def datatype_of(tensor):
    name = triton.model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
    return "BYTES" if name == "STRING" else name


def ask_all(client, model, requests):
    """All at once. Answers in the order of the requests."""
    pending = []
    for request in requests:
        inputs = []
        for name, (datatype, values) in request.items():
            item = triton.InferInput(name, list(values.shape), datatype)
            item.set_data_from_numpy(values)
            inputs.append(item)
        pending.append(start(client, model, inputs))
    return [wait() for wait in pending]


def start(client, model, inputs):
    answers = queue.Queue()
    client.async_infer(model, inputs, callback=lambda result, error: answers.put((result, error)), client_timeout=120)

    def wait():
        result, error = answers.get(timeout=150)
        if error is not None:
            raise error
        return result

    return wait


def run_alone(artifact, requests):
    """Every request for itself in onnxruntime-node, in a process of its own."""
    order = {
        "artifact": str(artifact),
        "requests": [
            {
                name: {
                    "datatype": datatype,
                    "shape": list(values.shape),
                    "raw_b64": base64.b64encode(numpy.ascontiguousarray(values).tobytes()).decode(),
                }
                for name, (datatype, values) in request.items()
            }
            for request in requests
        ],
    }
    program = ROOT / "test/interop/support/run-alone.mjs"
    done = subprocess.run(["node", program], input=json.dumps(order), capture_output=True, text=True, check=True)
    return [{name: base64.b64decode(text) for name, text in answer.items()} for answer in json.loads(done.stdout)]


def expected_answers(model, requests):
    if model == "ragged_io":
        return [{"OUTPUT0": request["INPUT0"][1].tobytes()} for request in requests]
    if model == "simple_string":
        return [strings_added(request) for request in requests]
    return run_alone(REPOSITORY / model / "1" / "model.onnx", requests)


def strings_added(request):
    first, second = (request[name][1].astype(int) for name in ("INPUT0", "INPUT1"))
    return {"OUTPUT0": (first + second), "OUTPUT1": (first - second)}


def check_answer(result, expected, request, config, which):
    rows = next(iter(request.values()))[1].shape[0]
    for output in config.output:
        values = result.as_numpy(output.name)
        if config.max_batch_size > 0 and values.shape[0] != rows:
            raise AssertionError(f"request {which}: {values.shape} for {rows} rows")
        wanted = expected[output.name]
        if isinstance(wanted, bytes):
            wanted = numpy.frombuffer(wanted, values.dtype).reshape(values.shape)
        far = numpy.max(numpy.abs(values.astype(numpy.float64) - wanted), initial=0)
        scale = numpy.max(numpy.abs(wanted.astype(numpy.float64)), initial=0)
        if not far <= TOLERANCE * scale:
            raise AssertionError(f"request {which}, {output.name}: off by {far} of {scale}")


def check_model(client, model, random):
    config = client.get_model_config(model).config
    requests = [make_request(random, config) for _ in range(SLOW.get(model, REQUESTS))]
    answers = ask_all(client, model, requests)
    expected = expected_answers(model, requests)
    for which, (result, wanted, request) in enumerate(zip(answers, expected, requests)):
        check_answer(result, wanted, request, config, which)
    counted = client.get_inference_statistics(model).model_stats[0]
    print(f"      {model}: {counted.inference_count} rows in {counted.execution_count} executions")
    if config.HasField("dynamic_batching") and counted.execution_count >= len(requests):
        raise AssertionError("no two requests shared a batch")


def check_large(client, random):
    """16 000 rows at once, as the calorimeter reconstruction sends them."""
    config = client.get_model_config("facile_all_v2").config
    requests = [make_request(random, config, rows) for rows in (16000, 1, 16000)]
    answers = ask_all(client, "facile_all_v2", requests)
    expected = run_alone(REPOSITORY / "facile_all_v2" / "1" / "model.onnx", requests)
    for which, (result, wanted, request) in enumerate(zip(answers, expected, requests)):
        check_answer(result, wanted, request, config, which)


def check_ragged(client):
    """Four lengths, one execution: what CMS's test of its client sends."""
    sent = [[2, 2], [4, 4, 4, 4], [1], [3, 3, 3]]
    before = client.get_inference_statistics("ragged_io").model_stats[0]
    requests = [{"INPUT0": ("FP32", numpy.array([values], numpy.float32))} for values in sent]
    for values, result in zip(sent, ask_all(client, "ragged_io", requests)):
        got = result.as_numpy("OUTPUT0")
        if got.tolist() != [values]:
            raise AssertionError(f"{[values]} came back as {got.tolist()}")
    after = client.get_inference_statistics("ragged_io").model_stats[0]
    executions = after.execution_count - before.execution_count
    if executions != 1 or 4 not in [batch.batch_size for batch in after.batch_stats]:
        raise AssertionError(f"{executions} executions")


def main():
    cases = Cases()
    if not REPOSITORY.is_dir():
        cases.skip("hep_repo", f"{REPOSITORY} is not there")
        print("0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    random = numpy.random.default_rng(4)
    with gateway(REPOSITORY) as server:
        client = triton.InferenceServerClient(server.grpc)
        with cases.case("every model is ready"):
            lame = [one for one in client.get_model_repository_index().models if one.state != "READY"]
            if lame:
                raise AssertionError("\n".join(f"{one.name}: {one.reason}" for one in lame))
        with cases.case("ragged rows come back as themselves, in one execution"):
            check_ragged(client)
        for folder in sorted(pathlib.Path(REPOSITORY).iterdir()):
            if folder.name in ELSEWHERE:
                continue
            with cases.case(f"{folder.name} answers as ONNX Runtime does"):
                check_model(client, folder.name, random)
        with cases.case("facile_all_v2 takes 16 000 rows at once"):
            check_large(client, random)
    cases.finish()


main()
