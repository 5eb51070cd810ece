"""What a client can find out before its first request: health, metadata, configuration, index, reflection."""

import tempfile

import grpc
import tritonclient.grpc as triton
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from support.cases import Cases, contains, equal
from support.gateway import gateway
from support.repository import add_model, add_sub_config, echo_config

EXTENSIONS = {"model_repository", "model_configuration", "statistics", "binary_tensor_data"}
SERVICES = {"inference.GRPCInferenceService", "grpc.health.v1.Health"}


def refusal(call):
    """(status, text) of the error that `call` raises."""
    try:
        call()
    except triton.InferenceServerException as error:
        return error.status(), error.message()
    raise AssertionError("no error")


def make_models(folder):
    add_model(folder, "simple", add_sub_config("simple"))
    add_model(folder, "batched", echo_config("batched", "FP32", [-1, 3], 16, more="dynamic_batching { }"))
    more = "version_policy { all { } }"
    add_model(folder, "versions", echo_config("versions", "INT64", [-1], more=more))
    add_model(folder, "versions", version="3")
    add_model(folder, "broken", 'platform: "onnxruntime_onnx"\nmax_batch_size: 1\n')


def check_health(cases, client):
    with cases.case("live, ready, model ready"):
        equal(client.is_server_live(), True)
        equal(client.is_server_ready(), True)
        equal(client.is_model_ready("simple"), True)
        equal(client.is_model_ready("simple", "1"), True)
    with cases.case("ModelReady of an unknown model or version is false without an error"):
        equal(client.is_model_ready("nobody"), False)
        equal(client.is_model_ready("simple", "9"), False)
        equal(client.is_model_ready("broken"), False)


def check_metadata(cases, client):
    with cases.case("server metadata"):
        metadata = client.get_server_metadata()
        equal(metadata.name, "triton")
        if not metadata.version:
            raise AssertionError("no version")
        missing = EXTENSIONS - set(metadata.extensions)
        equal(missing, set(), "missing extensions")
    with cases.case("model metadata"):
        metadata = client.get_model_metadata("simple")
        equal(metadata.name, "simple")
        equal(list(metadata.versions), ["1"])
        equal(metadata.platform, "echo")
        tensors = [(item.name, item.datatype, list(item.shape)) for item in metadata.inputs]
        equal(tensors, [("INPUT0", "INT32", [-1, 16]), ("INPUT1", "INT32", [-1, 16])])
        tensors = [(item.name, item.datatype, list(item.shape)) for item in metadata.outputs]
        equal(tensors, [("OUTPUT0", "INT32", [-1, 16]), ("OUTPUT1", "INT32", [-1, 16])])
    with cases.case("all versions of the policy are named"):
        equal(sorted(client.get_model_metadata("versions").versions), ["1", "3"])
    with cases.case("unknown models and versions"):
        status, text = refusal(lambda: client.get_model_metadata("nobody"))
        equal(status, "StatusCode.NOT_FOUND")
        equal(text, "Request for unknown model: 'nobody' is not found")
        status, text = refusal(lambda: client.get_model_config("nobody"))
        equal(status, "StatusCode.NOT_FOUND")
        contains(text, "Request for unknown model")
        status, text = refusal(lambda: client.get_model_metadata("simple", "9"))
        equal(status, "StatusCode.NOT_FOUND")
        equal(text, "Request for unknown model: 'simple' version 9 is not found")
        status, text = refusal(lambda: client.get_inference_statistics("nobody"))
        equal(status, "StatusCode.INVALID_ARGUMENT")
        equal(text, "requested model 'nobody' is not available")


def check_config(cases, client):
    with cases.case("model configuration"):
        config = client.get_model_config("simple").config
        equal(config.name, "simple")
        equal(config.max_batch_size, 8)
        equal(config.backend, "echo")
        equal([list(item.dims) for item in config.input], [[16], [16]])
        equal(config.parameters["mode"].string_value, "addsub")
    with cases.case("dynamic_batching names a preferred batch size, which some clients read blindly"):
        config = client.get_model_config("batched", as_json=True)["config"]
        if not config["dynamic_batching"]["preferred_batch_size"]:
            raise AssertionError("empty")


def check_index(cases, client):
    with cases.case("repository index"):
        entries = {(m.name, m.version): m for m in client.get_model_repository_index().models}
        equal(entries["simple", "1"].state, "READY")
        equal(entries["versions", "3"].state, "READY")
        broken = [m for (name, _), m in entries.items() if name == "broken"]
        equal(len(broken), 1)
        equal(broken[0].state, "UNAVAILABLE")
        if not broken[0].reason:
            raise AssertionError("no reason")
    with cases.case("repository index, ready only"):
        request = triton.service_pb2.RepositoryIndexRequest(ready=True)
        names = {m.name for m in client._client_stub.RepositoryIndex(request).models}
        equal(names, {"simple", "batched", "versions"})


def check_standard_services(cases, server):
    channel = grpc.insecure_channel(server.grpc)
    with cases.case("grpc.health.v1 Check and Watch"):
        stub = health_pb2_grpc.HealthStub(channel)
        serving = health_pb2.HealthCheckResponse.SERVING
        for service in ("", "inference.GRPCInferenceService"):
            request = health_pb2.HealthCheckRequest(service=service)
            equal(stub.Check(request, timeout=5).status, serving)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=5)
        equal(next(watch).status, serving)
        watch.cancel()
    question = reflection_pb2.ServerReflectionRequest
    for version in ("v1", "v1alpha"):
        with cases.case(f"reflection {version}"):
            # The messages of both versions are the same on the wire.
            method = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
            call = channel.stream_stream(
                method, question.SerializeToString, reflection_pb2.ServerReflectionResponse.FromString
            )
            questions = [
                question(list_services=""),
                question(file_containing_symbol="inference.ModelInferRequest"),
                question(file_containing_symbol="inference.ModelConfig"),
                question(file_containing_symbol="inference.Nobody"),
            ]
            answers = list(call(iter(questions), timeout=10))
            names = {service.name for service in answers[0].list_services_response.service}
            equal(SERVICES - names, set(), "services missing")
            for answer in answers[1:3]:
                if not answer.file_descriptor_response.file_descriptor_proto:
                    raise AssertionError("no descriptor")
            equal(answers[3].error_response.error_code, grpc.StatusCode.NOT_FOUND.value[0])
    channel.close()


def check_reflected_types(cases, server):
    with cases.case("a client built from reflection alone: its types are complete, and a call works"):
        channel = grpc.insecure_channel(server.grpc)
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        service = pool.FindServiceByName("inference.GRPCInferenceService")
        method = service.FindMethodByName("ModelInfer")
        question_type = message_factory.GetMessageClass(method.input_type)
        answer_type = message_factory.GetMessageClass(method.output_type)
        question = question_type(model_name="batched", id="reflected")
        question.parameters["my_key"].string_param = "my value"
        question.inputs.add(name="INPUT0", datatype="FP32", shape=[1, 1, 3])
        question.raw_input_contents.append(bytes(range(12)))
        name = "/inference.GRPCInferenceService/ModelInfer"
        call = channel.unary_unary(name, question_type.SerializeToString, answer_type.FromString)
        answer = call(question, timeout=10)
        equal((answer.id, list(answer.raw_output_contents)), ("reflected", [bytes(range(12))]))
        for message in ("ModelConfig", "ModelStatisticsResponse", "RepositoryIndexResponse"):
            # Maps in particular: generators demand the nested entry type by its exact name.
            for field in pool.FindMessageTypeByName(f"inference.{message}").fields:
                if field.message_type and field.message_type.GetOptions().map_entry:
                    words = (word.capitalize() for word in field.name.split("_"))
                    equal(field.message_type.name, "".join(words) + "Entry")
        channel.close()


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        make_models(folder)
        with gateway(folder, flags=["--strict-readiness=false"]) as server:
            client = triton.InferenceServerClient(server.grpc)
            check_health(cases, client)
            check_metadata(cases, client)
            check_config(cases, client)
            check_index(cases, client)
            check_standard_services(cases, server)
            check_reflected_types(cases, server)
    cases.finish()


main()
