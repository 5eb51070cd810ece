"""Jobs of CMSSW as `support/cmssw.py` doubles them: at one gateway, over its reloads and deaths, and at two with shares."""

import contextlib
import json
import os
import pathlib
import signal
import tempfile

import grpc
import numpy as np
import tritonclient.grpc as triton
from sonic.experiments import check_experiments
from sonic.moving import check_moving
from sonic.quota_troubles import check_quota_troubles
from support.cases import Cases, equal
from support.cmssw import Client, Service, different_server, nothing_decreases
from support.gateway import ROOT, gateway
from support.repository import add_model, echo_config

RAGGED = [[2, 2], [4, 4, 4, 4], [1], [3, 3, 3]]


def workers_of(server):
    """Process ids of the gateway's children that drive devices."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == server.pid:
                found.append(int(entry.name))
    return found


def jets(rows, seed=1):
    return np.random.default_rng(seed).normal(size=(rows, 16)).astype(np.float32)


def check_job(cases, server):
    with cases.case("a job starts: index, config, metadata"):
        service = Service([server.grpc, "127.0.0.1:1"])
        equal(list(service.servers), [server.grpc], "servers that answered")
        equal(service.serving("jet_tagger"), [server.grpc])
        client = Client(server.grpc, "jet_tagger")
        equal(client.config.name, "jet_tagger")
        equal(client.inputs, {"input": ("FP32", [16])})
    with cases.case("rectangular events, with each compression"):
        client = Client(server.grpc, "jet_tagger")
        before = client.statistics()
        plain = client.rectangular({"input": jets(7)})["probabilities"]
        equal(plain.shape, (7, 5))
        for algorithm in ("gzip", "deflate"):
            packed = client.rectangular({"input": jets(7)}, algorithm)["probabilities"]
            equal(packed.tobytes(), plain.tobytes(), algorithm)
        equal(client.rectangular({"input": jets(0)}), None)
        after = client.statistics()
        nothing_decreases(before, after)
        equal(after.inference_stats.success.count - before.inference_stats.success.count, 3)
    with cases.case("ragged events through ragged_io come back as themselves, in one execution"):
        client = Client(server.grpc, "ragged_io")
        entries = [{"INPUT0": np.array([v], dtype=np.float32)} for v in RAGGED]
        client.ragged(entries)  # connects
        before = client.statistics().execution_count
        answers = client.ragged(entries)
        equal([a["OUTPUT0"].tolist() for a in answers], [[[float(x) for x in v]] for v in RAGGED])
        equal(client.statistics().execution_count - before, 1, "executions")
    with cases.case("a model without a batch axis: gat_test's shapes"):
        client = Client(server.grpc, "graph_edges")
        nodes = np.random.default_rng(2).normal(size=(60, 3)).astype(np.float32)
        edges = np.random.default_rng(3).integers(0, 60, size=(2, 90)).astype(np.int64)
        score = client.rectangular({"nodes": nodes, "edges": edges})["score"]
        equal(score.shape, (90,))


def check_reloads(cases, server):
    client = Client(server.grpc, "jet_tagger")
    with cases.case("statistics never go back over reloads"):
        before = client.statistics()
        for rows in (64, 32, 64):
            config = client.client.get_model_config("jet_tagger", as_json=True)["config"]
            changed = json.dumps({**config, "max_batch_size": rows, "dynamic_batching": {}})
            client.client.load_model("jet_tagger", config=changed)
            equal(client.client.get_model_config("jet_tagger").config.max_batch_size, rows)
            client.rectangular({"input": jets(3)})
            after = client.statistics()
            nothing_decreases(before, after)
            before = after
    with cases.case("statistics never go back when a model is given back and loaded again"):
        before = client.statistics()
        client.client.unload_model("jet_tagger")
        client.client.load_model("jet_tagger")
        nothing_decreases(before, client.statistics())
        client.rectangular({"input": jets(3)})
        nothing_decreases(before, client.statistics())
    with cases.case("statistics never go back over the death of a worker"):
        before = client.statistics()
        for worker in workers_of(server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        client.rectangular({"input": jets(3)})
        nothing_decreases(before, client.statistics())
    with cases.case("the fallback server: a model is loaded on demand and given back"):
        control = triton.InferenceServerClient(server.grpc)
        control.load_model("edge_filter")
        answer = Client(server.grpc, "edge_filter").rectangular(
            {"features": np.zeros((2, 24), np.float32)}
        )
        equal(answer["score"].shape, (2, 1))
        control.unload_model("edge_filter")


def failures(client):
    return client.statistics().inference_stats.fail.count


def check_retries(cases):
    """retry_action_diff.sh: one server dies, then the next, while events go on."""
    config = echo_config("identity", "FP32", [-1], max_batch_size=64)
    config += 'parameters { key: "crash_on" value { string_value: "666" } }'
    with tempfile.TemporaryDirectory(prefix="beamgate-cms-") as folder:
        add_model(folder, "identity", config)
        with gateway(folder) as first, gateway(folder) as shaky, gateway(folder) as sound:
            with cases.case("a server that failed before is not the next to be asked"):
                stumbling = Client(shaky.grpc, "identity")
                equal(failures(stumbling), 0)
                expect_failure(lambda: stumbling.rectangular({"INPUT0": numbers(666)}))
                equal(failures(stumbling), 1)
                service = Service([first.grpc, shaky.grpc, sound.grpc])
                equal(different_server(service, "identity", first.grpc), sound.grpc)
            with cases.case("with no failures, the server that lets requests wait least is asked"):
                warm_queue(sound.grpc)
                equal(different_server(service, "identity", sound.grpc), first.grpc)
                for address in (first.grpc, sound.grpc):
                    queue = Client(address, "identity").statistics().inference_stats.queue
                    if queue.count and not 0 <= queue.ns / queue.count < 5e9:
                        raise AssertionError(f"{queue.ns} ns waited by {queue.count} requests")
            with cases.case("100 events while one server dies, then the next: each is answered once"):
                client = Client(first.grpc, "identity")
                dies = {40: first, 70: sound}
                used, retried = [], 0
                for event in range(100):
                    if event in dies:
                        dies[event].process.kill()
                        dies[event].process.wait()
                    values = {"INPUT0": numbers(event)}
                    try:
                        answer = client.rectangular(values)
                    except grpc.RpcError:
                        retried += 1
                        client.use(different_server(service, "identity", client.address))
                        answer = client.rectangular(values)
                    equal(answer["OUTPUT0"].tolist(), values["INPUT0"].tolist())
                    used.append(client.address)
                equal(retried, 2, "events that were sent twice")
                expected = [first.grpc] * 40 + [sound.grpc] * 30 + [shaky.grpc] * 30
                equal(used == expected, True, "servers in the order of their death")
                answered = Client(shaky.grpc, "identity").statistics().inference_stats.success
                equal(answered.count, 30, "events that the last server answered")
            with cases.case("no server left: the job knows, and takes its fallback"):
                equal(different_server(service, "identity", shaky.grpc), None)
                equal(list(Service([first.grpc, sound.grpc]).servers), [])


def numbers(first):
    return np.arange(first, first + 8, dtype=np.float32).reshape(4, 2)


def expect_failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("it was answered")


def warm_queue(address):
    """Some requests at once, so that some wait for others."""
    client = Client(address, "identity")
    client.ragged([{"INPUT0": numbers(n)[:1]} for n in range(64)])


def main():
    cases = Cases()
    with gateway() as server:
        check_job(cases, server)
    flags = ["--model-control-mode=explicit", "--load-model=jet_tagger"]
    with gateway(ROOT / "models", flags=flags) as server:
        check_reloads(cases, server)
    check_retries(cases)
    check_experiments(cases)
    check_moving(cases)
    check_quota_troubles(cases)
    cases.finish()


main()
