"""Sequences: the models that Triton's sequence examples talk to, and one whose state the gateway keeps."""

import os
import pathlib
import queue
import signal
import subprocess
import tempfile
import threading
import time

import numpy
import tritonclient.grpc as triton
from support.cases import Cases, contains, equal
from support.gateway import ROOT, SHARED, gateway
from support.repository import add_model, echo_config
from tritonclient.utils import InferenceServerException

MODELS = ["simple_sequence", "simple_dyna_sequence", "simple_string_dyna_sequence", "running_sum"]
VALUES = [11, 7, 5, 3, 2, 0, 1]


def repository(folder, names, root=ROOT / "models"):
    """A folder of links to `names`."""
    for name in names:
        (pathlib.Path(folder) / name).symlink_to(root / name)
    return folder


def item(value, rows=1):
    tensor = triton.InferInput("INPUT", [rows, 1], "INT32")
    tensor.set_data_from_numpy(numpy.full((rows, 1), value, numpy.int32))
    return [tensor]


def ask(client, model, value, sequence, start=False, end=False, rows=1, **more):
    result = client.infer(
        model,
        item(value, rows),
        sequence_id=sequence,
        sequence_start=start,
        sequence_end=end,
        client_timeout=30,
        **more,
    )
    return int(result.as_numpy("OUTPUT")[0][0])


def whole(client, model, sequence, values=VALUES):
    """The answers to one sequence from START to END."""
    last = len(values) - 1
    return [
        ask(client, model, value, sequence, start=at == 0, end=at == last)
        for at, value in enumerate(values)
    ]


def refusal(call):
    try:
        call()
    except InferenceServerException as error:
        return error.status(), error.message()
    raise AssertionError("it was answered")


def expected(values, added_at_end=0):
    answers = [values[0] + 1, *values[1:]]
    answers[-1] += added_at_end
    return answers


def check_models(cases, client):
    with cases.case("the first answer of a sequence is one larger"):
        equal(whole(client, "simple_sequence", 1001), expected(VALUES))
    with cases.case("the id is added at the end"):
        equal(whole(client, "simple_dyna_sequence", 1002), expected(VALUES, 1002))
    with cases.case("the id may be a text, and a number is one where the model is told a text"):
        equal(whole(client, "simple_string_dyna_sequence", 1004), expected(VALUES, 1004))
        equal(whole(client, "simple_string_dyna_sequence", "1003"), expected(VALUES, 1003))
        equal(whole(client, "simple_sequence", "a sequence of our own"), expected(VALUES))
    with cases.case("the number 9 and the text 9 are two sequences"):
        ask(client, "running_sum", 1, 9, start=True)
        ask(client, "running_sum", 2, "9", start=True)
        equal(ask(client, "running_sum", 0, 9, end=True), 11)
        equal(ask(client, "running_sum", 0, "9", end=True), 12)
    with cases.case("three sequences, interleaved, do not mix"):
        ids = [2001, 2002, 2003]
        answers = {sequence: [] for sequence in ids}
        for at, value in enumerate(VALUES):
            for sequence in ids:
                first, last = at == 0, at == len(VALUES) - 1
                answer = ask(
                    client, "simple_dyna_sequence", value + sequence, sequence, first, last
                )
                answers[sequence].append(answer)
        for sequence in ids:
            equal(answers[sequence], expected([v + sequence for v in VALUES], sequence))
    with cases.case("ids of 64 bits"):
        equal(whole(client, "simple_sequence", 2**63 - 1), expected(VALUES))


def check_state(cases, server, client):
    sums = list(numpy.cumsum(VALUES) + 10)
    with cases.case("a state goes on from request to request, from its initial value"):
        equal(whole(client, "running_sum", 1), sums)
        equal(whole(client, "running_sum", 1), sums)
    with cases.case("START on a live sequence starts it again"):
        ask(client, "running_sum", 5, 2, start=True)
        ask(client, "running_sum", 5, 2)
        equal(whole(client, "running_sum", 2), sums)
    with cases.case("twelve clients at once for four rows: each has its own state"):
        wrong = []

        def one(sequence):
            with triton.InferenceServerClient(server.grpc) as own:
                values = [sequence * 1000 + v for v in VALUES]
                answers = whole(own, "running_sum", sequence, values)
                if answers != list(numpy.cumsum(values) + 10):
                    wrong.append((sequence, answers))

        threads = [threading.Thread(target=one, args=(100 + k,)) for k in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(wrong, [])


def streamed(address, model, ids):
    """Answers by id of interleaved sequences on one stream, none of which waits for another's answer."""
    answers = queue.Queue()
    got = {sequence: [] for sequence in ids}
    with triton.InferenceServerClient(address) as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        for at, value in enumerate(VALUES):
            for sequence in ids:
                client.async_stream_infer(
                    model,
                    item(value),
                    request_id=f"{sequence}_{at}",
                    sequence_id=sequence,
                    sequence_start=at == 0,
                    sequence_end=at == len(VALUES) - 1,
                )
        for _ in range(len(VALUES) * len(ids)):
            result, error = answers.get(timeout=20)
            if error is not None:
                raise error
            sequence = result.get_response().id.rsplit("_", 1)[0]
            got[type(ids[0])(sequence)].append(int(result.as_numpy("OUTPUT")[0][0]))
        client.stop_stream()
    return got


def check_streams(cases, server):
    sums = [int(total) + 10 for total in numpy.cumsum(VALUES)]
    with cases.case("three sequences on one stream, more requests under way than rows"):
        for ids in ([31, 32, 33], ["x", "y", "z"]):
            got = streamed(server.grpc, "running_sum", ids)
            equal(got, {sequence: sums for sequence in ids})
    with cases.case("three sequences on one stream, oldest first"):
        got = streamed(server.grpc, "simple_dyna_sequence", [41, 42, 43])
        equal(got, {sequence: expected(VALUES, sequence) for sequence in (41, 42, 43)})


DECOUPLED = """
model_transaction_policy { decoupled: true }
sequence_batching {
  direct { }
  control_input [
    { name: "READY" control [ { kind: CONTROL_SEQUENCE_READY int32_false_true: [ 0, 1 ] } ] }
  ]
}
"""


def check_decoupled(cases):
    config = echo_config("often", "INT32", [1], 4, more=DECOUPLED)
    config = config.replace('string_value: "identity"', 'string_value: "repeat"')
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        add_model(folder, "often", config)
        with gateway(folder) as server, cases.case("sequences of a decoupled model, interleaved"):
            answers = queue.Queue()
            ids, values = [1, 2, 3], [3, 0, 1, 2]
            with triton.InferenceServerClient(server.grpc) as client:
                client.start_stream(lambda result, error: answers.put((result, error)))
                for at, value in enumerate(values):
                    for sequence in ids:
                        tensor = triton.InferInput("INPUT0", [1, 1], "INT32")
                        tensor.set_data_from_numpy(numpy.full((1, 1), value, numpy.int32))
                        client.async_stream_infer(
                            "often",
                            [tensor],
                            request_id=f"{sequence}",
                            sequence_id=sequence,
                            sequence_start=at == 0,
                            sequence_end=at == len(values) - 1,
                            enable_empty_final_response=True,
                        )
                got = {sequence: [] for sequence in ids}
                for _ in range(len(ids) * (sum(values) + len(values))):
                    result, error = answers.get(timeout=20)
                    if error is not None:
                        raise error
                    response = result.get_response()
                    one = result.as_numpy("OUTPUT0")
                    got[int(response.id)].append(None if one is None else int(one[0][0]))
                client.stop_stream()
            per_value = [[value] * value + [None] for value in values]
            equal(got, {sequence: sum(per_value, []) for sequence in ids})
            equal(answers.qsize(), 0)


def check_refusals(cases, client):
    with cases.case("a sequence that was not started"):
        equal(
            refusal(lambda: ask(client, "simple_sequence", 1, 77)),
            (
                "StatusCode.INVALID_ARGUMENT",
                "inference request for sequence 77 to model 'simple_sequence' must specify the "
                "START flag on the first request of the sequence",
            ),
        )
    with cases.case("a request without a sequence"):
        equal(
            refusal(lambda: ask(client, "simple_sequence", 1, 0, start=True)),
            (
                "StatusCode.INVALID_ARGUMENT",
                "inference request to model 'simple_sequence' must specify a non-zero or non-empty "
                "correlation ID",
            ),
        )
    with cases.case("more than one row"):
        equal(
            refusal(lambda: ask(client, "simple_sequence", 1, 78, start=True, rows=2)),
            (
                "StatusCode.INVALID_ARGUMENT",
                "inference request to model 'simple_sequence' must specify batch-size 1 due to "
                "requirements of sequence batcher",
            ),
        )
    with cases.case("a text for a model that is told a number"):
        status, text = refusal(
            lambda: ask(client, "simple_dyna_sequence", 1, "seventy-nine", start=True)
        )
        equal(status, "StatusCode.INVALID_ARGUMENT")
        contains(text, "control input 'CORRID' of data-type UINT64")


def workers_of(pid):
    listing = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    return [int(word) for word in listing.stdout.split()]


def check_death(cases, server, client):
    with cases.case("a worker's death ends its sequences, which can be started again"):
        ask(client, "running_sum", 1, 500, start=True)
        for worker in workers_of(server.pid):
            os.kill(worker, signal.SIGKILL)
        time.sleep(0.2)
        status, _ = refusal(lambda: ask(client, "running_sum", 1, 500))
        equal(status in ("StatusCode.INVALID_ARGUMENT", "StatusCode.UNAVAILABLE"), True, status)
        equal(whole(client, "running_sum", 500, [1, 2]), [11, 13])


def check_idle(cases):
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        model = pathlib.Path(folder) / "running_sum"
        source = ROOT / "models" / "running_sum"
        (model / "1").mkdir(parents=True)
        (model / "1" / "model.onnx").symlink_to(source / "1" / "model.onnx")
        (model / "initial_state").symlink_to(source / "initial_state")
        config = (source / "config.pbtxt").read_text()
        short = config.replace("microseconds: 5000000", "microseconds: 2000000")
        (model / "config.pbtxt").write_text(short)
        with gateway(folder) as server, triton.InferenceServerClient(server.grpc) as client:
            with cases.case("a sequence that idles too long is over"):
                ask(client, "running_sum", 1, 1, start=True)
                time.sleep(0.1)
                equal(ask(client, "running_sum", 1, 1), 12)
                time.sleep(4)
                _, text = refusal(lambda: ask(client, "running_sum", 1, 1))
                contains(text, "must specify the START flag")
            with cases.case("more sequences than rows wait; idle ones make place"):
                for sequence in range(2, 6):
                    ask(client, "running_sum", 1, sequence, start=True)
                equal(ask(client, "running_sum", 1, 9, start=True, end=True), 11)


def check_shared(cases):
    root = SHARED / "models" / "triton_repo"
    if not (root / "simple_sequence").exists():
        cases.skip("the simple_sequence of Triton's repository", f"{root} is missing")
        return
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        with gateway(repository(folder, ["simple_sequence"], root)) as server:
            with cases.case("the simple_sequence of Triton's repository"):
                with triton.InferenceServerClient(server.grpc) as client:
                    equal(whole(client, "simple_sequence", 1001), expected(VALUES))


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        with gateway(repository(folder, MODELS)) as server:
            with triton.InferenceServerClient(server.grpc) as client:
                check_models(cases, client)
                check_state(cases, server, client)
                check_streams(cases, server)
                check_refusals(cases, client)
                check_death(cases, server, client)
    check_idle(cases)
    check_decoupled(cases)
    check_shared(cases)
    cases.finish()


main()
