"""Tensors of every datatype and shape, raw and typed, there and back through identity models."""

import tempfile

import ml_dtypes
import numpy
import tritonclient.grpc as triton
from support.cases import Cases, equal
from support.gateway import gateway
from support.repository import add_model, add_sub_config, echo_config
from tritonclient.grpc import service_pb2
from tritonclient.utils import triton_to_np_dtype

CONFIG_TYPE = {"BYTES": "STRING"}
INTEGERS = ["UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"]
DATATYPES = ["BOOL", *INTEGERS, "FP16", "BF16", "FP32", "FP64", "BYTES"]
# Field of InferTensorContents for each datatype; FP16 and BF16 travel raw only.
CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
BIG_ELEMENTS = 16 * 1024 * 1024


def values_of(datatype, shape):
    """Extreme values first, then noise."""
    random = numpy.random.default_rng(7)
    count = int(numpy.prod(shape))
    if datatype == "BYTES":
        strange = [b"", b"\x00", b"a\x00b", "Teilchenphysik \u03bc\u00b1".encode(), b"x" * 70_000]
        return numpy.array((strange * count)[:count], dtype=numpy.object_).reshape(shape)
    if datatype == "BOOL":
        return random.integers(0, 2, shape).astype(bool)
    if datatype in INTEGERS:
        limits = numpy.iinfo(triton_to_np_dtype(datatype))
        values = random.integers(limits.min, limits.max, shape, limits.dtype, endpoint=True)
        values.flat[:2] = [limits.min, limits.max][:count]
        return values
    if datatype == "BF16":
        return random.normal(size=shape).astype(ml_dtypes.bfloat16)
    values = random.normal(size=shape).astype(triton_to_np_dtype(datatype))
    values.flat[: min(count, 4)] = [0.0, -0.0, numpy.inf, -numpy.inf][:count]
    return values


def ask(client, model, values, datatype, **options):
    item = triton.InferInput("INPUT0", list(values.shape), datatype)
    item.set_data_from_numpy(values)
    return client.infer(model, [item], client_timeout=60, **options)


def check_equal(got, values):
    equal(list(got.shape), list(values.shape), "shape")
    if values.dtype == numpy.object_:
        equal(got.tolist(), values.tolist())
    elif got.tobytes() != values.tobytes():
        raise AssertionError("other bits")


def check_raw(cases, client):
    for datatype in DATATYPES:
        with cases.case(f"{datatype}, raw, free axes"):
            for shape in ((1, 1), (3, 5), (7, 2)):
                values = values_of(datatype, shape)
                result = ask(client, f"free_{datatype}", values, datatype)
                check_equal(result.as_numpy("OUTPUT0"), values)
        with cases.case(f"{datatype}, raw, in batches"):
            for rows in (1, 2, 16):
                values = values_of(datatype, (rows, 4))
                result = ask(client, f"rows_{datatype}", values, datatype)
                check_equal(result.as_numpy("OUTPUT0"), values)


def check_typed(cases, client):
    for datatype, field in CONTENTS.items():
        with cases.case(f"{datatype} in `{field}`, raw back"):
            values = values_of(datatype, (2, 4))
            request = service_pb2.ModelInferRequest(model_name=f"rows_{datatype}", id="typed")
            item = request.inputs.add(name="INPUT0", datatype=datatype, shape=[2, 4])
            getattr(item.contents, field).extend(values.flatten().tolist())
            response = client._client_stub.ModelInfer(request, timeout=20)
            equal(len(response.raw_output_contents), 1, "raw outputs")
            equal(response.outputs[0].HasField("contents"), False, "typed contents in the answer")
            check_equal(triton.InferResult(response).as_numpy("OUTPUT0"), values)


def check_shapes(cases, client):
    with cases.case("a tensor without elements"):
        values = numpy.zeros((0, 4), numpy.float32)
        result = ask(client, "free_FP32", values, "FP32")
        equal(list(result.get_output("OUTPUT0").shape), [0, 4])
        equal(list(result.get_response().raw_output_contents), [b""])
    with cases.case("a batch of rows of two free axes; other shapes in between"):
        for shape in ((2, 3, 5), (1, 9, 1), (4, 3, 5)):
            values = values_of("FP32", shape)
            check_equal(ask(client, "planes", values, "FP32").as_numpy("OUTPUT0"), values)
    with cases.case("a message of 64 MB, both ways"):
        values = numpy.arange(BIG_ELEMENTS, dtype=numpy.float32).reshape(1, -1)
        check_equal(ask(client, "free_FP32", values, "FP32").as_numpy("OUTPUT0"), values)


def check_request(cases, client):
    left = numpy.arange(32, dtype=numpy.int32).reshape(2, 16)
    right = numpy.full((2, 16), 3, numpy.int32)

    def simple(outputs=None, **options):
        items = []
        for name, values in (("INPUT0", left), ("INPUT1", right)):
            item = triton.InferInput(name, [2, 16], "INT32")
            item.set_data_from_numpy(values)
            items.append(item)
        named = outputs and [triton.InferRequestedOutput(name) for name in outputs]
        return client.infer("simple", items, outputs=named, client_timeout=20, **options)

    with cases.case("no outputs named: all of them"):
        result = simple()
        check_equal(result.as_numpy("OUTPUT0"), left + right)
        check_equal(result.as_numpy("OUTPUT1"), left - right)
    with cases.case("a subset of the outputs"):
        result = simple(["OUTPUT1"])
        equal([output.name for output in result.get_response().outputs], ["OUTPUT1"])
        check_equal(result.as_numpy("OUTPUT1"), left - right)
    with cases.case("the outputs asked for in another order"):
        result = simple(["OUTPUT1", "OUTPUT0"])
        check_equal(result.as_numpy("OUTPUT0"), left + right)
        check_equal(result.as_numpy("OUTPUT1"), left - right)
    with cases.case("model name, version and request id come back"):
        response = simple(request_id="event 4711", model_version="1").get_response()
        equal((response.model_name, response.model_version), ("simple", "1"))
        equal(response.id, "event 4711")
    with cases.case("the parameter that the C++ client sends with every request; custom ones"):
        request = service_pb2.ModelInferRequest(model_name="rows_FP32")
        request.parameters["triton_enable_empty_final_response"].bool_param = False
        request.parameters["my_key"].string_param = "my value"
        request.parameters["my_number"].double_param = 1.5
        request.inputs.add(name="INPUT0", datatype="FP32", shape=[1, 4])
        request.raw_input_contents.append(bytes(16))
        equal(client._client_stub.ModelInfer(request, timeout=20).raw_output_contents[0], bytes(16))


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        for datatype in DATATYPES:
            kind = CONFIG_TYPE.get(datatype, datatype)
            add_model(folder, f"free_{datatype}", echo_config(f"free_{datatype}", kind, [-1, -1]))
            add_model(folder, f"rows_{datatype}", echo_config(f"rows_{datatype}", kind, [4], 16))
        add_model(folder, "planes", echo_config("planes", "FP32", [-1, -1], 8, more="dynamic_batching { }"))
        add_model(folder, "simple", add_sub_config("simple"))
        with gateway(folder) as server:
            client = triton.InferenceServerClient(server.grpc)
            check_raw(cases, client)
            check_typed(cases, client)
            check_shapes(cases, client)
            check_request(cases, client)
    cases.finish()


main()
