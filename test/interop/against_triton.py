"""The same calls to a real tritonserver and to us: status codes and texts must agree.

The tritonserver is the one in the package nvidia-pytriton (2.51, October 2024); what newer ones
say differently is listed in NEWER with what they say, read in Triton's sources.
"""

import http.client
import json
import pathlib
import re
import tempfile
import time

import grpc
from support import twin_models
from support.cases import Cases, contains, equal
from support.gateway import gateway
from support.real_triton import installed, real_triton
from tritonclient.grpc import service_pb2, service_pb2_grpc

M = service_pb2
# A tritonserver does not say where its answers come from.
AS_TRITON = "--provenance-enabled=false"
INT32 = bytes(64)


class Side:
    """One of the two servers."""

    def __init__(self, grpc_address, http_address):
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.insecure_channel(grpc_address, options=options)
        self.stub = service_pb2_grpc.GRPCInferenceServiceStub(self.channel)
        self.http_address = http_address

    def call(self, rpc, request):
        """(status, text) of an error, ("OK", message) otherwise."""
        try:
            return "OK", getattr(self.stub, rpc)(request, timeout=20)
        except grpc.RpcError as error:
            return error.code().name, error.details()

    def stream(self, requests, metadata=()):
        """Every response of one stream, and how the stream ended."""
        answers = []
        try:
            for response in self.stub.ModelStreamInfer(
                iter(requests), timeout=20, metadata=metadata
            ):
                inner = response.infer_response
                final = inner.parameters["triton_final_response"].bool_param
                answers.append((response.error_message, inner.id, len(inner.outputs), final))
        except grpc.RpcError as error:
            return answers, (error.code().name, error.details())
        return answers, ("OK", "")

    def settle(self):
        """Waits until no model is on its way in or out."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            models = self.stub.RepositoryIndex(M.RepositoryIndexRequest()).models
            if all(model.state not in ("LOADING", "UNLOADING") for model in models):
                return
            time.sleep(0.05)

    def http(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.http_address, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())
        finally:
            connection.close()


def infer(model="simple", version="", identity="", parameters=None):
    request = service_pb2.ModelInferRequest(model_name=model, model_version=version, id=identity)
    for key, value in (parameters or {}).items():
        kind = {bool: "bool_param", int: "int64_param", str: "string_param", float: "double_param"}
        setattr(request.parameters[key], kind[type(value)], value)
    return request


def add(request, name, shape, datatype, raw):
    item = request.inputs.add(name=name, datatype=datatype, shape=list(shape))
    if raw is not None:
        request.raw_input_contents.append(raw)
    return item


def simple(first=None, second=None, outputs=(), **options):
    """A right request for `simple`, but for what is given."""
    request = infer(**options)
    right = {"shape": (1, 16), "datatype": "INT32", "raw": INT32}
    for name, wrong in (("INPUT0", first), ("INPUT1", second)):
        values = {"name": name, **right, **(wrong or {})}
        add(request, **values)
    for name in outputs:
        request.outputs.add(name=name)
    return request


def one(model, shape, datatype, raw, name="INPUT0", **options):
    request = infer(model, **options)
    add(request, name, shape, datatype, raw)
    return request


def text(*elements):
    return b"".join(len(e).to_bytes(4, "little") + e for e in elements)


def with_parameter(key, **value):
    request = simple()
    request.parameters[key].CopyFrom(service_pb2.InferParameter(**value))
    return request


def with_output_parameters(**parameters):
    request = simple(outputs=("OUTPUT0",))
    for key, value in parameters.items():
        request.outputs[0].parameters[key].CopyFrom(service_pb2.InferParameter(**value))
    return request


def with_input_parameters(**parameters):
    request = simple()
    for key, value in parameters.items():
        request.inputs[0].parameters[key].CopyFrom(service_pb2.InferParameter(**value))
    return request


def typed(datatype="INT32", **contents):
    request = infer()
    for name in ("INPUT0", "INPUT1"):
        item = add(request, name, (1, 16), datatype, None)
        item.contents.CopyFrom(service_pb2.InferTensorContents(**contents))
    return request


def mixed_contents():
    request = simple()
    request.inputs[0].contents.int_contents.extend([1] * 16)
    return request


def missing_raw():
    request = simple()
    del request.raw_input_contents[1]
    return request


def extra_raw():
    request = simple()
    request.raw_input_contents.append(INT32)
    return request


def twice():
    request = simple()
    add(request, "INPUT0", (1, 16), "INT32", INT32)
    return request


def step(identity, start=False, end=False, model="sequence", shape=(1, 1), request_id=""):
    raw = bytes(4 * shape[0])
    parameters = {"sequence_start": start, "sequence_end": end}
    if identity is not None:
        parameters["sequence_id"] = identity
    return one(model, shape, "INT32", raw, identity=request_id, parameters=parameters)


INFER = {
    "a right request": simple(),
    "one with an id": simple(identity="7"),
    "unknown model": simple(model="nobody"),
    "unknown version": simple(version="9"),
    "known version": simple(version="1"),
    "version that begins with digits": simple(version="1abc"),
    "version that is no number": simple(version="abc"),
    "negative version": simple(version="-1"),
    "version zero": simple(version="0"),
    "huge version": simple(version="99999999999999999999"),
    "unknown output": simple(outputs=("NOPE",)),
    "output twice": simple(outputs=("OUTPUT0", "OUTPUT0")),
    "one input of two": one("simple", (1, 16), "INT32", INT32),
    "one input of two, with id": one("simple", (1, 16), "INT32", INT32, identity="x"),
    "no inputs": infer(),
    "unknown input beside one": simple(second={"name": "NOPE"}),
    "unknown third input": (lambda r: (add(r, "NOPE", (1, 16), "INT32", INT32), r)[1])(simple()),
    "same input twice": twice(),
    "no shape": simple(first={"shape": ()}),
    "batch sizes differ": simple(second={"shape": (2, 16), "raw": bytes(128)}),
    "batch too large": simple(
        {"shape": (9, 16), "raw": bytes(9 * 64)}, {"shape": (9, 16), "raw": bytes(9 * 64)}
    ),
    "batch of nothing": simple({"shape": (0, 16), "raw": b""}, {"shape": (0, 16), "raw": b""}),
    "negative batch": simple({"shape": (-1, 16)}, {"shape": (-1, 16)}),
    "wrong datatype": simple(first={"datatype": "FP32"}),
    "unknown datatype": simple(first={"datatype": "INT33"}),
    "empty datatype": simple(first={"datatype": ""}),
    "open axis in the request": one("plain", (-1, 4), "FP32", bytes(16)),
    "wrong shape": simple(first={"shape": (1, 8), "raw": bytes(32)}),
    "wrong shape of a model without batches": one("plain", (2, 5), "FP32", bytes(40)),
    "wrong rank": simple(first={"shape": (1, 16, 1)}),
    "shape without the batch axis": simple({"shape": (16,)}, {"shape": (16,)}),
    "too few bytes": simple(first={"raw": bytes(60)}),
    "too many bytes": simple(first={"raw": bytes(68)}),
    "no bytes": simple(first={"raw": b""}),
    "data of one input missing": missing_raw(),
    "more data than inputs": extra_raw(),
    "no data at all": simple({"raw": None}, {"raw": None}),
    "both raw and contents": mixed_contents(),
    "typed contents": typed(int_contents=[1] * 16),
    "typed contents, too few": typed(int_contents=[1] * 15),
    "typed contents of the wrong kind": typed(fp32_contents=[1.0] * 16),
    "typed contents of two kinds": typed(int_contents=[1] * 16, fp32_contents=[1.0] * 16),
    "typed contents for FP16": typed("FP16", fp32_contents=[1.0] * 16),
    "strings": one("strings", (1, 4), "BYTES", text(b"a", b"", b"\0", b"long")),
    "strings, one too few": one("strings", (1, 4), "BYTES", text(b"a", b"", b"\0")),
    "strings, one too many": one("strings", (1, 4), "BYTES", text(*[b"a"] * 5)),
    "strings, length cut": one("strings", (1, 4), "BYTES", text(b"a", b"b", b"c") + b"\1\0"),
    "strings, no data": one("strings", (1, 4), "BYTES", b""),
    "half floats": one("half", (1, 4), "FP16", bytes(8)),
    "flags": one("flags", (1, 4), "BOOL", bytes(4)),
    "an empty tensor": one("plain", (0, 4), "FP32", b""),
    "an empty tensor in a batch": one("counted", (1, 0), "INT64", b""),
    "a huge shape": one("plain", (2**62, 4), "FP32", bytes(16)),
    "a shape that overflows": one("plain", (2**40, 2**40), "FP32", bytes(16)),
    "priority of the wrong type": with_parameter("priority", string_param="high"),
    "negative priority": with_parameter("priority", int64_param=-1),
    "priority": with_parameter("priority", uint64_param=3),
    "timeout of the wrong type": with_parameter("timeout", string_param="soon"),
    "timeout": with_parameter("timeout", int64_param=1_000_000),
    "sequence_id of the wrong type": with_parameter("sequence_id", bool_param=True),
    "sequence_start of the wrong type": with_parameter("sequence_start", int64_param=1),
    "sequence_end of the wrong type": with_parameter("sequence_end", string_param="yes"),
    "reserved parameter": with_parameter("triton_secret", int64_param=1),
    "empty final response asked for": with_parameter(
        "triton_enable_empty_final_response", bool_param=True
    ),
    "empty final response of the wrong type": with_parameter(
        "triton_enable_empty_final_response", int64_param=1
    ),
    "custom parameters": simple(parameters={"site": "T2", "run": 7, "mc": True}),
    "custom double": with_parameter("weight", double_param=0.5),
    "classification": with_output_parameters(classification={"int64_param": 3}),
    "classification of more than there are": with_output_parameters(
        classification={"int64_param": 99}
    ),
    "classification of the wrong type": with_output_parameters(
        classification={"string_param": "3"}
    ),
    "classification and shared memory": with_output_parameters(
        classification={"int64_param": 3},
        shared_memory_region={"string_param": "r"},
        shared_memory_byte_size={"int64_param": 64},
    ),
    "shared memory region of the wrong type": with_input_parameters(
        shared_memory_region={"int64_param": 1}
    ),
    "shared memory without a size": with_input_parameters(
        shared_memory_region={"string_param": "r"}
    ),
    "shared memory offset without a region": with_input_parameters(
        shared_memory_offset={"int64_param": 0}
    ),
    "decoupled model": one("stream", (1, 1), "INT32", (2).to_bytes(4, "little")),
    "ensemble": (
        lambda r: (
            add(r, "A", (1, 16), "INT32", INT32),
            add(r, "B", (1, 16), "INT32", INT32),
            r,
        )[2]
    )(infer("both")),
    "ensemble, one input": one("both", (1, 16), "INT32", INT32, name="A"),
    "ensemble, wrong shape": (
        lambda r: (
            add(r, "A", (1, 8), "INT32", bytes(32)),
            add(r, "B", (1, 16), "INT32", INT32),
            r,
        )[2]
    )(infer("both")),
    "ensemble, unknown output": (
        lambda r: (
            add(r, "A", (1, 16), "INT32", INT32),
            add(r, "B", (1, 16), "INT32", INT32),
            r.outputs.add(name="sum"),
            r,
        )[3]
    )(infer("both")),
    "sequence, no id": step(None, start=True),
    "sequence, id zero": step(0, start=True),
    "sequence, not started": step(41),
    "sequence, start": step(42, start=True),
    "sequence, goes on": step(42),
    "sequence, end": step(42, end=True),
    "sequence, over": step(42),
    "sequence, of a string": step("alpha", start=True, end=True),
    "sequence, batch of two": step(43, start=True, end=True, shape=(2, 1)),
    "sequence parameters to a model without": simple(
        parameters={"sequence_id": 5, "sequence_start": True}
    ),
}

CALLS = {
    "ServerLive": M.ServerLiveRequest(),
    "ServerReady": M.ServerReadyRequest(),
    "ModelReady of simple": M.ModelReadyRequest(name="simple"),
    "ModelReady of version 1": M.ModelReadyRequest(name="simple", version="1"),
    "ModelReady, bad version": M.ModelReadyRequest(name="simple", version="x"),
    "ModelMetadata": M.ModelMetadataRequest(name="plain"),
    "ModelMetadata, unknown model": M.ModelMetadataRequest(name="nobody"),
    "ModelMetadata, unknown version": M.ModelMetadataRequest(name="simple", version="9"),
    "ModelMetadata, bad version": M.ModelMetadataRequest(name="simple", version="x"),
    "ModelMetadata, no name": M.ModelMetadataRequest(),
    "ModelConfig, unknown model": M.ModelConfigRequest(name="nobody"),
    "ModelConfig, unknown version": M.ModelConfigRequest(name="simple", version="9"),
    "ModelStatistics, unknown model": M.ModelStatisticsRequest(name="nobody"),
    "ModelStatistics, unknown version": M.ModelStatisticsRequest(name="simple", version="9"),
    "RepositoryIndex": M.RepositoryIndexRequest(),
    "RepositoryIndex, ready": M.RepositoryIndexRequest(ready=True),
    "RepositoryIndex of a repository": M.RepositoryIndexRequest(repository_name="here"),
    "RepositoryModelLoad": M.RepositoryModelLoadRequest(model_name="simple"),
    "RepositoryModelLoad of a repository": M.RepositoryModelLoadRequest(
        repository_name="here", model_name="simple"
    ),
    "RepositoryModelUnload": M.RepositoryModelUnloadRequest(model_name="simple"),
    "CudaSharedMemoryStatus": M.CudaSharedMemoryStatusRequest(),
    "CudaSharedMemoryRegister": M.CudaSharedMemoryRegisterRequest(
        name="c", raw_handle=b"x" * 64, device_id=0, byte_size=64
    ),
    "CudaSharedMemoryUnregister": M.CudaSharedMemoryUnregisterRequest(),
    "SystemSharedMemoryStatus": M.SystemSharedMemoryStatusRequest(),
    "SystemSharedMemoryStatus of none": M.SystemSharedMemoryStatusRequest(name="none"),
    "SystemSharedMemoryRegister, no such key": M.SystemSharedMemoryRegisterRequest(
        name="r", key="/beamgate_no_such_key", byte_size=64
    ),
    "SystemSharedMemoryUnregister of none": M.SystemSharedMemoryUnregisterRequest(name="none"),
    "SystemSharedMemoryUnregister": M.SystemSharedMemoryUnregisterRequest(),
    "TraceSetting, unknown model": M.TraceSettingRequest(model_name="nobody"),
}


def trace(**settings):
    request = M.TraceSettingRequest(model_name=settings.pop("model", ""))
    for key, values in settings.items():
        request.settings[key].value.extend(values)
    return request


def log(**settings):
    request = M.LogSettingsRequest()
    for key, value in settings.items():
        kind = {bool: "bool_param", int: "uint32_param", str: "string_param"}[type(value)]
        setattr(request.settings[key], kind, value)
    return request


SETTINGS = {
    "TraceSetting": ("TraceSetting", trace()),
    "TraceSetting of a model": ("TraceSetting", trace(model="simple")),
    "trace_level": ("TraceSetting", trace(trace_level=["TIMESTAMPS", "TENSORS"])),
    "trace_level, wrong": ("TraceSetting", trace(trace_level=["LOUD"])),
    "trace_rate": ("TraceSetting", trace(trace_rate=["5"])),
    "trace_rate, no number": ("TraceSetting", trace(trace_rate=["x"])),
    "trace_rate, two values": ("TraceSetting", trace(trace_rate=["1", "2"])),
    "trace_rate, out of range": ("TraceSetting", trace(trace_rate=["99999999999999"])),
    "trace_count": ("TraceSetting", trace(trace_count=["5"])),
    "trace_count, no number": ("TraceSetting", trace(trace_count=["x"])),
    "trace_count, too small": ("TraceSetting", trace(trace_count=["-2"])),
    "trace_count, two values": ("TraceSetting", trace(trace_count=["1", "2"])),
    "log_frequency": ("TraceSetting", trace(log_frequency=["5"])),
    "log_frequency, no number": ("TraceSetting", trace(log_frequency=["x"])),
    "log_frequency, two values": ("TraceSetting", trace(log_frequency=["1", "2"])),
    "trace_file": ("TraceSetting", trace(trace_file=["/tmp/x"])),
    "unknown trace setting": ("TraceSetting", trace(loudness=["9"])),
    "trace settings of a model": ("TraceSetting", trace(model="simple", trace_rate=["9"])),
    "trace settings of a model, cleared": ("TraceSetting", trace(model="simple", trace_rate=[])),
    "trace settings cleared": (
        "TraceSetting",
        trace(trace_rate=[], trace_count=[], log_frequency=[], trace_level=[]),
    ),
    "LogSettings": ("LogSettings", log()),
    "log_info": ("LogSettings", log(log_info=True)),
    "log_info, no boolean": ("LogSettings", log(log_info=1)),
    "log_verbose_level": ("LogSettings", log(log_verbose_level=1)),
    "log_verbose_level, no number": ("LogSettings", log(log_verbose_level=True)),
    "log_format": ("LogSettings", log(log_format="ISO8601")),
    "log_format, unknown": ("LogSettings", log(log_format="loud")),
    "log_format, no string": ("LogSettings", log(log_format=True)),
    "log_file": ("LogSettings", log(log_file="/tmp/x")),
    "log settings back": ("LogSettings", log(log_verbose_level=0, log_format="default")),
    "unknown log setting": ("LogSettings", log(loudness=9)),
}

#: Where we say it otherwise on purpose: what the text must hold, and why.
OURS = {
    "batch of nothing": "batch-size must be >= 1",  # there: byte size 64 expected of no rows
    "negative batch": "batch-size must be <= 8",  # there: which input is looked at first decides
    "a huge shape": "Expected 144115188075855856",  # there the product overflows to 0
    "HTTP: header length no number": "Unable to parse",  # there it counts as 0
}
#: Two inputs are wrong, and an unordered map decides which of them is told.
EITHER_INPUT = {
    "batch sizes differ",
    "typed contents, too few",
    "unknown third input",
    "HTTP: binary tensors, wrong size",
}
TRAVERSAL = "invalid model name '{}', model name must not contain path traversal characters"
UNKNOWN = ("NOT_FOUND", "Request for unknown model: 'nobody' is not found")
#: What newer tritonservers say instead, by case: (status, text).
NEWER = {
    "CudaSharedMemoryRegister": (
        "INVALID_ARGUMENT",
        "failed to register CUDA shared memory region: 'c', GPUs not supported",
    ),
    "explicit: no name": (
        "INVALID_ARGUMENT",
        "Model name cannot be empty. Please enter a valid name to deploy.",
    ),
    "explicit: parent folder": ("INVALID_ARGUMENT", TRAVERSAL.format("../simple")),
    "explicit: path": ("INVALID_ARGUMENT", TRAVERSAL.format("a/b")),
    "stream with triton_grpc_error: unknown model": UNKNOWN,
}


def shown(answer):
    """An answer as it is compared: errors whole, messages by what every server must agree on."""
    status, message = answer
    if status != "OK":
        return status, message
    if isinstance(message, M.ModelInferResponse):
        # Not the data: without a GPU the package's python backend returns empty tensors.
        outputs = [(o.name, o.datatype, list(o.shape)) for o in message.outputs]
        return status, message.model_name, message.model_version, message.id, outputs
    if isinstance(message, M.RepositoryIndexResponse):
        return status, [(m.name, m.version, m.state, m.reason) for m in message.models]
    if isinstance(message, M.ModelMetadataResponse):
        message.platform = ""
    if isinstance(message, M.LogSettingsResponse):
        return status, sorted(key for key in message.settings if key != "log_file")
    if isinstance(message, M.TraceSettingResponse):
        kept = {k: list(v.value) for k, v in message.settings.items() if k != "trace_file"}
        return status, sorted(kept.items())
    return status, str(message)


#: Without a GPU the models of the package give empty tensors or fail on texts: the request was taken.
TAKEN = ("output tensor shape does not match size of output", "Stub process", "Expected 64, got 0")


NO_DATA = {"strings", "ensemble"}


def compare(cases, name, ours, theirs):
    with cases.case(name):
        if name in OURS:
            equal(ours[0], theirs[0])
            contains(str(ours[1]), OURS[name])
        elif name in EITHER_INPUT:
            equal(sorted_names(ours), sorted_names(theirs))
        elif theirs[0] != "OK" and any(text in theirs[1] for text in TAKEN) and name in NO_DATA:
            equal(ours[0], "OK", f"status ({ours[1]!r})")
        else:
            equal(shown(ours), NEWER.get(name, shown(theirs)))


def sorted_names(answer):
    """The status, and the words of the text in alphabetical order, all inputs and sizes alike."""
    status, text = answer[0], str(answer[1])
    alike = re.sub(r"INPUT[01]|NOPE", "INPUT", re.sub(r"Expected 64, got \d+", "", text))
    return status, alike


def rpc_of(name):
    return name.replace(",", " ").split(" ")[0]


def streams(cases, ours, theirs):
    def repeat(times, **options):
        return one("stream", (1, 1), "INT32", times.to_bytes(4, "little"), **options)

    final = {"triton_enable_empty_final_response": True}
    conversations = {
        "three requests in order": [simple(identity=str(i)) for i in range(3)],
        "an error between answers": [
            simple(identity="a"),
            simple(identity="b", first={"raw": bytes(60)}),
            simple(identity="c"),
        ],
        "unknown model": [simple(identity="a", model="nobody"), simple(identity="b")],
        "a decoupled model": [repeat(3, identity="d")],
        "a decoupled model with its final response": [repeat(2, identity="d", parameters=final)],
        "a decoupled model without a response": [repeat(0, identity="d", parameters=final)],
        "a sequence": [step(8, start=True, request_id="1"), step(8, end=True, request_id="2")],
        "a sequence that was not started": [step(9, request_id="1")],
    }
    for name, requests in conversations.items():
        with cases.case(f"stream: {name}"):
            equal(ours.stream(requests), theirs.stream(requests))
    for name in ("unknown model", "three requests in order"):
        with cases.case(f"stream with triton_grpc_error: {name}"):
            metadata = (("triton_grpc_error", "true"),)
            requests = conversations[name]
            expected = theirs.stream(requests, metadata)[1]
            case = f"stream with triton_grpc_error: {name}"
            equal(ours.stream(requests, metadata)[1], NEWER.get(case, expected))


def body(**fields):
    return json.dumps(fields).encode()


def tensor(name="INPUT0", shape=(1, 16), datatype="INT32", data=None, **more):
    data = [0] * 16 if data is None else data
    return {"name": name, "shape": list(shape), "datatype": datatype, "data": data, **more}


BOTH = [tensor(), tensor("INPUT1")]
SIMPLE = "/v2/models/simple/infer"
HTTP = {
    "server metadata": ("GET", "/v2", None),
    "live": ("GET", "/v2/health/live", None),
    "ready": ("GET", "/v2/health/ready", None),
    "model ready": ("GET", "/v2/models/simple/ready", None),
    "unknown route": ("GET", "/v2/nothing", None),
    "metadata, unknown model": ("GET", "/v2/models/nobody", None),
    "metadata": ("GET", "/v2/models/plain", None),
    "config, unknown model": ("GET", "/v2/models/nobody/config", None),
    "stats, unknown model": ("GET", "/v2/models/nobody/stats", None),
    "bad version": ("GET", "/v2/models/simple/versions/x", None),
    "infer": ("POST", SIMPLE, body(inputs=BOTH)),
    "infer with an id": ("POST", SIMPLE, body(id="7", inputs=BOTH)),
    "infer, one output": ("POST", SIMPLE, body(inputs=BOTH, outputs=[{"name": "OUTPUT1"}])),
    "infer, version": ("POST", "/v2/models/simple/versions/1/infer", body(inputs=BOTH)),
    "infer, unknown version": ("POST", "/v2/models/simple/versions/9/infer", body(inputs=BOTH)),
    "infer, unknown model": ("POST", "/v2/models/nobody/infer", body(inputs=BOTH)),
    "infer by GET": ("GET", SIMPLE, None),
    "infer, no JSON": ("POST", SIMPLE, b"{nonsense"),
    "infer, empty body": ("POST", SIMPLE, b""),
    "infer, an array": ("POST", SIMPLE, b"[]"),
    "infer, no inputs": ("POST", SIMPLE, body(outputs=[])),
    "infer, inputs no array": ("POST", SIMPLE, body(inputs=3)),
    "infer, input without a name": (
        "POST",
        SIMPLE,
        body(inputs=[{"shape": [1, 16], "datatype": "INT32", "data": [0] * 16}]),
    ),
    "infer, input without a shape": (
        "POST",
        SIMPLE,
        body(inputs=[{"name": "INPUT0", "datatype": "INT32", "data": [0] * 16}]),
    ),
    "infer, input without a datatype": (
        "POST",
        SIMPLE,
        body(inputs=[{"name": "INPUT0", "shape": [1, 16], "data": [0] * 16}]),
    ),
    "infer, input without data": (
        "POST",
        SIMPLE,
        body(inputs=[{"name": "INPUT0", "shape": [1, 16], "datatype": "INT32"}]),
    ),
    "infer, wrong element": (
        "POST",
        SIMPLE,
        body(inputs=[tensor(data=["a"] * 16), tensor("INPUT1")]),
    ),
    "infer, too few elements": (
        "POST",
        SIMPLE,
        body(inputs=[tensor(data=[0] * 15), tensor("INPUT1")]),
    ),
    "infer, too many elements": (
        "POST",
        SIMPLE,
        body(inputs=[tensor(data=[0] * 17), tensor("INPUT1")]),
    ),
    "infer, nested data": (
        "POST",
        SIMPLE,
        body(inputs=[tensor(data=[[0] * 16]), tensor("INPUT1")]),
    ),
    "infer, wrong datatype": (
        "POST",
        SIMPLE,
        body(inputs=[tensor(datatype="FP32"), tensor("INPUT1")]),
    ),
    "infer, unknown datatype": (
        "POST",
        SIMPLE,
        body(inputs=[tensor(datatype="INT33"), tensor("INPUT1")]),
    ),
    "infer, wrong shape": (
        "POST",
        SIMPLE,
        body(inputs=[tensor(shape=(1, 8), data=[0] * 8), tensor("INPUT1")]),
    ),
    "infer, negative shape": (
        "POST",
        SIMPLE,
        body(inputs=[tensor(shape=(-1, 16)), tensor("INPUT1")]),
    ),
    "infer, unknown output": ("POST", SIMPLE, body(inputs=BOTH, outputs=[{"name": "NOPE"}])),
    "infer, output without a name": ("POST", SIMPLE, body(inputs=BOTH, outputs=[{}])),
    "infer, FP16 as JSON": (
        "POST",
        "/v2/models/half/infer",
        body(inputs=[tensor(shape=(1, 4), datatype="FP16", data=[0.0] * 4)]),
    ),
    "infer, strings": (
        "POST",
        "/v2/models/strings/infer",
        body(inputs=[tensor(shape=(1, 4), datatype="BYTES", data=["a", "", "b", "µ"])]),
    ),
    "infer, flags": (
        "POST",
        "/v2/models/flags/infer",
        body(inputs=[tensor(shape=(1, 4), datatype="BOOL", data=[True, False, True, True])]),
    ),
    "infer, flags as numbers": (
        "POST",
        "/v2/models/flags/infer",
        body(inputs=[tensor(shape=(1, 4), datatype="BOOL", data=[1, 0, 1, 1])]),
    ),
    "infer, reals": (
        "POST",
        "/v2/models/plain/infer",
        body(inputs=[tensor(shape=(1, 4), datatype="FP32", data=[1.5, -2.25, 0.0, 1e10])]),
    ),
    "infer, a decoupled model": (
        "POST",
        "/v2/models/stream/infer",
        body(inputs=[tensor(shape=(1, 1), data=[1])]),
    ),
    "infer, parameters": (
        "POST",
        SIMPLE,
        body(inputs=BOTH, parameters={"site": "T2", "priority": 1, "timeout": 1000000}),
    ),
    "infer, parameter of a wrong type": (
        "POST",
        SIMPLE,
        body(inputs=BOTH, parameters={"sequence_start": 3}),
    ),
    "index": ("POST", "/v2/repository/index", b""),
    "index, ready": ("POST", "/v2/repository/index", body(ready=True)),
    "load": ("POST", "/v2/repository/models/simple/load", b""),
    "unload": ("POST", "/v2/repository/models/simple/unload", b""),
    "trace, unknown model": ("GET", "/v2/models/nobody/trace/setting", None),
    "trace, wrong rate": ("POST", "/v2/trace/setting", body(trace_rate="x")),
    "logging": ("GET", "/v2/logging", None),
    "logging, no boolean": ("POST", "/v2/logging", body(log_info=3)),
    "cuda regions": ("GET", "/v2/cudasharedmemory/status", None),
    "system regions": ("GET", "/v2/systemsharedmemory/status", None),
}

RAW = {
    "header length too large": ({"Inference-Header-Content-Length": "9999"}, body(inputs=BOTH)),
    "header length negative": ({"Inference-Header-Content-Length": "-1"}, body(inputs=BOTH)),
    "header length no number": ({"Inference-Header-Content-Length": "x"}, body(inputs=BOTH)),
}


def binary(inputs, data, **fields):
    header = body(inputs=inputs, **fields)
    return {"Inference-Header-Content-Length": str(len(header))}, header + data


def raw_tensor(name, size, **more):
    fields = {k: v for k, v in tensor(name, **more).items() if k != "data"}
    return {**fields, "parameters": {"binary_data_size": size}}


RAW["binary tensors"] = binary([raw_tensor("INPUT0", 64), raw_tensor("INPUT1", 64)], bytes(128))
RAW["binary tensors, too few bytes"] = binary(
    [raw_tensor("INPUT0", 64), raw_tensor("INPUT1", 64)], bytes(100)
)
RAW["binary tensors, too many bytes"] = binary(
    [raw_tensor("INPUT0", 64), raw_tensor("INPUT1", 64)], bytes(140)
)
RAW["binary tensors, wrong size"] = binary(
    [raw_tensor("INPUT0", 60), raw_tensor("INPUT1", 68)], bytes(128)
)
RAW["binary outputs"] = binary(
    [raw_tensor("INPUT0", 64), raw_tensor("INPUT1", 64)],
    bytes(128),
    parameters={"binary_data_output": True},
)
RAW["one binary output"] = binary(
    [raw_tensor("INPUT0", 64), raw_tensor("INPUT1", 64)],
    bytes(128),
    outputs=[{"name": "OUTPUT1", "parameters": {"binary_data": True}}, {"name": "OUTPUT0"}],
)


def http_shown(answer):
    status, content, headers = answer
    lower = {key.lower(): value for key, value in headers.items()}
    length = lower.get("inference-header-content-length")
    try:
        parsed = json.loads(content if length is None else content[: int(length)])
    except ValueError:
        return status, content
    if isinstance(parsed, dict):
        for output in parsed.get("outputs", []):
            if "binary_data_size" in output.get("parameters", {}):
                output["parameters"]["binary_data_size"] = "any"  # empty there, see `shown`
        # Its order is that of the python model's return statement.
        if "outputs" in parsed:
            parsed["outputs"].sort(key=lambda output: output["name"])
        # What follows is the parser's own.
        parsed["error"] = parsed.get("error", "").split("JSON buffer: ")[0]
        for volatile in ("log_file", "platform", "version"):
            parsed.pop(volatile, None)
    return status, parsed


def load(model, **parameters):
    request = M.RepositoryModelLoadRequest(model_name=model)
    for key, value in parameters.items():
        kind = {bool: "bool_param", int: "int64_param", str: "string_param", bytes: "bytes_param"}
        setattr(request.parameters[key], kind[type(value)], value)
    return request


def unload(model, **parameters):
    request = M.RepositoryModelUnloadRequest(model_name=model)
    for key, value in parameters.items():
        kind = {bool: "bool_param", int: "int64_param", str: "string_param"}
        setattr(request.parameters[key], kind[type(value)], value)
    return request


def controls(cases, ours, theirs):
    """Explicit model control, in this order: each call changes what the next ones find."""
    index = ("RepositoryIndex", M.RepositoryIndexRequest())
    ready = ("ModelReady", M.ModelReadyRequest(name="simple"))
    config = ("ModelConfig", M.ModelConfigRequest(name="simple"))
    small = json.dumps({"max_batch_size": "4"})
    script = [
        ("at start", index),
        ("infer before the load", ("ModelInfer", simple())),
        ("not ready before the load", ready),
        ("unknown model", ("RepositoryModelLoad", load("nobody"))),
        ("no name", ("RepositoryModelLoad", load(""))),
        ("parent folder", ("RepositoryModelLoad", load("../simple"))),
        ("path", ("RepositoryModelLoad", load("a/b"))),
        ("load", ("RepositoryModelLoad", load("simple"))),
        ("index after the load", index),
        ("infer", ("ModelInfer", simple())),
        ("load again", ("RepositoryModelLoad", load("simple"))),
        ("config of a wrong type", ("RepositoryModelLoad", load("simple", config=3))),
        ("unknown parameter", ("RepositoryModelLoad", load("simple", colour="red"))),
        ("file without config", ("RepositoryModelLoad", load("simple", **{"file:1/x": b"x"}))),
        (
            "file of a wrong type",
            ("RepositoryModelLoad", load("simple", config=small, **{"file:1/x": "x"})),
        ),
        ("config that is no JSON", ("RepositoryModelLoad", load("simple", config="{nonsense"))),
        ("index after failed loads", index),
        ("unload, wrong type", ("RepositoryModelUnload", unload("simple", unload_dependents=1))),
        ("unload, unknown parameter", ("RepositoryModelUnload", unload("simple", colour=True))),
        ("unload", ("RepositoryModelUnload", unload("simple"))),
        ("unload again", ("RepositoryModelUnload", unload("simple"))),
        ("unload an unknown model", ("RepositoryModelUnload", unload("nobody"))),
        ("index after the unload", index),
        ("infer after the unload", ("ModelInfer", simple())),
        ("infer of a version after the unload", ("ModelInfer", simple(version="1"))),
        ("not ready after the unload", ready),
        ("config after the unload", config),
        ("load of an ensemble", ("RepositoryModelLoad", load("both"))),
        ("index after the ensemble", index),
        ("unload of the step", ("RepositoryModelUnload", unload("simple"))),
        ("index after the step is gone", index),
        (
            "unload with dependents",
            ("RepositoryModelUnload", unload("both", unload_dependents=True)),
        ),
        ("index at the end", index),
    ]
    for name, (rpc, request) in script:
        for side in (ours, theirs):
            side.settle()
        answers = [side.call(rpc, request) for side in (ours, theirs)]
        compare(cases, f"explicit: {name}", *answers)


def compare_http(cases, name, ours, theirs, *call):
    with cases.case(name):
        got, expected = ours.http(*call), theirs.http(*call)
        words = expected[1].decode(errors="replace")
        if name in OURS:
            equal(got[0], expected[0])
            contains(got[1].decode(), OURS[name])
        elif name in EITHER_INPUT:
            texts = [answer[1].decode(errors="replace") for answer in (got, expected)]
            equal(*[sorted_names((a[0], t)) for a, t in zip((got, expected), texts)])
        elif expected[0] == 500 and any(text in words for text in TAKEN):
            equal(got[0], 200, f"status ({got[1][:200]!r})")
        else:
            equal(http_shown(got), NEWER.get(name, http_shown(expected)))


def main():
    cases = Cases()
    try:
        installed()
    except RuntimeError as reason:
        cases.lack("tritonserver", reason)
        cases.finish()
    with tempfile.TemporaryDirectory() as folder:
        ours_root, theirs_root = pathlib.Path(folder) / "ours", pathlib.Path(folder) / "theirs"
        twin_models.write(ours_root, theirs_root)
        with (
            gateway(ours_root, flags=("--allow-client-shm=true", AS_TRITON)) as gate,
            real_triton(theirs_root) as triton,
        ):
            ours, theirs = Side(gate.grpc, gate.http), Side(triton.grpc, triton.http)
            for name, request in INFER.items():
                answers = [side.call("ModelInfer", request) for side in (ours, theirs)]
                compare(cases, name, *answers)
            for name, request in CALLS.items():
                answers = [side.call(rpc_of(name), request) for side in (ours, theirs)]
                compare(cases, name, *answers)
            for name, (rpc, request) in SETTINGS.items():
                compare(cases, name, *[side.call(rpc, request) for side in (ours, theirs)])
            streams(cases, ours, theirs)
            for name, (method, path, content) in HTTP.items():
                compare_http(cases, f"HTTP: {name}", ours, theirs, method, path, content)
            for name, (headers, content) in RAW.items():
                call = ("POST", SIMPLE, content, headers)
                compare_http(cases, f"HTTP: {name}", ours, theirs, *call)
        explicit = ("--model-control-mode=explicit",)
        with (
            gateway(ours_root, flags=(*explicit, AS_TRITON)) as gate,
            real_triton(theirs_root, flags=explicit) as triton,
        ):
            sides = Side(gate.grpc, gate.http), Side(triton.grpc, triton.http)
            controls(cases, *sides)
    cases.finish()


main()
