"""One repository served twice: by a real tritonserver (python models) and by us (the echo backend)."""

import pathlib

from support.repository import add_model, add_sub_config, echo_config

PYTHON_MODEL = '''
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        get = lambda name: pb_utils.get_input_tensor_by_name(request, name)
        {body}
'''

IDENTITY = """out = pb_utils.Tensor("OUTPUT0", get("INPUT0").as_numpy())
        return pb_utils.InferenceResponse([out])"""
ADD_SUB = """a, b = get("INPUT0").as_numpy(), get("INPUT1").as_numpy()
        outs = [pb_utils.Tensor("OUTPUT0", a + b), pb_utils.Tensor("OUTPUT1", a - b)]
        return pb_utils.InferenceResponse(outs)"""
STREAM = '''
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            sender = request.get_response_sender()
            tensor = pb_utils.get_input_tensor_by_name(request, "INPUT0").as_numpy()
            for _ in range(int(tensor[0][0])):
                out = pb_utils.Tensor("OUTPUT0", tensor)
                sender.send(pb_utils.InferenceResponse([out]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        return None
'''

CONTROLS = """
sequence_batching {
  max_sequence_idle_microseconds: 5000000
  control_input [
    { name: "START" control [ { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } ] },
    { name: "READY" control [ { kind: CONTROL_SEQUENCE_READY int32_false_true: [ 0, 1 ] } ] }
  ]
}
"""
ENSEMBLE = """
name: "both"
platform: "ensemble"
max_batch_size: 8
input [
  { name: "A" data_type: TYPE_INT32 dims: [ 16 ] },
  { name: "B" data_type: TYPE_INT32 dims: [ 16 ] }
]
output [ { name: "C" data_type: TYPE_INT32 dims: [ 16 ] } ]
ensemble_scheduling {
  step [
    {
      model_name: "simple" model_version: -1
      input_map { key: "INPUT0" value: "A" } input_map { key: "INPUT1" value: "B" }
      output_map { key: "OUTPUT0" value: "sum" } output_map { key: "OUTPUT1" value: "difference" }
    },
    {
      model_name: "simple" model_version: -1
      input_map { key: "INPUT0" value: "sum" } input_map { key: "INPUT1" value: "difference" }
      output_map { key: "OUTPUT0" value: "C" }
    }
  ]
}
"""
STRICT_QUEUE = "dynamic_batching { default_queue_policy { max_queue_size: 2 } }"
DECOUPLED = "model_transaction_policy { decoupled: true }"
REPEAT = 'parameters { key: "mode" value { string_value: "repeat" } }'


def configurations():
    """Name to (config for us, python source for Triton; empty for none)."""
    identity = PYTHON_MODEL.replace("{body}", IDENTITY)
    add_sub = PYTHON_MODEL.replace("{body}", ADD_SUB)
    stream = echo_config("stream", "INT32", [1], 8, more=DECOUPLED)
    stream = stream.replace('string_value: "identity"', 'string_value: "repeat"')
    return {
        "simple": (add_sub_config("simple"), add_sub),
        "strings": (echo_config("strings", "STRING", [4], 8), identity),
        "plain": (echo_config("plain", "FP32", [-1, 4]), identity),
        "half": (echo_config("half", "FP16", [4], 8), identity),
        "flags": (echo_config("flags", "BOOL", [4], 8), identity),
        "counted": (echo_config("counted", "INT64", [-1], 8, more="dynamic_batching { }"), identity),
        "sequence": (echo_config("sequence", "INT32", [1], 8, more=CONTROLS), identity),
        "stream": (stream, STREAM),
        "both": (ENSEMBLE, ""),
    }


def write(ours, theirs):
    """Two repositories with the same models, one for each server."""
    for name, (config, source) in configurations().items():
        add_model(ours, name, config)
        folder = add_model(theirs, name, config.replace('backend: "echo"', 'backend: "python"'))
        if source:
            (pathlib.Path(folder) / "1" / "model.py").write_text(source)
