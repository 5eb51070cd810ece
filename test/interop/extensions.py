"""Classification: the best classes of an output instead of its scores."""

import tempfile

import numpy
import tritonclient.grpc as triton
from support.cases import Cases, equal
from support.gateway import gateway
from support.repository import add_model, echo_config

SCORES = numpy.array([[0.1, 0.7, 0.2], [9.0, -1.0, 9.0]], dtype=numpy.float32)


def labelled_config():
    config = echo_config("labelled", "FP32", [3], max_batch_size=4)
    output = 'name: "OUTPUT0" data_type: TYPE_FP32 dims: [ 3 ]'
    return config.replace(output, output + ' label_filename: "labels.txt"')


def classes(client, model, values, datatype, count):
    tensor = triton.InferInput("INPUT0", list(values.shape), datatype)
    tensor.set_data_from_numpy(values)
    output = triton.InferRequestedOutput("OUTPUT0", class_count=count)
    return client.infer(model, [tensor], outputs=[output]).as_numpy("OUTPUT0")


def check_classification(cases, client):
    with cases.case("the best classes of every row, with labels"):
        expected = [[b"0.700000:1:dog", b"0.200000:2"], [b"9.000000:0:cat", b"9.000000:2"]]
        equal(classes(client, "labelled", SCORES, "FP32", 2).tolist(), expected)
    with cases.case("never more classes than there are"):
        equal(classes(client, "labelled", SCORES, "FP32", 99).shape, (2, 3))
    with cases.case("whole numbers, and no batch axis"):
        values = numpy.array([3, -7, 2**62], dtype=numpy.int64)
        expected = [b"4611686018427387904:2", b"3:0"]
        equal(classes(client, "counts", values, "INT64", 2).tolist(), expected)
    with cases.case("scores that cannot be ranked"):
        try:
            classes(client, "halves", SCORES[0].astype(numpy.float16), "FP16", 1)
        except triton.InferenceServerException as error:
            text = "class result not available for output due to unsupported type 'FP16'"
            equal((error.status(), error.message()), ("StatusCode.INVALID_ARGUMENT", text))
        else:
            raise AssertionError("it was accepted")


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        labelled = add_model(folder, "labelled", labelled_config())
        (labelled / "labels.txt").write_text("cat\ndog\n")
        add_model(folder, "counts", echo_config("counts", "INT64", [3]))
        add_model(folder, "halves", echo_config("halves", "FP16", [3]))
        with gateway(folder) as server, triton.InferenceServerClient(server.grpc) as client:
            check_classification(cases, client)
    cases.finish()


main()
