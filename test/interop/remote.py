"""A gateway in front of a real tritonserver (backend `remote`): clients get the same answers from both.

The tritonserver is the one in the package nvidia-pytriton; its models run in its python backend.
"""

import concurrent.futures
import json
import pathlib
import tempfile
import time

import numpy as np
from support import twin_models
from support.cases import Cases, contains, equal
from support.gateway import gateway
from support.real_triton import installed, real_triton
from support.repository import add_model, echo_config
from tritonclient import grpc as triton_grpc
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

CLIENTS = 32
REQUESTS_EACH = 20

#: Model to its inputs.
REQUESTS = {
    "simple": {
        "INPUT0": np.arange(48, dtype=np.int32).reshape(3, 16),
        "INPUT1": np.arange(48, 0, -1, dtype=np.int32).reshape(3, 16),
    },
    "strings": {"INPUT0": np.array([[b"e", b"mu", b"", "τ".encode()]], dtype=np.object_)},
    "plain": {"INPUT0": np.linspace(-1, 1, 20, dtype=np.float32).reshape(5, 4)},
    "half": {"INPUT0": np.array([[1, -2, 0.5, 65504], [0, 0.1, -0.0, 3]], dtype=np.float16)},
    "flags": {"INPUT0": np.array([[True, False, False, True]])},
    "counted": {"INPUT0": np.arange(6, dtype=np.int64).reshape(2, 3)},
}
#: Models of the same server that can't be forwarded, and the words of the reason.
REFUSED = {"sequence": "belong to sequences", "stream": "several responses"}


def near_repository(root):
    """The models of the far server, by their configurations alone."""
    for name, (config, _) in twin_models.configurations().items():
        if name not in REQUESTS and name not in REFUSED:
            continue
        # What makes them special is the far server's; its name and tensors are not.
        config = config.split("sequence_batching")[0].split("model_transaction_policy")[0]
        add_model(root, name, config.replace('backend: "echo"', 'backend: "remote"'))
    wrong = echo_config("wrong", "INT64", [5], 8).replace('backend: "echo"', 'backend: "remote"')
    pointer = 'parameters { key: "remote_model" value { string_value: "half" } }'
    add_model(root, "wrong", wrong + pointer)


def inputs_of(tensors):
    inputs = []
    for name, values in tensors.items():
        item = triton_grpc.InferInput(name, values.shape, np_to_triton_dtype(values.dtype))
        item.set_data_from_numpy(values)
        inputs.append(item)
    return inputs


def answer(client, model, tensors):
    """Name to values of every output."""
    result = client.infer(model, inputs_of(tensors), client_timeout=20)
    return {output.name: result.as_numpy(output.name) for output in result.get_response().outputs}


def same(got, expected):
    equal(sorted(got), sorted(expected))
    for name, values in expected.items():
        equal(got[name].dtype, values.dtype, name)
        equal(got[name].shape, values.shape, name)
        equal(got[name].tobytes() if values.dtype != object else got[name].tolist(),
              values.tobytes() if values.dtype != object else values.tolist(), name)


def index(client):
    entries = client.get_model_repository_index(as_json=False).models
    return {entry.name: (entry.state, entry.reason) for entry in entries}


def statistics(client, model):
    """(rows, executions, requests) so far."""
    (stats,) = client.get_inference_statistics(model).model_stats
    return np.array(
        [stats.inference_count, stats.execution_count, stats.inference_stats.success.count]
    )


def many_clients(near, address, far):
    """One-row requests of many at once. Each is right; returns what near and far counted."""
    before = statistics(near, "counted"), statistics(far, "counted")

    def one(number):
        with triton_grpc.InferenceServerClient(address) as client:
            for turn in range(REQUESTS_EACH):
                values = np.array([[number, turn]], dtype=np.int64)
                same(answer(client, "counted", {"INPUT0": values}), {"OUTPUT0": values})

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(one, range(CLIENTS)))
    return statistics(near, "counted") - before[0], statistics(far, "counted") - before[1]


def becomes(client, model, ready):
    end = time.monotonic() + 60
    while client.is_model_ready(model) != ready:
        if time.monotonic() > end:
            raise AssertionError(f"{model} did not become ready={ready}: {index(client)[model]}")
        time.sleep(0.05)


def in_front_of(cases, triton, root, folder):
    config = folder / "beamgate.json"
    options = {"servers": [triton.grpc], "healthMs": 200}
    config.write_text(json.dumps({"backends": [{"kind": "remote", "options": options}]}))
    with (
        gateway(root, flags=("--config", str(config))) as gate,
        triton_grpc.InferenceServerClient(gate.grpc) as near,
        triton_grpc.InferenceServerClient(triton.grpc) as far,
    ):
        for model, tensors in REQUESTS.items():
            with cases.case(f"{model}: the same answer as from tritonserver itself"):
                same(answer(near, model, tensors), answer(far, model, tensors))
        with cases.case("the rows of many clients travel in few requests"):
            (rows, executions, requests), (there, _, forwarded) = many_clients(near, gate.grpc, far)
            equal(rows, CLIENTS * REQUESTS_EACH)
            equal(requests, CLIENTS * REQUESTS_EACH)
            equal(there, rows, "rows at the far server")
            equal(forwarded, executions, "requests at the far server")
            if executions > rows / 2:
                raise AssertionError(f"{rows} rows took {executions} requests")
        with cases.case("a request that is wrong is the client's mistake"):
            short = {"INPUT0": REQUESTS["half"]["INPUT0"][:, :3]}
            try:
                answer(near, "half", short)
            except InferenceServerException as error:
                equal(error.status(), "StatusCode.INVALID_ARGUMENT")
            else:
                raise AssertionError("it was answered")
        for model, words in REFUSED.items():
            with cases.case(f"{model}: refused with the reason"):
                state, reason = index(near)[model]
                equal(state, "UNAVAILABLE")
                contains(reason, words)
        with cases.case("wrong: refused, naming both sides"):
            contains(index(near)["wrong"][1], 'input "INPUT0" is INT64 here and FP16 there')
        with cases.case("a tritonserver that is killed: the models are not ready, and say why"):
            becomes(near, "simple", True)
            triton.process.kill()
            becomes(near, "simple", False)
            contains(index(near)["simple"][1], "UNAVAILABLE")


def discovering(cases, triton, folder):
    """No model here: those of the far server appear by themselves."""
    (folder / "empty").mkdir()
    config = folder / "discover.json"
    options = {"servers": [triton.grpc], "discover": True, "models": ["s*", "half"]}
    config.write_text(json.dumps({"backends": [{"kind": "remote", "options": options}]}))
    with (
        gateway(folder / "empty", flags=("--config", str(config))) as gate,
        triton_grpc.InferenceServerClient(gate.grpc) as near,
        triton_grpc.InferenceServerClient(triton.grpc) as far,
    ):
        with cases.case("discovered: what is ready there, asked for, and can be forwarded"):
            equal(sorted(index(near)), ["half", "simple", "strings"])
        for model in ("half", "simple", "strings"):
            with cases.case(f"discovered: {model} answers as tritonserver itself"):
                same(answer(near, model, REQUESTS[model]), answer(far, model, REQUESTS[model]))


def main():
    cases = Cases()
    try:
        installed()
    except RuntimeError as reason:
        cases.lack("tritonserver", reason)
        cases.finish()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        twin_models.write(folder / "unused", folder / "far")
        near_repository(folder / "near")
        with real_triton(folder / "far") as triton:
            discovering(cases, triton, folder)
            in_front_of(cases, triton, folder / "near", folder)
    cases.finish()


main()
