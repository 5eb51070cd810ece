"""Tensors through system shared memory, with the official client's own helpers; and what goes wrong with it."""

import contextlib
import os
import subprocess
import sys
import tempfile
import time

import numpy
import tritonclient.grpc as triton
import tritonclient.http as http
import tritonclient.utils.shared_memory as shm
from support.cases import Cases, contains, equal
from support.gateway import gateway
from support.repository import add_model, add_sub_config, echo_config
from tritonclient.utils import serialize_byte_tensor

PREFIX = f"/beamgate_interop_{os.getpid()}_"
FIRST = numpy.arange(16, dtype=numpy.int32).reshape(1, 16)
# Clients of one process share a connection otherwise.
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]
SECOND = numpy.full((1, 16), 3, dtype=numpy.int32)


@contextlib.contextmanager
def memory(name, byte_size, key=None):
    """A shared-memory object of this process; not registered."""
    handle = shm.create_shared_memory_region(name, key or PREFIX + name, byte_size)
    try:
        yield handle
    finally:
        with contextlib.suppress(shm.SharedMemoryException):
            shm.destroy_shared_memory_region(handle)


@contextlib.contextmanager
def registered(client, name, byte_size):
    with memory(name, byte_size) as handle:
        client.register_system_shared_memory(name, PREFIX + name, byte_size)
        try:
            yield handle
        finally:
            client.unregister_system_shared_memory(name)


def refusal(act):
    try:
        act()
    except Exception as error:  # noqa: BLE001 - the client's own class
        return error.status(), error.message()
    raise AssertionError("it was accepted")


def names(client):
    return sorted(client.get_system_shared_memory_status().regions)


def shared_input(name, region, shape, datatype, byte_size, offset=0):
    tensor = triton.InferInput(name, shape, datatype)
    tensor.set_shared_memory(region, byte_size, offset=offset)
    return tensor


def add_sub_inputs(region):
    return [
        shared_input("INPUT0", region, [1, 16], "INT32", 64),
        shared_input("INPUT1", region, [1, 16], "INT32", 64, offset=64),
    ]


def check_tensors(cases, client):
    with cases.case("inputs and outputs in shared memory, at offsets"):
        with registered(client, "in", 128) as source, registered(client, "out", 256) as target:
            shm.set_shared_memory_region(source, [FIRST, SECOND])
            outputs = []
            for name, offset in (("OUTPUT0", 64), ("OUTPUT1", 128)):
                output = triton.InferRequestedOutput(name)
                output.set_shared_memory("out", 64, offset=offset)
                outputs.append(output)
            answer = client.infer("simple", add_sub_inputs("in"), outputs=outputs)
            found = shm.get_contents_as_numpy(target, numpy.int32, [4, 16])
            equal(found[1].tolist(), (FIRST + SECOND)[0].tolist())
            equal(found[2].tolist(), (FIRST - SECOND)[0].tolist())
            equal((found[0].any(), found[3].any()), (False, False), "bytes around")
            response = answer.get_response()
            equal([len(raw) for raw in response.raw_output_contents], [0, 0])
            parameters = response.outputs[1].parameters
            equal(parameters["shared_memory_region"].string_param, "out")
            equal(parameters["shared_memory_byte_size"].int64_param, 64)
            equal(parameters["shared_memory_offset"].int64_param, 128)
    with cases.case("one input in shared memory and one by value"):
        with registered(client, "in", 64) as source:
            shm.set_shared_memory_region(source, [SECOND])
            by_value = triton.InferInput("INPUT0", [1, 16], "INT32")
            by_value.set_data_from_numpy(FIRST)
            for first in (True, False):
                inputs = [shared_input("INPUT1", "in", [1, 16], "INT32", 64), by_value]
                answer = client.infer("simple", inputs if first else inputs[::-1])
                equal(answer.as_numpy("OUTPUT0").tolist(), (FIRST + SECOND).tolist())
    with cases.case("strings in shared memory"):
        words = numpy.array([b"beam", b"", "gâte".encode()], dtype=object)
        size = sum(4 + len(word) for word in words)
        with registered(client, "words", size) as source:
            shm.set_shared_memory_region(source, [serialize_byte_tensor(words)])
            answer = client.infer("text", [shared_input("INPUT0", "words", [3], "BYTES", size)])
            equal(answer.as_numpy("OUTPUT0").tolist(), words.tolist())
    with cases.case("broken strings in shared memory"):
        with registered(client, "words", 8) as source:
            shm.set_shared_memory_region(source, [numpy.array([9, 0], dtype=numpy.uint32)])
            tensor = shared_input("INPUT0", "words", [1], "BYTES", 8)
            status, text = refusal(lambda: client.infer("text", [tensor]))
            equal(status, "StatusCode.INVALID_ARGUMENT")
            contains(text, "expecting string of length 9 but only 4 bytes available")


def check_regions(cases, client, address):
    register = client.register_system_shared_memory
    with cases.case("status, register again, unregister, unregister all"):
        with memory("a", 64), memory("b", 64):
            register("a", PREFIX + "a", 64)
            register("b", PREFIX + "b", 32, 16)
            region = client.get_system_shared_memory_status("b").regions["b"]
            equal((region.key, region.offset, region.byte_size), (PREFIX + "b", 16, 32))
            equal(
                refusal(lambda: register("a", PREFIX + "a", 64)),
                ("StatusCode.ALREADY_EXISTS", "shared memory region 'a' already in manager"),
            )
            client.unregister_system_shared_memory("a")
            equal(names(client), ["b"])
            equal(
                refusal(lambda: client.get_system_shared_memory_status("a")),
                ("StatusCode.NOT_FOUND", "Unable to find system shared memory region: 'a'"),
            )
            client.unregister_system_shared_memory("a")
            client.unregister_system_shared_memory()
            equal(names(client), [])
    with cases.case("unregister all leaves the regions of others"):
        with registered(client, "a", 64):
            with triton.InferenceServerClient(address, channel_args=OWN_CONNECTION) as other:
                other.unregister_system_shared_memory()
                other.unregister_system_shared_memory("a")
                equal(names(other), ["a"])
    with cases.case("keys that are refused"):
        for key in ("/nobody_made_it", "/../etc/passwd", "a/b", ""):
            equal(
                refusal(lambda key=key: register("a", key, 64)),
                ("StatusCode.INTERNAL", f"Unable to open shared memory region: '{key}'"),
            )
        key = "triton_python_backend_shm_region_1"
        text = f"cannot register shared memory region 'a' with key '{key}' as the key contains the reserved prefix 'triton_python_backend_shm_region_'"
        equal(refusal(lambda: register("a", key, 64)), ("StatusCode.INVALID_ARGUMENT", text))
        with memory("a", 64):
            text = "failed to register shared memory region 'a': invalid args"
            equal(
                refusal(lambda: register("a", PREFIX + "a", 65)),
                ("StatusCode.INVALID_ARGUMENT", text),
            )
    with cases.case("requests beyond a region, and to none"):
        with registered(client, "in", 64):
            for region, size, offset, status, text in (
                ("none", 64, 0, "NOT_FOUND", "Unable to find shared memory region: 'none'"),
                ("in", 64, 64, "INVALID_ARGUMENT", "Invalid offset for shared memory region: 'in'"),
                (
                    "in",
                    64,
                    1,
                    "INVALID_ARGUMENT",
                    "Invalid offset + byte size for shared memory region: 'in'",
                ),
            ):
                tensor = shared_input("INPUT0", region, [16], "INT32", size, offset)
                ask = lambda tensor=tensor: client.infer("numbers", [tensor])
                equal(refusal(ask), (f"StatusCode.{status}", text))
            tensor = shared_input("INPUT0", "in", [16], "INT32", 60)
            status, text = refusal(lambda: client.infer("numbers", [tensor]))
            contains(text, "input byte size mismatch for input 'INPUT0' for model 'numbers'")
            small = triton.InferRequestedOutput("OUTPUT0")
            small.set_shared_memory("in", 60)
            tensor = shared_input("INPUT0", "in", [16], "INT32", 64)
            equal(
                refusal(lambda: client.infer("numbers", [tensor], outputs=[small])),
                (
                    "StatusCode.INTERNAL",
                    "shared memory size specified with the request for output 'OUTPUT0' (60 bytes) should be at least 64 bytes to hold the results",
                ),
            )
    with cases.case("CUDA: as a server without GPUs"):
        equal(len(client.get_cuda_shared_memory_status().regions), 0)
        client.unregister_cuda_shared_memory()
        text = "failed to register CUDA shared memory region: 'c', GPUs not supported"
        equal(
            refusal(lambda: client.register_cuda_shared_memory("c", b"AA==", 0, 64)),
            ("StatusCode.INVALID_ARGUMENT", text),
        )


def check_violence(cases, client, address):
    with cases.case("a file cut off after registering fails its requests and nobody else's"):
        with registered(client, "in", 64) as source, registered(client, "good", 64) as good:
            shm.set_shared_memory_region(source, [FIRST])
            shm.set_shared_memory_region(good, [SECOND])
            os.truncate("/dev/shm" + PREFIX + "in", 0)
            bad = shared_input("INPUT0", "in", [1, 16], "INT32", 64)
            fine = shared_input("INPUT0", "good", [1, 16], "INT32", 64)
            answers, errors = [], []
            for tensor, told in ((fine, answers), (bad, errors)) * 10:
                keep = lambda result, error, told=told: told.append((result, error))
                client.async_infer("batched", [tensor], keep)
            wait_for(lambda: len(answers) + len(errors) == 20, "every answer")
            for result, error in answers:
                equal(error, None, "error")
                equal(result.as_numpy("OUTPUT0").tolist(), SECOND.tolist())
            for _, error in errors:
                equal(error.status(), "StatusCode.INVALID_ARGUMENT")
                contains(error.message(), "no longer has the 64 bytes")
            output = triton.InferRequestedOutput("OUTPUT0")
            output.set_shared_memory("in", 64)
            status, text = refusal(lambda: client.infer("batched", [fine], outputs=[output]))
            contains(text, "no longer has the 64 bytes")
            equal(client.infer("batched", [fine]).as_numpy("OUTPUT0").tolist(), SECOND.tolist())
    with cases.case("unregistered while a request uses it: the request is answered first"):
        with registered(client, "in", 64) as source:
            shm.set_shared_memory_region(source, [FIRST])
            answers = []
            tensor = shared_input("INPUT0", "in", [16], "INT32", 64)
            keep = lambda result, error: answers.append((result, error))
            client.async_infer("slow", [tensor], keep)
            wait_for(lambda: in_flight(client, "slow"), "the request")
            client.unregister_system_shared_memory("in")
            equal(names(client), ["in"])
            wait_for(lambda: answers, "the answer")
            equal(answers[0][1], None, "error")
            wait_for(lambda: names(client) == [], "the end of the region")
    with cases.case("a client that dies takes its regions along"):
        with memory("dead", 64):
            program = (
                "import os, sys, tritonclient.grpc as triton\n"
                "client = triton.InferenceServerClient(sys.argv[1])\n"
                "client.register_system_shared_memory('dead', sys.argv[2], 64)\n"
                "os.kill(os.getpid(), 9)\n"
            )
            subprocess.run(
                [sys.executable, "-c", program, address, PREFIX + "dead"], timeout=30
            )
            equal(names(client), ["dead"])
            wait_for(lambda: names(client) == [], "the end of the region")


def check_http(cases, client, address):
    with http.InferenceServerClient(address) as web:
        with cases.case("HTTP: the same, in regions that both front-ends see"):
            with registered(web, "in", 128) as source, registered(client, "out", 64) as target:
                shm.set_shared_memory_region(source, [FIRST, SECOND])
                inputs = []
                for name, offset in (("INPUT0", 0), ("INPUT1", 64)):
                    tensor = http.InferInput(name, [1, 16], "INT32")
                    tensor.set_shared_memory("in", 64, offset=offset)
                    inputs.append(tensor)
                output = http.InferRequestedOutput("OUTPUT0", binary_data=True)
                output.set_shared_memory("out", 64)
                other = http.InferRequestedOutput("OUTPUT1", binary_data=True)
                answer = web.infer("simple", inputs, outputs=[output, other])
                found = shm.get_contents_as_numpy(target, numpy.int32, [1, 16])
                equal(found.tolist(), (FIRST + SECOND).tolist())
                equal(answer.as_numpy("OUTPUT1").tolist(), (FIRST - SECOND).tolist())
                equal(names(client), ["in", "out"])
                listed = sorted(region["name"] for region in web.get_system_shared_memory_status())
                equal(listed, ["in", "out"])
            equal(names(client), [])
        with cases.case("HTTP: refusals"):
            text = "Unable to open shared memory region: '/nobody_made_it'"
            register = lambda: web.register_system_shared_memory("a", "/nobody_made_it", 64)
            equal(refusal(register), ("500", text))
            output = http.InferRequestedOutput("OUTPUT0", class_count=2)
            tensor = http.InferInput("INPUT0", [16], "INT32")
            tensor.set_data_from_numpy(FIRST[0])
            classes = web.infer("numbers", [tensor], outputs=[output]).as_numpy("OUTPUT0")
            equal(classes.tolist(), [b"15:15", b"14:14"])


def in_flight(client, model):
    """True once the request was received: its region is held from then on."""
    time.sleep(0.2)
    return client.is_model_ready(model)


def wait_for(condition, what):
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come")
        time.sleep(0.05)


def check_switched_off(cases, folder):
    with gateway(folder) as server, triton.InferenceServerClient(server.grpc) as client:
        with cases.case("switched off unless it is asked for"):
            text = "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable."
            refused = ("StatusCode.UNIMPLEMENTED", text)
            tensor = shared_input("INPUT0", "in", [16], "INT32", 64)
            for ask in (
                lambda: client.register_system_shared_memory("in", "/in", 64),
                client.get_system_shared_memory_status,
                client.unregister_system_shared_memory,
                lambda: client.infer("numbers", [tensor]),
            ):
                equal(refusal(ask), refused)


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        add_model(folder, "simple", add_sub_config("simple"))
        add_model(folder, "numbers", echo_config("numbers", "INT32", [16]))
        add_model(folder, "batched", echo_config("batched", "INT32", [16], 8, 20, "dynamic_batching { }"))
        add_model(folder, "slow", echo_config("slow", "INT32", [16], delay_ms=1500))
        add_model(folder, "text", echo_config("text", "STRING", [-1]))
        with gateway(folder, flags=["--allow-client-shm=true"]) as server:
            with triton.InferenceServerClient(server.grpc) as client:
                check_tensors(cases, client)
                check_regions(cases, client, server.grpc)
                check_http(cases, client, server.http)
                check_violence(cases, client, server.grpc)
        check_switched_off(cases, folder)
    cases.finish()


main()
