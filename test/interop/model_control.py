"""Models loaded and unloaded by clients while others ask: nobody notices, and nothing is left behind."""

import json
import os
import pathlib
import signal
import tempfile
import threading
import time

import grpc
import numpy as np
import tritonclient.grpc as triton
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.cases import Cases, contains, equal
from support.gateway import gateway
from support.repository import add_model, add_sub_config, echo_config

EXPLICIT = ["--model-control-mode=explicit"]
CYCLES = 200
ASKERS = 4


def pair():
    inputs = [triton.InferInput(name, [1, 16], "INT32") for name in ("INPUT0", "INPUT1")]
    inputs[0].set_data_from_numpy(np.arange(16, dtype=np.int32).reshape(1, 16))
    inputs[1].set_data_from_numpy(np.ones((1, 16), dtype=np.int32))
    return inputs


def ask(client, model="simple"):
    answer = client.infer(model, pair()).as_numpy("OUTPUT0")
    equal(answer.tolist(), [list(range(1, 17))])


def refusal(call):
    try:
        call()
    except triton.InferenceServerException as error:
        return f"{error.status()} {error.message()}"
    raise AssertionError("no error")


def states(client):
    models = client.get_model_repository_index().models
    return {(m.name, m.version): f"{m.state} {m.reason}".strip() for m in models}


def make_models(folder):
    add_model(folder, "simple", add_sub_config("simple", more="dynamic_batching { }"))
    sample = "data_type: TYPE_INT32 dims: [ 16 ]"
    warmup = f"""model_warmup {{ name: "first" batch_size: 2 count: 3
      inputs {{ key: "INPUT0" value {{ {sample} random_data: true }} }} }}"""
    slow = """parameters { key: "delay_ms" value { string_value: "300" } }"""
    add_model(folder, "warm", add_sub_config("warm", more=warmup + slow))
    wrong = warmup.replace("[ 16 ]", "[ 15 ]")
    add_model(folder, "cold", add_sub_config("cold", more=wrong))


class Askers:
    """So many clients that ask one after the other, until the block ends."""

    def __init__(self, address):
        self.address = address
        self.answers = 0
        self.errors = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(ASKERS)]

    def run(self):
        client = triton.InferenceServerClient(self.address)
        while not self.over.is_set():
            try:
                ask(client)
                self.answers += 1
            except Exception as error:  # noqa: BLE001 - every error is the finding
                self.errors.append(str(error))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def check_reload(cases, server, client, folder):
    base = client.get_model_config("simple", as_json=True)["config"]
    with cases.case("20 overrides and 5 changed files under load: not one request fails"):
        with Askers(server.grpc) as askers:
            for turn in range(20):
                override = json.dumps({**base, "max_batch_size": 8 + turn % 2})
                client.load_model("simple", config=override)
                equal(client.get_model_config("simple").config.max_batch_size, 8 + turn % 2)
                equal(client.is_server_ready(), True)
            with (pathlib.Path(folder) / "simple" / "config.pbtxt").open("a") as config:
                for turn in range(5):
                    print(f"# {turn}", file=config, flush=True)
                    client.load_model("simple")
        equal(askers.errors, [])
        if askers.answers < 100:
            raise AssertionError(f"only {askers.answers} requests were made")
    with cases.case("a load that fails leaves what serves, and says so"):
        text = refusal(lambda: client.load_model("simple", config='{"max_batch_size": 8, "input": 1}'))
        contains(text, "failed to load 'simple', failed to poll from model repository")
        ask(client)
        equal(client.get_model_config("simple").config.max_batch_size, 8)


def workers_of(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def memory_of(pid):
    """Resident, MiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def check_cycles(cases, server, client):
    with cases.case(f"{CYCLES} times unloaded and loaded: workers, files and memory stay as they were"):
        files = lambda: len(os.listdir(f"/proc/{server.pid}/fd"))  # noqa: E731
        before = None
        for turn in range(CYCLES):
            client.unload_model("simple")
            equal(client.is_model_ready("simple"), False)
            client.load_model("simple")
            if turn == 20:
                before = (memory_of(server.pid), files())
        ask(client)
        equal(len(workers_of(server.pid)), 1, "workers")
        growth = memory_of(server.pid) - before[0]
        if growth > 40 or files() > before[1] + 5:
            raise AssertionError(f"{growth:.0f} MiB more, files {before[1]} -> {files()}")


def given_folders(pid):
    """Of one gateway: where the files lie that clients sent."""
    return list(pathlib.Path(tempfile.gettempdir()).glob(f"beamgate-given-*-{pid}-*"))


def give(client, name):
    config = client.get_model_config("simple", as_json=True)["config"]
    client.load_model(name, config=json.dumps({**config, "name": name}), files={"file:1/any": b"x"})


def check_files(cases, server, client):
    with cases.case("a model of files that came with the request, and goes without a trace"):
        give(client, "mine")
        ask(client, "mine")
        (home,) = given_folders(server.pid)
        equal(home.stat().st_mode & 0o777, 0o700)
        client.unload_model("mine")
        equal(list(home.iterdir()), [])
        equal([name for name, _ in states(client) if name == "mine"], [])


def check_warmup(cases, client):
    with cases.case("warm-up requests are run before a model is ready"):
        begin = time.monotonic()
        client.load_model("warm")
        # The probe runs once, the sample three times, 0.3 s each.
        if time.monotonic() - begin < 1.2:
            raise AssertionError(f"ready after {time.monotonic() - begin:.1f} s")
        client.unload_model("warm")
    with cases.case("a warm-up sample that does not fit fails the load and says why"):
        text = refusal(lambda: client.load_model("cold"))
        contains(text, "StatusCode.INVALID_ARGUMENT load failed for model 'cold': version 1 is at ")
        contains(text, "input 'INPUT0' has dims [15], but the model expects [16];")
        equal(client.is_server_ready(), False)
        client.unload_model("cold")
        equal(client.is_server_ready(), True)


def check_watch(cases, server, client):
    with cases.case("Watch tells that the server is not ready while a model is being loaded"):
        told = []
        channel = grpc.insecure_channel(server.grpc)
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=30)
        serving = health_pb2.HealthCheckResponse.SERVING
        not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
        told.append(next(watch).status)
        client.load_model("warm")
        told += [next(watch).status, next(watch).status]
        equal(told, [serving, not_serving, serving])
        watch.cancel()
        channel.close()
        client.unload_model("warm")


def check_leftovers(cases, folder):
    with cases.case("what a killed gateway left of such files is removed by the next"):
        with gateway(folder, flags=EXPLICIT + ["--load-model=simple"]) as killed:
            give(triton.InferenceServerClient(killed.grpc), "mine")
            pid = killed.pid
            equal(len(given_folders(pid)), 1)
            os.kill(pid, signal.SIGKILL)
            killed.process.wait()
        equal(len(given_folders(pid)), 1)
        with gateway(folder, flags=EXPLICIT):
            equal(given_folders(pid), [])


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        make_models(folder)
        with gateway(folder, flags=EXPLICIT) as server:
            client = triton.InferenceServerClient(server.grpc)
            with cases.case("nothing is loaded that nobody asked for, and the index lists it all"):
                equal(set(states(client).values()), {""})
                equal(client.is_server_ready(), True)
            client.load_model("simple")
            check_reload(cases, server, client, folder)
            check_files(cases, server, client)
            check_warmup(cases, client)
            check_watch(cases, server, client)
            check_cycles(cases, server, client)
        check_leftovers(cases, folder)
    cases.finish()


main()
