"""Ensembles: a request through several models, as the official client sees it."""

import pathlib
import shutil
import tempfile
import time

import numpy as np
import tritonclient.grpc as grpcclient
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from support.cases import Cases, contains, equal
from support.gateway import ROOT, gateway
from support.repository import add_model, add_sub_config, echo_config


def step(model, inputs, outputs, version=-1):
    maps = [f'input_map {{ key: "{key}" value: "{value}" }}' for key, value in inputs.items()]
    maps += [f'output_map {{ key: "{key}" value: "{value}" }}' for key, value in outputs.items()]
    return f'{{ model_name: "{model}" model_version: {version} {" ".join(maps)} }}'


def ensemble_config(name, inputs, outputs, steps, max_batch_size=8, more=""):
    """Tensors are INT32; `inputs` and `outputs` map names to dims."""

    def tensors(named):
        return ", ".join(
            f'{{ name: "{key}" data_type: TYPE_INT32 dims: {dims} }}' for key, dims in named.items()
        )

    return f"""
name: "{name}"
platform: "ensemble"
max_batch_size: {max_batch_size}
input [ {tensors(inputs)} ]
output [ {tensors(outputs)} ]
ensemble_scheduling {{ step [ {", ".join(steps)} ] }}
{more}
"""


SUM_INPUTS = {"INPUT0": "A", "INPUT1": "B"}
# (a + b) + (a - b) and (a + b) - (a - b): 2a and 2b, in three steps, two of which may run at once.
DOUBLES = ensemble_config(
    "doubles",
    {"A": [4], "B": [4]},
    {"TWICE_A": [4], "TWICE_B": [4]},
    [
        step("addsub", {"INPUT0": "SUM_", "INPUT1": "DIFFERENCE"}, {"OUTPUT0": "TWICE_A", "OUTPUT1": "TWICE_B"}),
        step("copy", {"INPUT0": "SUM"}, {"OUTPUT0": "SUM_"}),
        step("addsub", SUM_INPUTS, {"OUTPUT0": "SUM", "OUTPUT1": "DIFFERENCE"}),
    ],
)
NESTED = ensemble_config(
    "nested",
    {"A": [4]},
    {"FOUR_TIMES": [4]},
    [
        step("doubles", {"A": "A", "B": "A"}, {"TWICE_A": "TWICE"}),
        step("doubles", {"A": "TWICE", "B": "TWICE"}, {"TWICE_B": "FOUR_TIMES"}),
    ],
)
STUMBLES = """
name: "stumbles"
platform: "ensemble"
max_batch_size: 8
input [ { name: "A" data_type: TYPE_STRING dims: [ 16 ] } ]
output [ { name: "OUT" data_type: TYPE_STRING dims: [ 16 ] } ]
ensemble_scheduling { step [ %s, %s ] }
""" % (
    step("copy_words", {"INPUT0": "A"}, {"OUTPUT0": "COPY"}),
    step("simple_string", {"INPUT0": "A", "INPUT1": "COPY"}, {"OUTPUT0": "OUT"}),
)


REPEATED = """
name: "repeated"
platform: "ensemble"
input [ { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
        { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] },
        { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] } ]
ensemble_scheduling { step [ %s, %s ] %s }
""" % (
    step("repeat_int32", {"IN": "IN", "DELAY": "DELAY", "WAIT": "WAIT"}, {"OUT": "element"}),
    step("one", {"INPUT0": "element"}, {"OUTPUT0": "OUT"}),
    "max_inflight_requests: 2",
)
OURS = ["jet_units", "jet_tagger", "jet_decision", "jet_ensemble", "strain_window", "strain_power"]
OURS += ["strain_ensemble", "repeat_int32", "simple_string"]


def write_models(root):
    add_model(root, "addsub", add_sub_config("addsub", width=4))
    add_model(root, "copy", echo_config("copy", "INT32", [4], max_batch_size=8))
    add_model(root, "copy_words", echo_config("copy_words", "BYTES", [16], max_batch_size=8).replace("BYTES", "STRING"))
    for name in OURS:
        shutil.copytree(ROOT / "models" / name, pathlib.Path(root) / name)
    add_model(root, "one", echo_config("one", "INT32", [1]))
    add_model(root, "repeated", REPEATED)
    add_model(root, "stumbles", STUMBLES)
    add_model(root, "doubles", DOUBLES)
    add_model(root, "nested", NESTED)


def tensor(name, values):
    values = np.asarray(values)
    if values.dtype == np.int64 or values.dtype == np.float64:
        values = values.astype(np.int32)
    made = grpcclient.InferInput(name, values.shape, np_to_triton_dtype(values.dtype))
    made.set_data_from_numpy(values)
    return made


def refusal(call):
    try:
        call()
    except InferenceServerException as error:
        return error.message()
    raise AssertionError("it was not refused")


def until(what, check, seconds=60):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise AssertionError(f"not after {seconds} s: {what}")
        time.sleep(0.1)


def reason_of(client, model):
    index = client.get_model_repository_index(as_json=True)["models"]
    return next(entry for entry in index if entry["name"] == model)


def check_inference(cases, client):
    a = np.arange(8, dtype=np.int32).reshape(2, 4)
    b = a * 10
    both = [tensor("A", a), tensor("B", b)]
    with cases.case("a request goes through three steps"):
        answer = client.infer("doubles", both, request_id="one")
        equal(answer.as_numpy("TWICE_A").tolist(), (2 * a).tolist())
        equal(answer.as_numpy("TWICE_B").tolist(), (2 * b).tolist())
        equal(answer.get_response().id, "one")
        equal(answer.get_response().model_name, "doubles")
    with cases.case("only the outputs asked for come"):
        wanted = [grpcclient.InferRequestedOutput("TWICE_B")]
        answer = client.infer("doubles", both, outputs=wanted)
        equal([o.name for o in answer.get_response().outputs], ["TWICE_B"])
        equal(answer.as_numpy("TWICE_B").tolist(), (2 * b).tolist())
    with cases.case("an ensemble of ensembles"):
        answer = client.infer("nested", [tensor("A", a)])
        equal(answer.as_numpy("FOUR_TIMES").tolist(), (4 * a).tolist())
    with cases.case("many at once"):
        pending = [later(client, "doubles", both) for _ in range(100)]
        for answer in pending:
            equal(answer().as_numpy("TWICE_A").tolist(), (2 * a).tolist())
    with cases.case("a wrong shape is refused in the name of the ensemble"):
        text = refusal(lambda: client.infer("doubles", [tensor("A", a), tensor("B", b[:, :2])]))
        contains(text, "unexpected shape for input 'B' for model 'doubles'")


def later(client, model, inputs):
    """Asks now. @returns what waits for the answer."""
    done = []
    client.async_infer(model, inputs, callback=lambda result, error: done.append((result, error)))

    def wait():
        until("answer", lambda: done)
        result, error = done[0]
        if error is not None:
            raise error
        return result

    return wait


def check_discovery(cases, client):
    with cases.case("metadata and configuration"):
        metadata = client.get_model_metadata("doubles", as_json=True)
        equal(metadata["platform"], "ensemble")
        equal([t["name"] for t in metadata["inputs"]], ["A", "B"])
        equal(metadata["inputs"][0]["shape"], ["-1", "4"])
        config = client.get_model_config("doubles", as_json=True)["config"]
        equal([s["model_name"] for s in config["ensemble_scheduling"]["step"]], ["addsub", "copy", "addsub"])
        equal("instance_group" in config, False)
    with cases.case("the step models are visible, too"):
        equal(client.is_model_ready("copy"), True)
        equal(client.get_model_config("copy", as_json=True)["config"]["name"], "copy")


def check_statistics(cases, client):
    with cases.case("statistics: the ensemble and its steps count on their own"):
        def counts(model):
            stats = client.get_inference_statistics(model).model_stats[0]
            return stats
        before = {m: counts(m).inference_count for m in ("doubles", "addsub", "copy")}
        executions = counts("doubles").execution_count
        a = np.ones((3, 4), dtype=np.int32)
        client.infer("doubles", [tensor("A", a), tensor("B", a)])
        equal(counts("doubles").inference_count - before["doubles"], 3)
        equal(counts("addsub").inference_count - before["addsub"], 6)
        equal(counts("copy").inference_count - before["copy"], 3)
        equal(counts("doubles").execution_count - executions, 1)
        stats = counts("doubles").inference_stats
        equal(stats.compute_infer.ns > 0, True, "compute")
        equal(stats.compute_infer.ns <= stats.success.ns, True, "compute within the whole")


def check_failures(cases, client):
    with cases.case("a step that fails: its words, the ensemble in front, once"):
        words = np.array([[b"one"] * 16], dtype=np.object_)
        text = refusal(lambda: client.infer("stumbles", [tensor("A", words)]))
        contains(text, "in ensemble 'stumbles', ")
        contains(text, "Cast node")
    with cases.case("the next request is served"):
        words = np.array([[b"21"] * 16], dtype=np.object_)
        answer = client.infer("stumbles", [tensor("A", words)])
        equal(answer.as_numpy("OUT").tolist(), [[b"42"] * 16])
    with cases.case("failures are counted for the ensemble"):
        stats = client.get_inference_statistics("stumbles").model_stats[0].inference_stats
        equal((stats.success.count, stats.fail.count), (1, 1))


def check_jets(cases, client):
    jets = np.random.default_rng(1).uniform(0, 1, (50, 16)).astype(np.float32)
    jets[:, :3] *= 1e6
    gev = jets.copy()
    gev[:, :3] /= 1000
    with cases.case("jet_ensemble answers what its steps answer one by one"):
        whole = client.infer("jet_ensemble", [tensor("jets_mev", jets)])
        units = client.infer("jet_units", [tensor("jets_mev", jets)]).as_numpy("jets")
        equal(np.allclose(units, gev, rtol=1e-5), True, "GeV")
        tagged = client.infer("jet_tagger", [tensor("input", units)]).as_numpy("probabilities")
        decided = client.infer("jet_decision", [tensor("probabilities", tagged)])
        equal(np.array_equal(whole.as_numpy("probabilities"), tagged), True, "probabilities")
        for name in ("discriminant", "accepted"):
            equal(np.array_equal(whole.as_numpy(name), decided.as_numpy(name)), True, name)
    with cases.case("its classes have the names that the step gives them"):
        wanted = [grpcclient.InferRequestedOutput("probabilities", class_count=1)]
        best = client.infer("jet_ensemble", [tensor("jets_mev", jets)], outputs=wanted)
        names = {text.decode().split(":")[2] for text in best.as_numpy("probabilities").ravel()}
        equal(names <= {"gluon", "light", "w", "z", "top"}, True, names)


class Streamed:
    """What a stream brings, in order."""

    def __init__(self, client):
        self.client = client
        self.results = []

    def __enter__(self):
        self.client.start_stream(lambda result, error: self.results.append((result, error)))
        return self

    def __exit__(self, *_):
        self.client.stop_stream()

    def wait(self, count):
        until(f"{count} answers", lambda: len(self.results) >= count)
        for _, error in self.results:
            if error is not None:
                raise error
        return [result for result, _ in self.results]


def check_streams(cases, client):
    with cases.case("a step keeps the state of a sequence: one window a channel"):
        rng = np.random.default_rng(2)
        updates = rng.normal(size=(2, 6, 1, 64)).astype(np.float32)
        with Streamed(client) as stream:
            for k in range(6):
                for channel in range(2):
                    client.async_stream_infer(
                        "strain_ensemble",
                        [tensor("update", updates[channel, k])],
                        request_id=f"{channel}_{k}",
                        sequence_id=100 + channel,
                        sequence_start=k == 0,
                        sequence_end=k == 5,
                    )
            got = {r.get_response().id: r.as_numpy("power")[0, 0] for r in stream.wait(12)}
        for channel in range(2):
            samples = np.zeros(256, dtype=np.float32)
            for k in range(6):
                samples = np.concatenate([samples[64:], updates[channel, k, 0]])
                equal(np.isclose(got[f"{channel}_{k}"], np.mean(samples**2), rtol=1e-4), True, f"{channel}_{k}")
    with cases.case("the configuration of the step that keeps it can be read"):
        config = client.get_model_config("strain_window", as_json=True)["config"]
        equal(config["sequence_batching"]["state"][0]["dims"], ["256"])
    inputs = [
        tensor("IN", np.array([4, 2, 0, 1], dtype=np.int32)),
        tensor("DELAY", np.array([1, 1, 1, 1], dtype=np.uint32)),
        tensor("WAIT", np.array([5], dtype=np.uint32)),
    ]
    with cases.case("a decoupled step: each of its answers comes through"):
        config = client.get_model_config("repeated", as_json=True)["config"]
        equal(config["model_transaction_policy"], {"decoupled": True})
        with Streamed(client) as stream:
            client.async_stream_infer("repeated", inputs, request_id="r", enable_empty_final_response=True)
            # The last answer is the final one, or an empty one behind it: as it happens in Triton, too.
            final = lambda r: r.get_response().parameters["triton_final_response"].bool_param
            until("the final answer", lambda: stream.results and final(stream.wait(1)[-1]))
            results = stream.wait(4)
        values = [int(r.as_numpy("OUT")[0]) for r in results if r.get_response().outputs]
        equal(sorted(values), [0, 1, 2, 4])
        equal([final(r) for r in results[:-1]], [False] * (len(results) - 1))
    with cases.case("which a call for one answer cannot have"):
        contains(refusal(lambda: client.infer("repeated", inputs)), "decoupled")


def check_dependencies(cases, client, root):
    """The gateway polls: what lies in the folder is followed."""
    with cases.case("an ensemble waits for a step that is not there"):
        add_model(root, "early", DOUBLES.replace('"doubles"', '"early"').replace('"copy"', '"late"'))
        until("listed", lambda: any(
            m["name"] == "early" and m.get("state") == "UNAVAILABLE"
            for m in client.get_model_repository_index(as_json=True)["models"]))
        contains(reason_of(client, "early")["reason"],
                 "ensemble early contains models that are not available or ambiguous: late")
        equal(client.is_model_ready("early"), False)
    with cases.case("and serves when it comes"):
        add_model(root, "late", echo_config("late", "INT32", [4], max_batch_size=8))
        until("ready", lambda: client.is_model_ready("early"))
    with cases.case("a step that goes takes its ensembles with it"):
        shutil.rmtree(pathlib.Path(root) / "copy")
        until("gone", lambda: not client.is_model_ready("doubles") and not client.is_model_ready("nested"))
        lost = "not available or ambiguous: copy"
        until("the reason", lambda: lost in reason_of(client, "doubles")["reason"])
        contains(reason_of(client, "nested")["reason"], "ensemble 'nested' depends on 'doubles' which is not valid")
        equal(client.is_model_ready("early"), True)
    with cases.case("and brings them back"):
        add_model(root, "copy", echo_config("copy", "INT32", [4], max_batch_size=8))
        until("back", lambda: client.is_model_ready("nested"))
        a = np.ones((1, 4), dtype=np.int32)
        equal(client.infer("nested", [tensor("A", a)]).as_numpy("FOUR_TIMES").tolist(), [[4] * 4])


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as root:
        write_models(root)
        flags = ["--model-control-mode=poll", "--repository-poll-secs=1"]
        with gateway(root, flags=flags) as server:
            with grpcclient.InferenceServerClient(server.grpc) as client:
                check_discovery(cases, client)
                check_inference(cases, client)
                check_statistics(cases, client)
                check_failures(cases, client)
                check_jets(cases, client)
                check_streams(cases, client)
                check_dependencies(cases, client, root)
    cases.finish()


main()
