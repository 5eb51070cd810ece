"""Tensors that are not plain rows: ragged, reshaped, optional, shape tensors, numbers about a batch."""

import queue
import tempfile

import numpy
import tritonclient.grpc as triton
from support.cases import Cases, contains, equal
from support.gateway import ROOT, gateway
from support.repository import add_model


def echo(more, outputs="", batch=8):
    """A model that gives input i back as output i."""
    return f'backend: "echo"\nmax_batch_size: {batch}\n{more}\n{outputs}\n'


def tensor(role, name, dims, more="", datatype="FP32"):
    return f'{role} [{{ name: "{name}" data_type: TYPE_{datatype} dims: {dims} {more} }}]\n'


# Four rows close a batch; whoever waits for more than those waits this long.
GATHER = "dynamic_batching { max_queue_delay_microseconds: 2000000 preferred_batch_size: [4] }\n"
SCATTER = 'batch_output [{ target_name: "OUT" source_input: "IN" }]\n'


def counted(kind, dims, more="", rank="[-1]", datatype="INT32"):
    """`kind` as the second output; the first is the ragged input itself."""
    return echo(
        tensor("input", "IN", rank, "allow_ragged_batch: true")
        + f'batch_input [{{ kind: {kind} target_name: "ABOUT" data_type: TYPE_{datatype} source_input: "IN" }}]\n'
        + tensor("output", "OUT", rank)
        + tensor("output", "TOLD", dims, more, datatype)
        + SCATTER
        + GATHER
    )


MODELS = {
    "counts": counted("BATCH_ELEMENT_COUNT", "[1]", "reshape { shape: [] }"),
    "sums": counted("BATCH_ACCUMULATED_ELEMENT_COUNT", "[1]", "reshape { shape: [] }", datatype="FP32"),
    "shapes": counted("BATCH_ITEM_SHAPE", "[2]", rank="[-1, -1]"),
    "reshaped": echo(
        tensor("input", "IN", "[2, -1, 3]", "reshape { shape: [1, 2, -1, 3] }")
        + tensor("output", "OUT", "[2, 1, -1, 3]", "reshape { shape: [1, 2, -1, 3] }")
        + GATHER
    ),
    "flat": echo(
        tensor("input", "IN", "[1]", "reshape { shape: [] }")
        + tensor("output", "OUT", "[1]", "reshape { shape: [] }")
        + GATHER
    ),
    "fixed": echo(
        tensor("input", "IN", "[4]", "reshape { shape: [2, 2] }")
        + tensor("output", "OUT", "[4]", "reshape { shape: [2, 2] }"),
        batch=0,
    ),
    "optional": echo(
        tensor("input", "IN", "[2]") + tensor("input", "MORE", "[2]", "optional: true") + tensor("output", "OUT", "[2]") + GATHER
    ),
    "shape_tensor": echo(
        tensor("input", "IN", "[-1]")
        + tensor("input", "SHAPE", "[2]", "is_shape_tensor: true", "INT32")
        + tensor("output", "OUT", "[-1]")
        + tensor("output", "SHAPE_OUT", "[2]", "is_shape_tensor: true", "INT32")
        + GATHER
    ),
}


def start(client, model, inputs):
    items = []
    for name, values in inputs.items():
        item = triton.InferInput(name, list(values.shape), triton_name(values))
        item.set_data_from_numpy(values)
        items.append(item)
    answers = queue.Queue()
    client.async_infer(model, items, lambda result, error: answers.put((result, error)), client_timeout=30)

    def wait():
        result, error = answers.get(timeout=40)
        if error is not None:
            raise error
        return result

    return wait


def triton_name(values):
    return {"float32": "FP32", "int32": "INT32"}[str(values.dtype)]


def ask(client, model, requests):
    return [wait() for wait in [start(client, model, inputs) for inputs in requests]]


def floats(values):
    return numpy.array(values, numpy.float32)


def executions(client, model):
    return client.get_inference_statistics(model).model_stats[0].execution_count


def told(client, model, requests, expected):
    """One execution; every request gets its own elements back, and is told what it should be."""
    before = executions(client, model)
    results = ask(client, model, requests)
    equal(executions(client, model) - before, 1, "executions")
    for request, result in zip(requests, results):
        equal(result.as_numpy("OUT").tolist(), request["IN"].tolist())
    got = sorted(str(result.as_numpy("TOLD").tolist()) for result in results)
    equal(got, sorted(str(one) for one in expected))


def check_own(cases, client):
    sent = [[2, 2], [4, 4, 4, 4], [1], [3, 3, 3]]
    with cases.case("ragged_io gives every length back, in one execution"):
        results = ask(client, "ragged_io", [{"INPUT0": floats([values])} for values in sent])
        equal([result.as_numpy("OUTPUT0").tolist() for result in results], [[values] for values in sent])
        equal(executions(client, "ragged_io"), 1)
    with cases.case("ragged_io takes a request of several rows as one stretch"):
        [result] = ask(client, "ragged_io", [{"INPUT0": floats([[1, 2], [3, 4], [5, 6], [7, 8]])}])
        equal(result.as_numpy("OUTPUT0").tolist(), [[1, 2], [3, 4], [5, 6], [7, 8]])
    with cases.case("ragged_mean tells events apart"):
        random = numpy.random.default_rng(1)
        events = [random.normal(size=[1, n]).astype(numpy.float32) for n in random.integers(0, 50, 200)]
        results = ask(client, "ragged_mean", [{"hits": event} for event in events])
        for event, result in zip(events, results):
            mean = event.mean(dtype=numpy.float64) if event.size else 0
            got = result.as_numpy("mean")
            equal(got.shape, (1, 1))
            if abs(got[0, 0] - mean) > 1e-6:
                raise AssertionError(f"{got} for {event}")
        print(f"      {len(events)} events in {executions(client, 'ragged_mean')} executions")
    with cases.case("the metadata of a ragged model names what clients send, and no more"):
        metadata = client.get_model_metadata("ragged_mean")
        equal([(one.name, list(one.shape)) for one in metadata.inputs], [("hits", [-1, -1])])
        equal([(one.name, list(one.shape)) for one in metadata.outputs], [("mean", [-1, 1])])
    with cases.case("scalar_sum answers in the dims of its configuration"):
        [result] = ask(client, "scalar_sum", [{"values": floats([1, 2, 4])}])
        equal(result.as_numpy("sum").tolist(), [7])


def check_echo(cases, client):
    ragged = [{"IN": floats([[1, 2]])}, {"IN": floats([[3]])}, {"IN": floats([[4, 5, 6]])}, {"IN": floats([[7]])}]
    with cases.case("BATCH_ELEMENT_COUNT is a request's own"):
        told(client, "counts", ragged, [[[2]], [[1]], [[3]], [[1]]])
    with cases.case("BATCH_ACCUMULATED_ELEMENT_COUNT runs through the batch, as FP32 too"):
        told(client, "sums", ragged, [[[2.0]], [[3.0]], [[6.0]], [[7.0]]])
    with cases.case("BATCH_ITEM_SHAPE has a row for every row"):
        requests = [{"IN": floats(numpy.arange(6).reshape(2, 3, 1))}, {"IN": floats(numpy.arange(8).reshape(2, 2, 2))}]
        told(client, "shapes", requests, [[[3, 1], [3, 1]], [[2, 2], [2, 2]]])

    with cases.case("a reshape is seen by the model alone"):
        values = floats(numpy.arange(24).reshape(1, 2, 4, 3))
        results = ask(client, "reshaped", [{"IN": values + 100 * i} for i in range(4)])
        for i, result in enumerate(results):
            equal(result.as_numpy("OUT").tolist(), (values + 100 * i).reshape(1, 2, 1, 4, 3).tolist())
        equal(executions(client, "reshaped"), 1)
    with cases.case("an empty reshape leaves the batch axis alone"):
        results = ask(client, "flat", [{"IN": floats([[i]])} for i in range(4)])
        equal([result.as_numpy("OUT").tolist() for result in results], [[[i]] for i in range(4)])
    with cases.case("a reshape needs no batch axis"):
        [result] = ask(client, "fixed", [{"IN": floats([1, 2, 3, 4])}])
        equal(result.as_numpy("OUT").tolist(), [1, 2, 3, 4])

    with cases.case("requests with and without an optional input share no batch"):
        with_it = {"IN": floats([[1, 2]]), "MORE": floats([[5, 5]])}
        without = {"IN": floats([[3, 4]])}
        results = ask(client, "optional", [with_it, without] * 4)
        equal([result.as_numpy("OUT").tolist() for result in results], [[[1, 2]], [[3, 4]]] * 4)
        equal(executions(client, "optional"), 2)
    with cases.case("a missing input is told with the numbers that may come"):
        try:
            ask(client, "optional", [{"MORE": floats([[5, 5]]), "OTHER": floats([[5, 5]])}])
        except triton.InferenceServerException as error:
            contains(error.message(), "inference input")
        else:
            raise AssertionError("it was answered")

    with cases.case("requests with the same shape tensor share a batch, which gets it once"):
        shape = numpy.array([2, 3], numpy.int32)
        other = numpy.array([3, 2], numpy.int32)
        requests = [{"IN": floats([[i, i]]), "SHAPE": one} for i in range(4) for one in (shape, other)]
        results = ask(client, "shape_tensor", requests)
        for request, result in zip(requests, results):
            equal(result.as_numpy("OUT").tolist(), request["IN"].tolist())
            equal(result.as_numpy("SHAPE_OUT").tolist(), request["SHAPE"].tolist())
        equal(executions(client, "shape_tensor"), 2)


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        for name, config in MODELS.items():
            add_model(folder, name, config)
        with gateway(folder, ROOT / "models") as server:
            client = triton.InferenceServerClient(server.grpc)
            check_own(cases, client)
            check_echo(cases, client)
    cases.finish()


main()
