"""What the official client examples show, row by row of the table of them: one function a row.

Every row runs over the clients that its scripts use: gRPC, gRPC asyncio, HTTP and HTTP asyncio.
"""

import asyncio
import base64
import gc
import json
import os
import pathlib
import queue
import subprocess
import tempfile
import uuid

import numpy as np
import tritonclient.grpc as grpc_client
import tritonclient.grpc.aio as grpc_aio
import tritonclient.http as http_client
import tritonclient.http.aio as http_aio
from support.cases import Cases, contains, equal
from support.gateway import ROOT, gateway
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException, serialize_byte_tensor
from tritonclient.utils import shared_memory as shm

FIRST = np.arange(16, dtype=np.int32).reshape(1, 16)
SECOND = np.ones((1, 16), dtype=np.int32)
VALUES = [11, 7, 5, 3, 2, 0, 1]


def tensors(module, values, datatype, names=("INPUT0", "INPUT1"), binary=True):
    made = []
    for name, array in zip(names, values):
        tensor = module.InferInput(name, list(array.shape), datatype)
        if module in (http_client, http_aio):
            tensor.set_data_from_numpy(array, binary_data=binary)
        else:
            tensor.set_data_from_numpy(array)
        made.append(tensor)
    return made


def requested(module, names, binary=True):
    if module in (http_client, http_aio):
        return [module.InferRequestedOutput(name, binary_data=binary) for name in names]
    return [module.InferRequestedOutput(name) for name in names]


def check_sums(result):
    equal(result.as_numpy("OUTPUT0").tolist(), (FIRST + SECOND).tolist())
    equal(result.as_numpy("OUTPUT1").tolist(), (FIRST - SECOND).tolist())


def refused(call, part):
    try:
        call()
    except InferenceServerException as error:
        contains(str(error), part)
        return
    raise AssertionError("it was not refused")


# Rows -------------------------------------------------------------------------------------------


def infer(module, address):
    """*_infer: sum and difference, statistics of one model, a wrong model, headers, compression."""
    client = module.InferenceServerClient(address)
    inputs = tensors(module, (FIRST, SECOND), "INT32")
    outputs = requested(module, ("OUTPUT0", "OUTPUT1"))
    check_sums(client.infer("simple", inputs, outputs=outputs, headers={"test": "1"}))
    check_sums(client.infer("simple", inputs))
    statistics = client.get_inference_statistics("simple")
    stats = statistics["model_stats"] if isinstance(statistics, dict) else statistics.model_stats
    equal(len(stats), 1, "models in the statistics")
    wrong = "Request for unknown model: 'wrong_model_name' is not found"
    refused(lambda: client.get_inference_statistics("wrong_model_name"), "wrong_model_name")
    refused(lambda: client.infer("wrong_model_name", inputs), wrong)
    if module is http_client:
        both = {"request_compression_algorithm": "gzip", "response_compression_algorithm": "gzip"}
        check_sums(client.infer("simple", inputs, outputs=outputs, **both))
        deflated = {"request_compression_algorithm": "deflate"}
        check_sums(client.infer("simple", inputs, **deflated))
        text = tensors(module, (FIRST, SECOND), "INT32", binary=False)
        check_sums(client.infer("simple", text, outputs=requested(module, ["OUTPUT0", "OUTPUT1"], False)))
    else:
        for algorithm in ("gzip", "deflate"):
            check_sums(client.infer("simple", inputs, compression_algorithm=algorithm))


def asynchronous(module, address):
    """*_async_infer: many at once, each answered."""
    inputs = tensors(module, (FIRST, SECOND), "INT32")
    if module is http_client:
        client = module.InferenceServerClient(address, concurrency=8)
        for pending in [client.async_infer("simple", inputs) for _ in range(64)]:
            check_sums(pending.get_result())
        return
    client = module.InferenceServerClient(address)
    answers = queue.Queue()
    for _ in range(64):
        client.async_infer(
            "simple", inputs, callback=lambda result, error: answers.put((result, error))
        )
    for _ in range(64):
        result, error = answers.get(timeout=20)
        equal(error, None)
        check_sums(result)


async def asyncio_infer(module, address):
    """*_aio_infer: many at once, headers, compression, statistics of one model, a wrong model."""
    async with module.InferenceServerClient(address) as client:
        inputs = tensors(module, (FIRST, SECOND), "INT32")
        outputs = requested(module, ("OUTPUT0", "OUTPUT1"))
        calls = [client.infer("simple", inputs) for _ in range(32)]
        for result in await asyncio.gather(*calls):
            check_sums(result)
        named = {"outputs": outputs, "headers": {"test": "1"}}
        check_sums(await client.infer("simple", inputs, **named))
        both = ("request_compression_algorithm", "response_compression_algorithm")
        packings = both if module is http_aio else ("compression_algorithm",)
        for algorithm in ("gzip", "deflate"):
            packed = {packing: algorithm for packing in packings}
            check_sums(await client.infer("simple", inputs, outputs=outputs, **packed))
        statistics = await client.get_inference_statistics("simple")
        stats = statistics["model_stats"] if isinstance(statistics, dict) else statistics.model_stats
        equal(len(stats), 1, "models in the statistics")
        equal(await client.is_server_live() and await client.is_server_ready(), True)
        equal(await client.is_model_ready("simple"), True)
        try:
            await client.infer("wrong_model_name", inputs)
        except InferenceServerException as error:
            contains(str(error), "Request for unknown model")
        else:
            raise AssertionError("a wrong model was not refused")


def strings(module, address):
    """*_string_infer: decimal strings; embedded NUL and empty strings come back."""
    client = module.InferenceServerClient(address)
    words = [np.array([str(x).encode() for x in row[0]], dtype=object) for row in (FIRST, SECOND)]
    shaped = [w.reshape(1, 16) for w in words]
    result = client.infer("simple_string", tensors(module, shaped, "BYTES"))
    equal([int(x) for x in result.as_numpy("OUTPUT0")[0]], (FIRST + SECOND)[0].tolist())
    equal([int(x) for x in result.as_numpy("OUTPUT1")[0]], (FIRST - SECOND)[0].tolist())
    odd = np.array([[b"a\0b", b"", b"\0", "µ".encode()]], dtype=object)
    result = client.infer("simple_identity", tensors(module, [odd], "BYTES"))
    equal(result.as_numpy("OUTPUT0").tolist(), odd.tolist())


def explicit_contents(address):
    """grpc_explicit_{int,int8,byte}_content, grpc_client.py: typed contents in, raw bytes out."""
    import grpc

    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

        def ask(model, datatype, field, values, other):
            request = service_pb2.ModelInferRequest(model_name=model)
            for name, numbers in (("INPUT0", values), ("INPUT1", other)):
                item = request.inputs.add(name=name, datatype=datatype, shape=[1, 16])
                getattr(item.contents, field).extend(numbers)
            return stub.ModelInfer(request).raw_output_contents[0]

        numbers, ones = list(range(16)), [1] * 16
        sums = [n + 1 for n in numbers]
        equal(np.frombuffer(ask("simple", "INT32", "int_contents", numbers, ones), np.int32).tolist(), sums)
        equal(np.frombuffer(ask("simple_int8", "INT8", "int_contents", numbers, ones), np.int8).tolist(), sums)
        words = [[str(n).encode() for n in each] for each in (numbers, ones)]
        raw = ask("simple_string", "BYTES", "bytes_contents", *words)
        equal(raw, b"".join(len(str(n)).to_bytes(4, "little") + str(n).encode() for n in sums))


def health_metadata(module, address):
    """*_health_metadata: the server is called triton; unknown models are said to be unknown."""
    client = module.InferenceServerClient(address)
    equal(client.is_server_live() and client.is_server_ready(), True)
    equal(client.is_model_ready("simple"), True)
    metadata = client.get_server_metadata()
    name = metadata["name"] if isinstance(metadata, dict) else metadata.name
    equal(name, "triton")
    metadata = client.get_model_metadata("simple", headers={"test": "1"})
    name = metadata["name"] if isinstance(metadata, dict) else metadata.name
    equal(name, "simple")
    refused(lambda: client.get_model_metadata("wrong_model_name"), "Request for unknown model")
    config = client.get_model_config("simple")
    equal(config["name"] if isinstance(config, dict) else config.config.name, "simple")
    refused(lambda: client.get_model_config("wrong_model_name"), "Request for unknown model")


def channel_options(address):
    """keepalive, custom_args."""
    keepalive = grpc_client.KeepAliveOptions(
        keepalive_time_ms=2**31 - 1,
        keepalive_timeout_ms=20000,
        keepalive_permit_without_calls=False,
        http2_max_pings_without_data=2,
    )
    client = grpc_client.InferenceServerClient(address, keepalive_options=keepalive)
    check_sums(client.infer("simple", tensors(grpc_client, (FIRST, SECOND), "INT32")))
    arguments = [("grpc.lb_policy_name", "pick_first"), ("grpc.max_send_message_length", 2**30)]
    client = grpc_client.InferenceServerClient(address, channel_args=arguments)
    check_sums(client.infer("simple", tensors(grpc_client, (FIRST, SECOND), "INT32")))


def expected_of(values, dyna, identity):
    """START adds one; at END a dyna model adds the correlation id."""
    expected = [value for value in values]
    expected[0] += 1
    if dyna:
        expected[-1] += identity
    return expected


def sequence_sync(module, address):
    """sequence_sync: three interleaved sequences, one call after the other."""
    client = module.InferenceServerClient(address)
    for model, dyna, identities in (
        ("simple_sequence", False, (1000, 1001, str(uuid.uuid4()))),
        ("simple_dyna_sequence", True, (1007, 1008, 1009)),
    ):
        got = {identity: [] for identity in identities}
        for position, value in enumerate(VALUES):
            for identity in identities:
                result = client.infer(
                    model,
                    tensors(module, [np.array([[value]], np.int32)], "INT32", ["INPUT"]),
                    sequence_id=identity,
                    sequence_start=position == 0,
                    sequence_end=position == len(VALUES) - 1,
                )
                got[identity].append(int(result.as_numpy("OUTPUT")[0][0]))
        for identity in identities:
            equal(got[identity], expected_of(VALUES, dyna, identity), f"sequence {identity}")


def sequence_stream(address):
    """sequence_stream: three interleaved sequences on one stream, known by "<sequence>_<n>"."""
    for model, dyna, identities in (
        ("simple_sequence", False, (1, str(uuid.uuid4()), 3)),
        ("simple_dyna_sequence", True, (17, 18, 19)),
        ("simple_string_dyna_sequence", True, ("1234", "1235", "1236")),
    ):
        client = grpc_client.InferenceServerClient(address)
        answers = queue.Queue()
        client.start_stream(callback=lambda result, error: answers.put((result, error)))
        for position, value in enumerate(VALUES):
            for identity in identities:
                client.async_stream_infer(
                    model,
                    tensors(grpc_client, [np.array([[value]], np.int32)], "INT32", ["INPUT"]),
                    request_id=f"{identity}_{position}",
                    sequence_id=identity,
                    sequence_start=position == 0,
                    sequence_end=position == len(VALUES) - 1,
                )
        got = {str(identity): {} for identity in identities}
        for _ in range(len(VALUES) * len(identities)):
            result, error = answers.get(timeout=20)
            if error is not None:
                raise error
            identity, position = result.get_response().id.rsplit("_", 1)
            got[identity][int(position)] = int(result.as_numpy("OUTPUT")[0][0])
        client.stop_stream()
        for identity in identities:
            values = [got[str(identity)][n] for n in range(len(VALUES))]
            equal(values, expected_of(VALUES, dyna, int(identity) if dyna else 0), str(identity))


async def sequence_asyncio(address):
    """aio_sequence_stream."""

    async def requests():
        for position, value in enumerate(VALUES):
            yield {
                "model_name": "simple_sequence",
                "inputs": tensors(grpc_aio, [np.array([[value]], np.int32)], "INT32", ["INPUT"]),
                "request_id": f"7_{position}",
                "sequence_id": 7,
                "sequence_start": position == 0,
                "sequence_end": position == len(VALUES) - 1,
            }

    got = []
    async with grpc_aio.InferenceServerClient(address) as client:
        async for result, error in client.stream_infer(requests()):
            if error is not None:
                raise error
            got.append(int(result.as_numpy("OUTPUT")[0][0]))
    equal(got, expected_of(VALUES, False, 0))


def custom_repeat(address):
    """custom_repeat: the elements come one by one, in order, then the final flag."""
    client = grpc_client.InferenceServerClient(address)
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    values = np.arange(10, dtype=np.int32)
    delays = np.full(10, 5, dtype=np.uint32)
    wait = np.array([10], dtype=np.uint32)
    inputs = [
        *tensors(grpc_client, [values], "INT32", ["IN"]),
        *tensors(grpc_client, [delays, wait], "UINT32", ["DELAY", "WAIT"]),
    ]
    client.async_stream_infer(
        "repeat_int32", inputs, request_id="9", enable_empty_final_response=True
    )
    got = []
    while True:
        result, error = answers.get(timeout=20)
        if error is not None:
            raise error
        if result.get_response().parameters["triton_final_response"].bool_param:
            break
        got.append((int(result.as_numpy("OUT")[0]), int(result.as_numpy("IDX")[0])))
    client.stop_stream()
    equal(got, [(n, n) for n in range(10)])
    equal(len(result.get_response().outputs), 0, "outputs of the final response")


def serialized(array):
    """What a client puts into a region: strings with their lengths in front."""
    return serialize_byte_tensor(array) if array.dtype == np.object_ else array


def shared_memory(module, address, words):
    """shm, shm_string: inputs and outputs in regions; a wrong key is refused."""
    client = module.InferenceServerClient(address)
    client.unregister_system_shared_memory()
    suffix = uuid.uuid4().hex[:8]
    model, datatype = ("simple_string", "BYTES") if words else ("simple", "INT32")
    arrays = [FIRST, SECOND]
    if words:
        texts = [[str(x).encode() for x in a[0]] for a in arrays]
        arrays = [np.array([t], dtype=object) for t in texts]
    size = 1024
    regions = {}
    try:
        for name in ("in", "out"):
            key = f"/beamgate_example_{name}_{suffix}"
            regions[name] = shm.create_shared_memory_region(f"{name}_{suffix}", key, 2 * size)
            client.register_system_shared_memory(f"{name}_{suffix}", key, 2 * size)
        refused(
            lambda: client.register_system_shared_memory("wrong", "/beamgate_wrong_key", 64),
            "Unable to open shared memory region: '/beamgate_wrong_key'",
        )
        inputs, outputs = [], []
        for position, array in enumerate(arrays):
            values = serialized(array)
            shm.set_shared_memory_region(regions["in"], [values], offset=position * size)
            used = len(values.item()) if words else values.nbytes
            tensor = module.InferInput(f"INPUT{position}", [1, 16], datatype)
            tensor.set_shared_memory(f"in_{suffix}", used, offset=position * size)
            inputs.append(tensor)
            output = module.InferRequestedOutput(f"OUTPUT{position}")
            output.set_shared_memory(f"out_{suffix}", size, offset=position * size)
            outputs.append(output)
        status = client.get_system_shared_memory_status()
        known = [r["name"] for r in status] if isinstance(status, list) else status.regions
        equal(sorted(known), sorted([f"in_{suffix}", f"out_{suffix}"]))
        client.infer(model, inputs, outputs=outputs)
        for position, expected in enumerate((FIRST + SECOND, FIRST - SECOND)):
            kind = np.object_ if words else np.int32
            got = shm.get_contents_as_numpy(regions["out"], kind, [1, 16], offset=position * size)
            equal([int(x) for x in got[0]], expected[0].tolist())
        client.unregister_system_shared_memory()
        status = client.get_system_shared_memory_status()
        equal(len(status if isinstance(status, list) else status.regions), 0, "regions left")
    finally:
        for region in regions.values():
            shm.destroy_shared_memory_region(region)


def cuda_shared_memory(module, address):
    """cudashm: a server without GPUs has no regions, and takes none."""
    client = module.InferenceServerClient(address)
    client.unregister_cuda_shared_memory()
    status = client.get_cuda_shared_memory_status()
    equal(len(status if isinstance(status, list) else status.regions), 0, "regions")
    handle = base64.b64encode(bytes(64))
    refused(lambda: client.register_cuda_shared_memory("output_data", handle, 0, 64), "CUDA")
    equal(client.is_server_live(), True)


def resident_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def memory_growth(module, address, pid):
    """memory_growth_test: many requests of one model; neither side grows."""
    client = module.InferenceServerClient(address)
    values = np.arange(10_000, dtype=np.int32).reshape(1, 10_000)

    def rounds(count):
        for _ in range(count):
            inputs = tensors(module, [values], "INT32", ["INPUT0"])
            result = client.infer("custom_identity_int32", inputs)
            equal(result.as_numpy("OUTPUT0")[0][9_999], 9_999)

    rounds(500)
    # 60 MB of requests go through a round: a leak shows in every round, a lazy collector not.
    growth = []
    while not growth or (growth[-1] > 15_000 and len(growth) < 4):
        gc.collect()
        before = resident_kb(pid)
        rounds(1_500)
        growth.append(resident_kb(pid) - before)
    if growth[-1] > 15_000:
        raise AssertionError(f"the gateway grew with every 1500 requests, kB: {growth}")


def reuse(module, address):
    """reuse_infer_objects: the same inputs and outputs again and again, with other data."""
    client = module.InferenceServerClient(address)
    inputs = tensors(module, (FIRST, SECOND), "INT32")
    outputs = requested(module, ("OUTPUT0", "OUTPUT1"))
    for added in range(20):
        inputs[0].set_data_from_numpy(FIRST + added)
        result = client.infer("simple", inputs, outputs=outputs)
        equal(result.as_numpy("OUTPUT0").tolist(), (FIRST + added + SECOND).tolist())


EIGHT = ("simple", "simple_int8", "simple_string", "simple_identity")
EIGHT += ("simple_sequence", "simple_dyna_sequence", "repeat_int32", "custom_identity_int32")


def model_control(module, address):
    """*_model_control: exactly what its asserts look at, with eight models in the index."""
    client = module.InferenceServerClient(address)
    index = client.get_model_repository_index()
    names = [m["name"] for m in index] if isinstance(index, list) else [m.name for m in index.models]
    equal(sorted(names), sorted(EIGHT))
    client.load_model("simple")
    equal(client.is_model_ready("simple"), True)
    refused(lambda: client.load_model("simple", config='{"parameters": {"a": 1}'), "failed to load")
    equal(client.is_model_ready("simple"), True)
    client.load_model("simple", config='{"max_batch_size":"16"}')
    equal(client.is_model_ready("simple"), True)
    config = client.get_model_config("simple")
    size = config["max_batch_size"] if isinstance(config, dict) else config.config.max_batch_size
    equal(size, 16)
    client.unload_model("simple")
    equal(client.is_model_ready("simple"), False)
    long = {f"file:{'A' * 256}": b"model"}
    refused(
        lambda: client.load_model("simple", config="{}", files=long),
        "failed to poll from model repository",
    )
    equal(client.is_server_live(), True)
    refused(lambda: client.load_model("wrong_model_name"), "failed to load 'wrong_model_name'")
    client.load_model("simple")
    check_sums(client.infer("simple", tensors(module, (FIRST, SECOND), "INT32")))
    client.unload_model("simple")


LABELS = ("gluon", "light", "w", "z", "top")


def best_of(result, rows, count):
    """image_client's reading of classes: "<value>:<index>:<label>" as text, rows of them."""
    answers = result.as_numpy("probabilities")
    equal(answers.shape, (rows, count))
    best = []
    for row in answers:
        parted = [answer.decode().split(":") for answer in row]
        values = [float(value) for value, _, _ in parted]
        equal(values, sorted(values, reverse=True), "the best first")
        equal([label for _, _, label in parted], [LABELS[int(index)] for _, index, _ in parted])
        best.append([int(index) for _, index, _ in parted])
    return best


def classified(module, address):
    """image_client, ensemble_image_client: the best classes of a batch, by label."""
    client = module.InferenceServerClient(address)
    jets = np.random.default_rng(5).normal(size=(8, 16)).astype(np.float32)
    metadata, config = client.get_model_metadata("jet_tagger"), client.get_model_config("jet_tagger")
    if isinstance(metadata, dict):
        equal([len(metadata["inputs"]), len(metadata["outputs"])], [1, 1])
        equal(metadata["inputs"][0]["name"], "input")
        equal(config["max_batch_size"] >= 8, True)
    else:
        equal([len(metadata.inputs), len(metadata.outputs)], [1, 1])
        equal(metadata.inputs[0].name, "input")
        equal(config.config.max_batch_size >= 8, True)
    plain = client.infer("jet_tagger", tensors(module, [jets], "FP32", ["input"]))
    expected = np.argsort(-plain.as_numpy("probabilities"), axis=1)
    wanted = module.InferRequestedOutput("probabilities", class_count=3)
    for name, tensor in (("jet_tagger", "input"), ("jet_ensemble", "jets_mev")):
        for rows in (1, 8):
            values = jets[:rows] * (np.float32(1) if name == "jet_tagger" else MEV)
            inputs = tensors(module, [values], "FP32", [tensor])
            best = best_of(client.infer(name, inputs, outputs=[wanted]), rows, 3)
            equal(best, expected[:rows, :3].tolist(), f"classes of {name}")


#: What jet_ensemble's first step takes away again: energies and masses come in MeV.
MEV = np.array([1000, 1000, 1000] + [1] * 13, dtype=np.float32)


def generated_classification(address):
    """grpc_image_client: classes over the generated stub, unary and streamed."""
    import grpc

    jets = np.random.default_rng(6).normal(size=(4, 16)).astype(np.float32)

    def asked(identity):
        request = service_pb2.ModelInferRequest(model_name="jet_tagger", id=identity)
        request.inputs.add(name="input", datatype="FP32", shape=jets.shape)
        request.raw_input_contents.append(jets.tobytes())
        output = request.outputs.add(name="probabilities")
        output.parameters["classification"].int64_param = 2
        return request

    with grpc.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        unary = stub.ModelInfer(asked("one"))
        equal((unary.outputs[0].datatype, list(unary.outputs[0].shape)), ("BYTES", [4, 2]))
        expected = best_of(grpc_client.InferResult(unary), 4, 2)
        streamed = list(stub.ModelStreamInfer(asked(str(n)) for n in range(5)))
        equal([answer.infer_response.id for answer in streamed], list("01234"))
        for answer in streamed:
            equal(best_of(grpc_client.InferResult(answer.infer_response), 4, 2), expected)


def node_client(address):
    """The Node example: metadata, int_contents in, raw bytes out."""
    program = pathlib.Path(__file__).parent / "support" / "node-client.mjs"
    done = subprocess.run(
        ["node", str(program), address], capture_output=True, text=True, timeout=30
    )
    equal(done.returncode, 0, done.stdout + done.stderr)
    said = json.loads(done.stdout)
    equal((said["live"], said["ready"], said["name"]), (True, True, "simple"))
    equal([said["sums"], said["differences"]], [(FIRST + SECOND)[0].tolist(), (FIRST - SECOND)[0].tolist()])


def main():
    cases = Cases()
    with gateway(flags=["--allow-client-shm=true"]) as server:
        both = (("gRPC", grpc_client, server.grpc), ("HTTP", http_client, server.http))
        for name, module, address in both:
            for row in (
                infer,
                asynchronous,
                strings,
                health_metadata,
                reuse,
                sequence_sync,
                classified,
                cuda_shared_memory,
            ):
                with cases.case(f"{name}: {row.__doc__}"):
                    row(module, address)
            with cases.case(f"{name}: shm"):
                shared_memory(module, address, words=False)
            with cases.case(f"{name}: shm_string"):
                shared_memory(module, address, words=True)
            with cases.case(f"{name}: {memory_growth.__doc__}"):
                memory_growth(module, address, server.pid)
        for name, module, address in (
            ("gRPC asyncio", grpc_aio, server.grpc),
            ("HTTP asyncio", http_aio, server.http),
        ):
            with cases.case(f"{name}: {asyncio_infer.__doc__}"):
                asyncio.run(asyncio_infer(module, address))
        for row in (
            explicit_contents,
            channel_options,
            sequence_stream,
            custom_repeat,
            generated_classification,
            node_client,
        ):
            with cases.case(f"gRPC: {row.__doc__}"):
                row(server.grpc)
        with cases.case(f"gRPC asyncio: {sequence_asyncio.__doc__}"):
            asyncio.run(sequence_asyncio(server.grpc))
    with tempfile.TemporaryDirectory(prefix="beamgate-eight-") as folder:
        for name in EIGHT:
            os.symlink(ROOT / "models" / name, pathlib.Path(folder) / name)
        with gateway(folder, flags=["--model-control-mode=explicit"]) as server:
            for name, module, address in (
                ("gRPC", grpc_client, server.grpc),
                ("HTTP", http_client, server.http),
            ):
                with cases.case(f"{name}: {model_control.__doc__}"):
                    model_control(module, address)
    cases.finish()


main()
