"""Trace and log settings, restricted protocols and forwarded headers, with the official client."""

import json
import pathlib
import tempfile
import urllib.error
import urllib.request

import numpy
import tritonclient.grpc as triton
from support.cases import Cases, contains, equal
from support.gateway import gateway
from support.repository import add_model, add_sub_config
from tritonclient.utils import InferenceServerException

ADMIN = {"triton-grpc-protocol-admin": "s3cret"}
INVALID = "StatusCode.INVALID_ARGUMENT"
UNSUPPORTED = "StatusCode.UNIMPLEMENTED"
UNAVAILABLE = "StatusCode.UNAVAILABLE"
RESTRICTED = "This protocol is restricted, expecting header 'triton-grpc-protocol-admin'"
FLAGS = [
    "--trace-config=rate=1",
    "--trace-config=level=TIMESTAMPS",
    "--grpc-restricted-protocol=model-repository,logging:admin=s3cret",
    "--http-restricted-api=health:x-admin=s3cret",
    "--grpc-header-forward-pattern=^(x-user|priority)$",
]


def refused(act, status, message):
    try:
        act()
    except InferenceServerException as error:
        equal((error.status(), error.message()), (status, message), "refusal")
        return
    raise AssertionError("it was accepted")


def infer(client, **more):
    inputs = [triton.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
    for tensor in inputs:
        tensor.set_data_from_numpy(numpy.ones((1, 16), dtype=numpy.int32))
    return client.infer("simple", inputs, **more)


def words(response):
    return {key: list(value.value) for key, value in response.settings.items()}


def trace_settings(cases, client, trace_file):
    start = {
        "trace_level": ["TIMESTAMPS"],
        "trace_rate": ["1"],
        "trace_count": ["-1"],
        "log_frequency": ["0"],
        "trace_file": [trace_file],
        "trace_mode": ["triton"],
    }
    with cases.case("trace settings of the server are those of the command line"):
        equal(words(client.get_trace_settings()), start)
    with cases.case("a model's own settings, and the global ones in the rest"):
        changed = client.update_trace_settings("simple", {"trace_rate": "5", "trace_count": "7"})
        equal(words(changed), {**start, "trace_rate": ["5"], "trace_count": ["7"]})
        equal(words(client.get_trace_settings()), start, "global")
        equal(words(client.get_trace_settings("simple")), words(changed), "model")
    with cases.case("a global change reaches what a model did not set itself"):
        client.update_trace_settings(settings={"log_frequency": "50"})
        equal(words(client.get_trace_settings("simple"))["log_frequency"], ["50"])
        client.update_trace_settings(settings={"log_frequency": None})
    with cases.case("a cleared setting is the global one again"):
        cleared = client.update_trace_settings("simple", {"trace_rate": None, "trace_count": None})
        equal(words(cleared), start)
    refusals = [
        (
            {"trace_file": "/tmp/x"},
            UNSUPPORTED,
            "trace file location can not be updated through network protocol",
        ),
        ({"trace_rate": "x"}, INVALID, "Unable to parse 'trace_rate', got: x"),
        ({"trace_rate": ["1", "2"]}, INVALID, "expect only 1 value for 'trace_rate'"),
    ]
    for settings, status, message in refusals:
        with cases.case(f"{settings} is refused"):
            refused(
                lambda s=settings: client.update_trace_settings(settings=s), status, message
            )
    with cases.case("an unknown model has no trace settings"):
        refused(
            lambda: client.get_trace_settings("nobody"),
            INVALID,
            "Request for unknown model : nobody",
        )


def log_settings(cases, client, server):
    with cases.case("log settings need the header of their group"):
        refused(lambda: client.get_log_settings(), UNAVAILABLE, RESTRICTED)
        refused(lambda: client.update_log_settings({"log_info": False}), UNAVAILABLE, RESTRICTED)
    with cases.case("log settings are told and changed"):
        got = client.get_log_settings(headers=ADMIN, as_json=True)["settings"]
        equal(got["log_info"], {"bool_param": True})
        equal(got["log_verbose_level"], {"uint32_param": 0})
        equal(got["log_format"], {"string_param": "default"})
        changed = client.update_log_settings(
            {"log_verbose_level": 1, "log_format": "ISO8601"}, headers=ADMIN, as_json=True
        )["settings"]
        equal(changed["log_verbose_level"], {"uint32_param": 1})
        equal(changed["log_format"], {"string_param": "ISO8601"})
    refusals = [
        (
            {"log_file": "x"},
            UNSUPPORTED,
            "log file location can not be updated through network protocol",
        ),
        ({"log_info": None}, INVALID, "expect boolean for 'log_info'"),
        ({"log_verbose_level": None}, INVALID, "expect int32 for 'log_verbose_level'"),
        ({"log_format": "xml"}, INVALID, "invalid argument for log_format, got: xml"),
    ]
    for settings, status, message in refusals:
        with cases.case(f"{settings} is refused"):
            refused(
                lambda s=settings: client.update_log_settings(s, headers=ADMIN), status, message
            )
    with cases.case("no line of the log has the secret"):
        equal("s3cret" in server.log(), False)


def restrictions(cases, client, server):
    with cases.case("a restricted group needs its header, with its value"):
        refused(lambda: client.get_model_repository_index(), UNAVAILABLE, RESTRICTED)
        wrong = {"triton-grpc-protocol-admin": "s3creT"}
        refused(
            lambda: client.get_model_repository_index(headers=wrong), UNAVAILABLE, RESTRICTED
        )
        names = [model.name for model in client.get_model_repository_index(headers=ADMIN).models]
        equal(names, ["simple"])
    with cases.case("the other groups answer without"):
        equal(client.is_server_live(), True)
        equal(infer(client).as_numpy("OUTPUT0").tolist(), [[2] * 16])
    with cases.case("HTTP has restrictions of its own, and says so with 403"):
        request = urllib.request.Request(f"http://{server.http}/v2/health/ready")
        try:
            urllib.request.urlopen(request, timeout=10)
            raise AssertionError("it answered")
        except urllib.error.HTTPError as error:
            equal(error.code, 403)
            equal(
                json.load(error),
                {"error": "This API is restricted, expecting header 'x-admin'"},
            )
        request.add_header("x-admin", "s3cret")
        with urllib.request.urlopen(request, timeout=10) as answer:
            equal(answer.status, 200)


def forwarding(cases, client):
    with cases.case("a header that is forwarded does no harm"):
        infer(client, headers={"x-user": "someone"})
    with cases.case("a header with a reserved name is refused where the pattern chooses it"):
        refused(
            lambda: infer(client, headers={"priority": "1"}),
            INVALID,
            "Header 'priority' is reserved for Triton usage and cannot be forwarded.",
        )


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        models = pathlib.Path(folder) / "models"
        models.mkdir()
        add_model(str(models), "simple", add_sub_config("simple"))
        trace_file = str(pathlib.Path(folder) / "trace.json")
        with gateway(models, flags=[f"--trace-config=triton,file={trace_file}", *FLAGS]) as server:
            client = triton.InferenceServerClient(server.grpc)
            infer(client, request_id="the first")
            trace_settings(cases, client, trace_file)
            log_settings(cases, client, server)
            restrictions(cases, client, server)
            forwarding(cases, client)
        with cases.case("the trace file is whole when the server has stopped"):
            trace = json.loads(pathlib.Path(trace_file).read_text())
            equal(trace[0]["request_id"], "the first")
            contains(json.dumps(trace), "COMPUTE_END")
    cases.finish()


main()
