"""The example of the README: one request to `simple` on a gateway that already runs."""

import sys

import numpy
import tritonclient.grpc as triton

client = triton.InferenceServerClient(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8001")
left = numpy.arange(16, dtype=numpy.int32).reshape(1, 16)
right = numpy.ones((1, 16), numpy.int32)
inputs = []
for name, values in (("INPUT0", left), ("INPUT1", right)):
    item = triton.InferInput(name, values.shape, "INT32")
    item.set_data_from_numpy(values)
    inputs.append(item)
result = client.infer("simple", inputs)
total = result.as_numpy("OUTPUT0")
print(total)
sys.exit(0 if (total == left + right).all() else 1)
