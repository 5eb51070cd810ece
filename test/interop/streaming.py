"""Streams: many requests on one call, models that answer more than once, and how a stream ends."""

import asyncio
import os
import pathlib
import queue
import signal
import time

import numpy
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as grpc_aio
from tritonclient.utils import InferenceServerException

from support.cases import Cases, contains, equal
from support.gateway import ROOT, gateway

REPEAT = "repeat_int32"
FINAL = "triton_final_response"
WAIT_S = 20


def tensor(name, values, datatype, shape=None):
    kinds = {"INT32": numpy.int32, "UINT32": numpy.uint32, "FP32": numpy.float32}
    data = numpy.array(values, kinds[datatype])
    data = data if shape is None else data.reshape(shape)
    made = grpc.InferInput(name, list(data.shape), datatype)
    made.set_data_from_numpy(data)
    return made


def repeat(values, delays_ms, wait_ms=0):
    return [
        tensor("IN", values, "INT32"),
        tensor("DELAY", delays_ms, "UINT32"),
        tensor("WAIT", [wait_ms], "UINT32"),
    ]


def simple(value):
    return [tensor(name, [value] * 16, "INT32", [1, 16]) for name in ("INPUT0", "INPUT1")]


class Stream:
    """The official client's stream, with what came back in a queue."""

    def __init__(self, address, **options):
        self.client = grpc.InferenceServerClient(address)
        self.came = queue.Queue()
        self.client.start_stream(lambda result, error: self.came.put((result, error)), **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_stream()
        self.client.close()

    def ask(self, model, inputs, request_id="", **more):
        self.client.async_stream_infer(model, inputs, request_id=request_id, **more)

    def error(self):
        result, error = self.came.get(timeout=WAIT_S)
        if error is None:
            raise AssertionError(f"expected an error, got {result.get_response()}")
        return error

    def result(self):
        result, error = self.came.get(timeout=WAIT_S)
        if error is not None:
            raise error
        return result

    def word(self):
        """(id, first value of the first output or None, final)"""
        result = self.result()
        response = result.get_response()
        first = response.outputs[0].name if response.outputs else None
        value = None if first is None else int(result.as_numpy(first).flat[0])
        return response.id, value, response.parameters[FINAL].bool_param

    def silent(self, seconds):
        time.sleep(seconds)
        equal(self.came.qsize(), 0, "answers")


def check_one_answer_each(cases, server):
    with cases.case("a thousand requests on one stream are answered in their order"):
        with Stream(server.grpc) as stream:
            for i in range(1000):
                stream.ask("simple", simple(i), str(i))
            for i in range(1000):
                equal(stream.word(), (str(i), 2 * i, True))
    with cases.case("messages that come together share a batch, and count one by one"):
        client = grpc.InferenceServerClient(server.grpc)
        rows = numpy.random.default_rng(5).normal(size=(2000, 1, 16)).astype(numpy.float32)

        def counted():
            stats = client.get_inference_statistics("jet_tagger").model_stats[0]
            return stats.inference_count, stats.inference_stats.success.count

        before = counted()
        with Stream(server.grpc) as stream:
            for i, row in enumerate(rows):
                stream.ask("jet_tagger", [tensor("input", row, "FP32")], str(i))
            answers = [stream.result() for _ in rows]
        equal([answer.get_response().id for answer in answers], [str(i) for i in range(len(rows))])
        equal([after - was for after, was in zip(counted(), before)], [2000, 2000])
        whole = client.infer("jet_tagger", [tensor("input", rows[:, 0], "FP32")])
        together = numpy.concatenate([answer.as_numpy("probabilities") for answer in answers])
        difference = numpy.abs(together - whole.as_numpy("probabilities")).max()
        equal(bool(difference <= 1e-6), True, f"on a stream and as one request: {difference}")
    with cases.case("an error is an answer like the others, and the stream goes on"):
        with Stream(server.grpc) as stream:
            stream.ask("nobody", simple(1), "lost")
            contains(str(stream.error()), "Request for unknown model: 'nobody' is not found")
            stream.ask("simple", [tensor("INPUT0", [1] * 16, "INT32", [1, 16])], "half")
            contains(str(stream.error()), "expected 2 inputs but got 1 inputs for model 'simple'")
            stream.ask("simple", simple(3), "whole")
            equal(stream.word(), ("whole", 6, True))
    with cases.case("triton_grpc_error: the first error ends the stream with its status"):
        with Stream(server.grpc, headers={"triton_grpc_error": "true"}) as stream:
            stream.ask("nobody", simple(1))
            equal(stream.error().status(), "StatusCode.NOT_FOUND")
    with cases.case("asyncio: a stream from an iterator"):

        async def run():
            async with grpc_aio.InferenceServerClient(server.grpc) as client:

                async def questions():
                    for i in range(20):
                        yield {"model_name": "simple", "inputs": simple(i), "request_id": str(i)}

                ids = []
                async for result, error in client.stream_infer(questions()):
                    if error is not None:
                        raise error
                    ids.append(result.get_response().id)
                return ids

        equal(asyncio.run(run()), [str(i) for i in range(20)])


def check_decoupled(cases, server):
    with cases.case("repeat_int32: a response per element, in order, none of them final"):
        with Stream(server.grpc) as stream:
            stream.ask(REPEAT, repeat([4, 2, 0, 1], [10, 20, 5, 1]), "r")
            words = [stream.word() for _ in range(4)]
            equal(words, [("r", 4, False), ("r", 2, False), ("r", 0, False), ("r", 1, False)])
            stream.silent(0.2)
    with cases.case("the empty final response comes to who asked for it"):
        with Stream(server.grpc) as stream:
            stream.ask(REPEAT, repeat([7], [0]), "r", enable_empty_final_response=True)
            equal([stream.word(), stream.word()], [("r", 7, False), ("r", None, True)])
            stream.ask(REPEAT, repeat([], []), "none", enable_empty_final_response=True)
            equal(stream.word(), ("none", None, True))
    with cases.case("IDX is the position, and only what was asked for comes"):
        with Stream(server.grpc) as stream:
            wanted = [grpc.InferRequestedOutput("IDX")]
            stream.ask(REPEAT, repeat([9, 9], [0, 0]), outputs=wanted)
            equal([stream.word()[1] for _ in range(2)], [0, 1])
    with cases.case("a long request holds up neither its model nor the others on the stream"):
        with Stream(server.grpc) as stream:
            stream.ask(REPEAT, repeat([1, 2], [0, 600]), "slow")
            stream.ask(REPEAT, repeat([3], [100]), "quick")
            equal([stream.word(), stream.word()], [("slow", 1, False), ("quick", 3, False)])
            stream.ask("simple", simple(1), "simple")
            equal([stream.word(), stream.word()], [("simple", 2, True), ("slow", 2, False)])
    with cases.case("an error of the model names it, and is final"):
        with Stream(server.grpc) as stream:
            stream.ask(REPEAT, repeat([1, 2], [0]), "r")
            contains(str(stream.error()), "expected as many delays as values")
    with cases.case("a unary call to it is refused"):
        with grpc.InferenceServerClient(server.grpc) as client:
            try:
                client.infer(REPEAT, repeat([1], [0]))
            except InferenceServerException as error:
                equal(error.status(), "StatusCode.UNIMPLEMENTED")
                contains(str(error), "doesn't support models with decoupled transaction policy")
            else:
                raise AssertionError("it was answered")
    with cases.case("its responses are counted by position"):
        with grpc.InferenceServerClient(server.grpc) as client:
            (stats,) = client.get_inference_statistics(REPEAT).model_stats
            first = stats.response_stats["0"]
            equal(first.success.count > 0 and first.empty_response.count > 0, True)


def check_ends(cases, server):
    with cases.case("half-close waits for every answer"):
        stream = Stream(server.grpc)
        stream.ask(REPEAT, repeat([1, 2, 3], [50, 50, 50]), "r")
        with stream:
            pass
        equal([stream.word()[1] for _ in range(3)], [1, 2, 3])
    with cases.case("a deadline ends the stream"):
        with Stream(server.grpc, stream_timeout=0.3) as stream:
            stream.ask(REPEAT, repeat([1], [60_000]))
            equal(stream.error().status(), "StatusCode.DEADLINE_EXCEEDED")
    with cases.case("a client that cancels frees the model, however long it would have taken"):
        stream = Stream(server.grpc)
        for _ in range(40):
            stream.ask(REPEAT, repeat([1], [60_000]))
        time.sleep(0.2)
        stream.client.stop_stream(cancel_requests=True)
        with Stream(server.grpc) as other:
            other.ask(REPEAT, repeat([5], [0]))
            equal(other.word()[1], 5)
    with cases.case("the death of a worker in the middle: told, not answered twice"):
        with Stream(server.grpc) as stream:
            stream.ask(REPEAT, repeat([1, 2], [0, 60_000]), "begun")
            equal(stream.word()[1], 1)
            stream.ask(REPEAT, repeat([8], [1500]), "not yet")
            time.sleep(0.3)
            for worker in children(server.pid):
                os.kill(worker, signal.SIGKILL)
            contains(str(stream.error()), "after it had sent some of the responses")
            equal(stream.word(), ("not yet", 8, False))


def check_leaving(cases):
    with cases.case("a gateway that is told to end answers what was asked on its streams"):
        with gateway(ROOT / "models", flags=EXPLICIT) as server:
            with Stream(server.grpc) as stream:
                stream.ask(REPEAT, repeat([1, 2], [0, 700]), "r")
                equal(stream.word()[1], 1)
                server.process.send_signal(signal.SIGTERM)
                equal(stream.word()[1], 2)
                equal(stream.error().status(), "StatusCode.UNAVAILABLE")
            equal(server.process.wait(15), 0, "exit status")


SERVED = ("jet_tagger", "simple", REPEAT)
EXPLICIT = ["--model-control-mode=explicit", *(f"--load-model={name}" for name in SERVED)]


def children(pid):
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def main():
    cases = Cases()
    with gateway(ROOT / "models", flags=EXPLICIT) as server:
        check_one_answer_each(cases, server)
        check_decoupled(cases, server)
        check_ends(cases, server)
    check_leaving(cases)
    cases.finish()


main()
