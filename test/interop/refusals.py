"""What is wrong with a request is said with Triton's own status and in Triton's own words."""

import tempfile

import grpc
import tritonclient.grpc as triton
from support.cases import Cases, contains, equal
from support.gateway import gateway
from support.repository import add_model, add_sub_config, echo_config
from tritonclient.grpc import service_pb2

UNKNOWN_ID = "[request id: <id_unknown>] "
BATCH_NOTE = (
    "NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be "
    "prepended to each input shape. If you want to specify the full shape including the batch dim "
    "in your input dims config, try setting max_batch_size to zero. See the model configuration "
    "docs for more info on max_batch_size."
)


class Question:
    """A right request for `simple`, to be spoilt in one place."""

    def __init__(self, model="simple", version="", identity=""):
        self.request = service_pb2.ModelInferRequest(
            model_name=model, model_version=version, id=identity
        )

    def input(self, name, shape=(1, 16), datatype="INT32", raw=bytes(64)):
        item = self.request.inputs.add(name=name, datatype=datatype, shape=list(shape))
        if raw is not None:
            self.request.raw_input_contents.append(raw)
        return item

    def both(self, **options):
        self.input("INPUT0", **options)
        self.input("INPUT1", **options)
        return self

    def output(self, name):
        self.request.outputs.add(name=name)
        return self


def question_without_data():
    question = Question()
    question.input("INPUT0", raw=None)
    question.input("INPUT1", raw=None)
    return question


def question_with_both_kinds():
    question = Question().both()
    question.request.inputs[0].contents.int_contents.extend([1] * 16)
    return question


def question_with_wrong_contents():
    question = Question()
    for name in ("INPUT0", "INPUT1"):
        question.input(name, raw=None).contents.fp32_contents.extend([1.0] * 16)
    return question


def question_with_parameter(key, **value):
    question = Question().both()
    for kind, content in value.items():
        setattr(question.request.parameters[key], kind, content)
    return question


def text_question(raw, shape=(2,)):
    question = Question("text")
    question.input("INPUT0", shape, "BYTES", raw)
    return question


def one_input():
    question = Question()
    question.input("INPUT0")
    return question


def mixed(first, second):
    question = Question()
    question.input("INPUT0", **first)
    question.input("INPUT1", **second)
    return question


def unknown_input():
    question = Question()
    question.input("INPUT0")
    question.input("OTHER")
    return question


def twice():
    question = Question()
    question.input("INPUT0")
    question.input("INPUT0")
    return question


INVALID = grpc.StatusCode.INVALID_ARGUMENT
TABLE = [
    (
        "unknown model",
        Question("nobody").both(),
        grpc.StatusCode.NOT_FOUND,
        "Request for unknown model: 'nobody' is not found",
    ),
    (
        "unknown version",
        Question(version="9").both(),
        grpc.StatusCode.NOT_FOUND,
        "Request for unknown model: 'simple' version 9 is not found",
    ),
    (
        "version that is no number",
        Question(version="newest").both(),
        INVALID,
        "failed to get model version from specified version string 'newest' (details: stol), "
        "version should be an integral value > 0",
    ),
    (
        "negative version",
        Question(version="-1").both(),
        INVALID,
        "invalid model version specified '-1' , version should be an integral value > 0",
    ),
    (
        "unknown output",
        Question().both().output("OUTPUT9"),
        INVALID,
        "unexpected inference output 'OUTPUT9' for model 'simple'",
    ),
    (
        "missing input",
        one_input(),
        INVALID,
        UNKNOWN_ID + "expected 2 inputs but got 1 inputs for model 'simple'. Got input(s) ['INPUT0'], "
        "but missing required input(s) ['INPUT1']. Please provide all required input(s).",
    ),
    (
        "no inputs, with a request id",
        Question(identity="42"),
        INVALID,
        "[request id: 42] expected 2 inputs but got 0 inputs for model 'simple'. Got input(s) [], "
        "but missing required input(s) ['INPUT0','INPUT1']. Please provide all required input(s).",
    ),
    (
        "unknown input",
        unknown_input(),
        INVALID,
        "unexpected inference input 'OTHER' for model 'simple'",
    ),
    ("the same input twice", twice(), INVALID, UNKNOWN_ID + "input 'INPUT0' already exists in request"),
    (
        "no batch axis",
        Question().both(shape=(), raw=bytes(4)),
        INVALID,
        UNKNOWN_ID + "input 'INPUT0' has no shape but model requires batch dimension for 'simple'",
    ),
    (
        "different batches",
        mixed({}, {"shape": (2, 16), "raw": bytes(128)}),
        INVALID,
        UNKNOWN_ID + "input 'INPUT1' batch size does not match other inputs for 'simple'",
    ),
    (
        "too many rows",
        Question().both(shape=(9, 16), raw=bytes(9 * 64)),
        INVALID,
        UNKNOWN_ID + "inference request batch-size must be <= 8 for 'simple'",
    ),
    (
        "wrong datatype",
        Question().both(datatype="FP32"),
        INVALID,
        UNKNOWN_ID
        + "inference input 'INPUT0' data-type is 'FP32', but model 'simple' expects 'INT32'",
    ),
    (
        "wrong shape",
        Question().both(shape=(1, 8), raw=bytes(32)),
        INVALID,
        UNKNOWN_ID
        + "unexpected shape for input 'INPUT0' for model 'simple'. Expected [-1,16], got [1,8]. "
        + BATCH_NOTE,
    ),
    (
        "open dimension",
        Question().both(shape=(1, -1)),
        INVALID,
        UNKNOWN_ID
        + "All input dimensions should be specified for input 'INPUT0' for model 'simple', "
        + "got [1,-1]",
    ),
    (
        "too few bytes",
        Question().both(raw=bytes(60)),
        INVALID,
        UNKNOWN_ID
        + "input byte size mismatch for input 'INPUT0' for model 'simple'. Expected 64, got 60",
    ),
    (
        "no data",
        question_without_data(),
        INVALID,
        None,  # Triton answers with the byte size; the words differ between its versions
    ),
    (
        "raw and typed data at once",
        question_with_both_kinds(),
        INVALID,
        "contents field must not be specified when using raw_input_contents for 'INPUT0' "
        "for model 'simple'",
    ),
    ("typed data of another type", question_with_wrong_contents(), INVALID, None),
    (
        "reserved parameter",
        question_with_parameter("triton_secret", bool_param=True),
        INVALID,
        "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following "
        "keys starting with 'triton_' are allowed: triton_enable_empty_final_response",
    ),
    (
        "priority of the wrong kind",
        question_with_parameter("priority", string_param="high"),
        INVALID,
        "invalid value type for 'priority' parameter, expected int64_param or uint64_param.",
    ),
    (
        "negative priority",
        question_with_parameter("priority", int64_param=-1),
        INVALID,
        "invalid value for 'priority', expected value >= 0.",
    ),
    (
        "timeout of the wrong kind",
        question_with_parameter("timeout", string_param="1 s"),
        INVALID,
        "invalid value type for 'timeout' parameter, expected int64_param.",
    ),
    (
        "sequence flag of the wrong kind",
        question_with_parameter("sequence_start", int64_param=1),
        INVALID,
        "invalid value type for 'sequence_start' parameter, expected bool_param.",
    ),
    (
        "too few strings",
        text_question(b"\x01\x00\x00\x00a"),
        INVALID,
        UNKNOWN_ID + "expected 2 string elements for inference input 'INPUT0' for model 'text', got 1",
    ),
    (
        "too many strings",
        text_question(b"\x01\x00\x00\x00a" * 3),
        INVALID,
        UNKNOWN_ID
        + "unexpected number of string elements 3 for inference input 'INPUT0' for model 'text', "
        + "expecting 2",
    ),
    (
        "a string's length cut off",
        text_question(b"\x01\x00\x00\x00a\x01\x00"),
        INVALID,
        UNKNOWN_ID
        + "incomplete string length indicator for inference input 'INPUT0' for model 'text', "
        + "expecting 4 bytes but only 2 bytes available. Please make sure the string length "
        + "indicator is in one buffer.",
    ),
]


def check(stub, question, code, text):
    try:
        stub.ModelInfer(question.request, timeout=20)
    except grpc.RpcError as error:
        equal(error.code(), code, error.details())
        if text is None:
            contains(error.details(), "'INPUT0'")
        else:
            equal(error.details(), text)
        return
    raise AssertionError("the request was answered")


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        add_model(folder, "simple", add_sub_config("simple"))
        add_model(folder, "text", echo_config("text", "STRING", [-1]))
        with gateway(folder) as server:
            client = triton.InferenceServerClient(server.grpc)
            stub = client._client_stub
            for name, question, code, text in TABLE:
                with cases.case(name):
                    check(stub, question, code, text)
            with cases.case("after all that, a right request is answered"):
                response = stub.ModelInfer(Question().both().request, timeout=20)
                equal(list(response.raw_output_contents), [bytes(64), bytes(64)])
    cases.finish()


main()
