"""HTTP/REST with the official client, sync and asyncio, and with plain HTTP where the client can't say it."""

import asyncio
import gzip
import http.client
import json
import tempfile

import numpy as np
import tritonclient.http as http_client
import tritonclient.http.aio as aio_client
from support.cases import Cases, contains, equal
from support.gateway import ROOT, gateway
from support.repository import add_model, add_sub_config, echo_config
from tritonclient.utils import InferenceServerException

TYPES = {
    "BOOL": np.bool_,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FP16": np.float16,
    "FP32": np.float32,
    "FP64": np.float64,
}
LIMIT = 1 << 20
RAW = {"Inference-Header-Content-Length": "0"}


def send(address, method, path, body=None, headers=None):
    """(status, headers, body)"""
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def post(address, path, body=None, headers=None):
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    return send(address, "POST", path, body, headers)


def error_of(answer):
    status, _headers, body = answer
    return status, json.loads(body)["error"]


def refusal(call):
    try:
        call()
    except InferenceServerException as error:
        return error.status(), error.message()
    raise AssertionError("it was not refused")


def pair(binary=True, client=http_client):
    left = np.arange(16, dtype=np.int32).reshape(1, 16)
    right = np.ones((1, 16), dtype=np.int32)
    inputs = []
    for name, values in (("INPUT0", left), ("INPUT1", right)):
        inputs.append(client.InferInput(name, values.shape, "INT32"))
        inputs[-1].set_data_from_numpy(values, binary_data=binary)
    return inputs, left + right, left - right


def check_sum(result, total):
    equal(result.as_numpy("OUTPUT0").tolist(), total.tolist())


def check_infer(cases, client):
    for binary_in in (True, False):
        for binary_out in (True, False):
            with cases.case(f"infer: binary in {binary_in}, binary out {binary_out}"):
                inputs, total, difference = pair(binary_in)
                outputs = [
                    http_client.InferRequestedOutput("OUTPUT1", binary_data=not binary_out),
                    http_client.InferRequestedOutput("OUTPUT0", binary_data=binary_out),
                ]
                result = client.infer("simple", inputs, outputs=outputs, request_id="µ 7")
                check_sum(result, total)
                equal(result.as_numpy("OUTPUT1").tolist(), difference.tolist())
                answer = result.get_response()
                equal([output["name"] for output in answer["outputs"]], ["OUTPUT1", "OUTPUT0"])
                equal((answer["id"], answer["model_name"], answer["model_version"]), ("µ 7", "simple", "1"))
    with cases.case("infer: request and response compressed"):
        for algorithm in ("gzip", "deflate"):
            inputs, total, _ = pair()
            result = client.infer(
                "simple",
                inputs,
                request_compression_algorithm=algorithm,
                response_compression_algorithm=algorithm,
            )
            check_sum(result, total)
    with cases.case("infer: asynchronous requests"):
        inputs, total, _ = pair()
        for request in [client.async_infer("simple", inputs) for _ in range(20)]:
            check_sum(request.get_result(), total)
    with cases.case("infer: sequence, priority, timeout and parameters of one's own are taken"):
        inputs, total, _ = pair()
        result = client.infer(
            "simple", inputs, sequence_id=0, priority=1, timeout=10, parameters={"cut": 0.5, "run": 7}
        )
        check_sum(result, total)
    with cases.case("infer: classes, as JSON and binary"):
        inputs, _, _ = pair()
        for binary in (True, False):
            outputs = [http_client.InferRequestedOutput("OUTPUT0", binary_data=binary, class_count=2)]
            result = client.infer("simple", inputs, outputs=outputs)
            classes = [c.decode() if binary else c for c in result.as_numpy("OUTPUT0").reshape(-1)]
            equal(classes, ["16:15", "15:14"])


def edge_values(datatype, kind):
    if datatype == "BOOL":
        return np.array([True, False, True, False])
    if datatype.startswith("FP"):
        return np.array([0.1, -0.0, 1e4, np.finfo(kind).tiny], dtype=kind)
    limits = np.iinfo(kind)
    return np.array([limits.min, limits.max, 0, 1], dtype=kind)


def check_datatypes(cases, client):
    for datatype, kind in TYPES.items():
        values = edge_values(datatype, kind)
        for binary in (True, False):
            if datatype == "FP16" and not binary:
                continue
            with cases.case(f"{datatype} comes back bit by bit, binary {binary}"):
                given = http_client.InferInput("INPUT0", values.shape, datatype)
                given.set_data_from_numpy(values, binary_data=binary)
                wanted = [http_client.InferRequestedOutput("OUTPUT0", binary_data=binary)]
                result = client.infer(f"identity_{datatype.lower()}", [given], outputs=wanted)
                equal(result.as_numpy("OUTPUT0").tobytes(), values.tobytes())
    with cases.case("strings come back, binary and in JSON"):
        texts = ["", "a", 'quote " \\ \n', "jet p⊥"]
        values = np.array([text.encode() for text in texts], dtype=object)
        for binary in (True, False):
            given = http_client.InferInput("INPUT0", values.shape, "BYTES")
            given.set_data_from_numpy(values, binary_data=binary)
            wanted = [http_client.InferRequestedOutput("OUTPUT0", binary_data=binary)]
            got = client.infer("identity_string", [given], outputs=wanted).as_numpy("OUTPUT0")
            equal([g if isinstance(g, str) else g.decode() for g in got], texts)
    with cases.case("bytes that are no text go through binary"):
        values = np.array([bytes(range(256)), b"\xff\xfe"], dtype=object)
        given = http_client.InferInput("INPUT0", values.shape, "BYTES")
        given.set_data_from_numpy(values)
        got = client.infer("identity_string", [given]).as_numpy("OUTPUT0")
        equal(got.tolist(), values.tolist())


def check_plain(cases, address):
    infer = "/v2/models/identity_fp32/infer"
    values = np.arange(8, dtype=np.float32)

    def json_data(data, shape, datatype="FP32", model="identity_fp32"):
        tensor = {"name": "INPUT0", "datatype": datatype, "shape": shape, "data": data}
        return post(address, f"/v2/models/{model}/infer", {"inputs": [tensor]})

    with cases.case("a raw request: the body is the tensor"):
        status, headers, body = post(address, infer, values.tobytes(), RAW)
        equal((status, headers["Content-Type"]), (200, "application/octet-stream"))
        length = int(headers["Inference-Header-Content-Length"])
        equal(body[length:], values.tobytes())
        equal(json.loads(body[:length])["outputs"][0]["shape"], [8])
    with cases.case("a raw request with two inputs is refused"):
        contains(
            error_of(post(address, "/v2/models/simple/infer", b"1234", RAW))[1],
            "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in 'simple'",
        )
    with cases.case("a body in chunks"):
        status, _, body = post(address, infer, iter([values.tobytes()[:5], values.tobytes()[5:]]), RAW)
        equal((status, body[-32:]), (200, values.tobytes()))
    with cases.case("nested data, NaN and the infinities"):
        status, _, body = json_data([[1, 2.5], [float("nan"), float("-inf")]], [4])
        contains(body.decode(), '"data":[1.0,2.5,NaN,-Infinity]')
        equal(status, 200)
    with cases.case("every digit of a 64-bit integer"):
        data = [-(2**63), 2**63 - 1, 2**53 + 1]
        body = json_data(data, [3], "INT64", "identity_int64")[2]
        equal(json.loads(body)["outputs"][0]["data"], data)
    with cases.case("wrong JSON is refused in Triton's words"):
        equal(post(address, infer, "{")[0], 500)
        equal(
            error_of(json_data([1, 2], [3])),
            (500, "Unable to parse 'data': Shape does not match true shape of 'data' field"),
        )
        equal(
            error_of(json_data([1, 2, 3, 4], [3])),
            (500, "Unable to parse 'data': Shape does not match true shape of 'data' field"),
        )
        equal(
            error_of(json_data([1, 2], [-2])),
            (
                500,
                "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer",
            ),
        )
        equal(
            error_of(json_data([1.0], [1], "FP16", "identity_fp16")),
            (
                400,
                "receiving FP16 data via JSON is not supported. "
                "Please use the binary data format for input INPUT0",
            ),
        )
    with cases.case("header lengths that are none"):
        for text, reason in (
            ("-1", "inference header size should be in range (0, 2), got: -1"),
            ("3", "inference header size should be in range (0, 2), got: 3"),
            ("x", "Unable to parse Inference-Header-Content-Length, got: x"),
        ):
            answer = post(address, infer, "{}", {"Inference-Header-Content-Length": text})
            equal(error_of(answer), (400, reason))
        far = post(address, infer, "{}", {"Inference-Header-Content-Length": "99999999999"})
        contains(error_of(far)[1], "value is out of range [ -2147483648, 2147483647 ], got: 99999999999")
    with cases.case("a body beyond the limit"):
        size = LIMIT + 4
        advice = f"{LIMIT} bytes. Use --http-max-input-size to increase the limit."
        equal(
            error_of(post(address, infer, b"\0" * size, RAW)),
            (400, f"Raw input has a byte_size ({size} bytes) that exceeds the maximum allowed value of {advice}"),
        )
        equal(
            error_of(post(address, infer, b" " * size)),
            (400, f"request JSON size of {size} bytes exceeds the maximum allowed input size of {advice}"),
        )
        bomb = gzip.compress(b"\0" * 64 * LIMIT)
        equal(
            error_of(post(address, infer, bomb, {**RAW, "Content-Encoding": "gzip"})),
            (400, f"Decompressed data size exceeds the maximum allowed value of {advice}"),
        )
    with cases.case("an encoding nobody reads"):
        answer = post(address, infer, "{}", {"Content-Encoding": "br"})
        equal(error_of(answer), (501, "Unsupported compression type"))
        equal(answer[1]["Accept-Encoding"], "gzip, deflate")
    with cases.case("which model, which version"):
        text = "Request for unknown model: 'nobody' is not found"
        equal(error_of(post(address, "/v2/models/nobody/infer", "{}")), (404, text))
        text = "Request for unknown model: 'simple' version 9 is not found"
        equal(error_of(post(address, "/v2/models/simple/versions/9/infer", "{}")), (404, text))
    with cases.case("a wrong method, a wrong path"):
        equal(send(address, "GET", infer)[0], 405)
        equal(send(address, "GET", "/v2/nothing")[0], 404)


def check_models(cases, client, address):
    with cases.case("metadata"):
        metadata = client.get_model_metadata("simple", "1")
        equal(metadata["versions"], ["1"])
        equal(metadata["inputs"][0], {"name": "INPUT0", "datatype": "INT32", "shape": [-1, 16]})
    with cases.case("configuration: numbers as numbers, defaults shown"):
        config = client.get_model_config("simple")
        equal((config["max_batch_size"], config["input"][0]["dims"]), (8, [16]))
        equal(config["input"][0]["data_type"], "TYPE_INT32")
        equal(config["cc_model_filenames"], {})
    with cases.case("statistics of one model and of all"):
        stats = client.get_inference_statistics("simple")["model_stats"]
        equal((len(stats), stats[0]["name"], stats[0]["inference_count"] > 0), (1, "simple", True))
        equal(stats[0]["inference_stats"]["success"]["ns"] > 0, True)
        equal(len(client.get_inference_statistics()["model_stats"]) > 5, True)
        equal(
            refusal(lambda: client.get_inference_statistics("nobody")),
            ("400", "requested model 'nobody' is not available"),
        )
    with cases.case("trace settings"):
        equal(client.get_trace_settings()["trace_level"], ["OFF"])
        equal(client.update_trace_settings(settings={"trace_rate": "7"})["trace_rate"], "7")
        equal(client.update_trace_settings(settings={"trace_rate": None})["trace_rate"], "1000")
        equal(
            refusal(lambda: client.get_trace_settings("nobody")),
            ("400", "Request for unknown model : nobody"),
        )
    with cases.case("log settings"):
        equal(client.update_log_settings({"log_verbose_level": 1})["log_verbose_level"], 1)
        equal(client.update_log_settings({"log_verbose_level": 0})["log_verbose_level"], 0)
        equal(
            refusal(lambda: client.update_log_settings({"log_info": 3})),
            ("500", "attempt to access JSON non-boolean as boolean"),
        )
    with cases.case("the description of all routes"):
        status, headers, body = send(address, "GET", "/v2/openapi.json")
        equal((status, headers["Content-Type"]), (200, "application/json"))
        equal("/v2/models/{model}/infer" in json.loads(body)["paths"], True)


def check_generate(cases, address):
    path = "/v2/models/identity_string/generate"
    with cases.case("generate: members by name"):
        answer = json.loads(post(address, path, {"INPUT0": "hello", "temperature": 0.5})[2])
        expected = {"OUTPUT0": "hello", "model_name": "identity_string", "model_version": "1"}
        told = {key for key in answer if key.startswith("beamgate_")}
        equal({key: answer[key] for key in answer if key not in told}, expected)
        equal("beamgate_device" in told, True, "it says where it comes from")
    with cases.case("generate: a decoupled model with one response, and with two"):
        body = {"IN": [7], "DELAY": [0], "WAIT": 0}
        answer = json.loads(post(address, "/v2/models/repeat_int32/generate", body)[2])
        equal((answer["OUT"], answer["IDX"]), (7, 0))
        body = {"IN": [7, 8], "DELAY": [0, 0], "WAIT": 0}
        contains(
            error_of(post(address, "/v2/models/repeat_int32/generate", body))[1],
            "generate expects model to produce exactly 1 response",
        )
    with cases.case("generate_stream: every response is an event"):
        body = {"IN": [4, 2, 0], "DELAY": [0, 0, 0], "WAIT": 0}
        status, headers, text = post(address, "/v2/models/repeat_int32/generate_stream", body)
        equal((status, headers["Content-Type"]), (200, "text/event-stream; charset=utf-8"))
        events = [json.loads(event[len("data: ") :]) for event in text.decode().split("\n\n") if event]
        equal([event["OUT"] for event in events], [4, 2, 0])
    with cases.case("infer on a decoupled model is refused"):
        text = "HTTP end point doesn't support models with decoupled transaction policy"
        equal(error_of(post(address, "/v2/models/repeat_int32/infer", "{}")), (501, text))


async def check_aio(address):
    async with aio_client.InferenceServerClient(address) as client:
        inputs, total, _ = pair(client=aio_client)
        for result in await asyncio.gather(*(client.infer("simple", inputs) for _ in range(20))):
            check_sum(result, total)
        equal(await client.is_model_ready("simple"), True)
        equal((await client.get_model_config("simple"))["name"], "simple")


def check_control(cases, folder):
    with gateway(folder, flags=["--model-control-mode=explicit"]) as server:
        client = http_client.InferenceServerClient(server.http)
        with cases.case("load and unload"):
            client.load_model("simple")
            equal(client.is_model_ready("simple"), True)
            client.unload_model("simple")
            equal(client.is_model_ready("simple"), False)
        with cases.case("a model that is nowhere is not loaded"):
            status, text = refusal(lambda: client.load_model("nobody"))
            equal(status, "500")
            contains(text, "failed to load 'nobody', failed to poll from model repository")
        client.close()


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        add_model(folder, "simple", add_sub_config("simple"))
        for datatype in [*TYPES, "STRING"]:
            name = f"identity_{datatype.lower()}"
            add_model(folder, name, echo_config(name, datatype, [-1]))
        add_model(folder, "repeat_int32", (ROOT / "models/repeat_int32/config.pbtxt").read_text())
        with gateway(folder, flags=[f"--http-max-input-size={LIMIT}"]) as server:
            client = http_client.InferenceServerClient(server.http, concurrency=4)
            check_infer(cases, client)
            check_datatypes(cases, client)
            check_plain(cases, server.http)
            check_models(cases, client, server.http)
            check_generate(cases, server.http)
            with cases.case("the asyncio client"):
                asyncio.run(check_aio(server.http))
            client.close()
        check_control(cases, folder)
    cases.finish()


main()
