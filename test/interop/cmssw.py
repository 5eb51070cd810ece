"""A double of CMSSW's SonicTriton: the calls that a job makes, in its order, with its assumptions."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import tempfile

import numpy as np
import tritonclient.grpc as triton
from support.cases import Cases, equal
from support.gateway import ROOT, gateway
from tritonclient.utils import InferenceServerException

#: What the C++ client adds to every request.
EVERY_REQUEST = {"triton_enable_empty_final_response": False}
RAGGED = [[2, 2], [4, 4, 4, 4], [1], [3, 3, 3]]


class Service:
    """TritonService: which server has which model, asked once at the start of a job."""

    def __init__(self, addresses):
        self.servers = {}
        for address in addresses:
            client = triton.InferenceServerClient(address)
            try:
                index = client.get_model_repository_index()
            except InferenceServerException:
                continue  # "nonresponsive or saturated": the job goes on without it
            self.servers[address] = {model.name for model in index.models}

    def serving(self, model):
        return [address for address, models in self.servers.items() if model in models]


class Client:
    """TritonClient: one module's view of one model on one server."""

    def __init__(self, address, model, version=""):
        self.model, self.version = model, version
        self.use(address)
        self.config = self.client.get_model_config(model, version).config
        metadata = self.client.get_model_metadata(model, version)
        if not metadata.inputs or not metadata.outputs:
            raise RuntimeError("no inputs or no outputs")
        skipped = 1 if self.config.max_batch_size > 0 else 0
        self.inputs = {i.name: (i.datatype, list(i.shape)[skipped:]) for i in metadata.inputs}
        self.outputs = [o.name for o in metadata.outputs]

    def use(self, address):
        self.address = address
        self.client = triton.InferenceServerClient(address)

    def statistics(self):
        stats = self.client.get_inference_statistics(self.model, self.version)
        return stats.model_stats[0]  # CMSSW takes the first one without a look

    def tensors(self, values):
        tensors = []
        for name, array in values.items():
            datatype, _ = self.inputs[name]
            tensor = triton.InferInput(name, list(array.shape), datatype)
            tensor.set_data_from_numpy(array)
            tensors.append(tensor)
        return tensors

    def arguments(self, values, compression=None):
        return {
            "model_name": self.model,
            "model_version": self.version,
            "inputs": self.tensors(values),
            "outputs": [triton.InferRequestedOutput(name) for name in self.outputs],
            "client_timeout": 30,
            "compression_algorithm": compression,
            "parameters": EVERY_REQUEST,
        }

    def rectangular(self, values, compression=None):
        """One ModelInfer for the whole event; an event without entries makes no call."""
        if next(iter(values.values())).shape[0] == 0:
            return None
        result = self.client.infer(**self.arguments(values, compression))
        return {name: self.checked(result, name) for name in self.outputs}

    def ragged(self, entries):
        """AsyncInferMulti: N requests of one row at once, one answer when all are there."""
        futures = [concurrent.futures.Future() for _ in entries]

        def ended(future):
            return lambda result, error: (
                future.set_exception(error) if error else future.set_result(result)
            )

        for values, future in zip(entries, futures):
            self.client.async_infer(callback=ended(future), **self.arguments(values))
        results = [future.result(30) for future in futures]
        return [{name: self.checked(r, name) for name in self.outputs} for r in results]

    @staticmethod
    def checked(result, name):
        """RawData must have exactly the bytes of its shape."""
        response = result.get_response()
        position = [output.name for output in response.outputs].index(name)
        array = result.as_numpy(name)
        equal(len(response.raw_output_contents[position]), array.nbytes, "bytes")
        return array


def nothing_decreases(before, after, path="statistics"):
    """CMSSW subtracts unsigned numbers."""
    for field in ("inference_count", "execution_count", "last_inference"):
        if getattr(after, field) < getattr(before, field):
            raise AssertionError(f"{path}.{field} went back")
    for stage in ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output"):
        for field in ("count", "ns"):
            was = getattr(getattr(before.inference_stats, stage), field)
            now = getattr(getattr(after.inference_stats, stage), field)
            if now < was:
                raise AssertionError(f"{path}.{stage}.{field} went back from {was} to {now}")


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


def different_server(service, model, used):
    """TritonRetryActionDifferentServer: alive, ready, fewest failures, then the shortest queue."""
    best = None
    for address in service.serving(model):
        if address == used:
            continue
        client = triton.InferenceServerClient(address)
        try:
            if not client.is_server_live() or not client.is_server_ready():
                continue
            stats = client.get_inference_statistics(model).model_stats[0].inference_stats
        except InferenceServerException:
            continue
        waited = stats.queue.ns / stats.queue.count if stats.queue.count else 0
        rank = (stats.fail.count, waited)
        if best is None or rank < best[0]:
            best = (rank, address)
    return best and best[1]


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


def check_retries(cases):
    """retry_action_diff.sh: two servers, one dies, then the other, while events go on."""
    with cases.case("events go on when one of two servers dies"):
        models = ROOT / "models"
        with tempfile.TemporaryDirectory(prefix="beamgate-cms-") as folder:
            for name in ("jet_tagger", "ragged_io"):
                os.symlink(models / name, pathlib.Path(folder) / name)
            with gateway(folder) as first, gateway(folder) as second:
                service = Service([first.grpc, second.grpc])
                client = Client(first.grpc, "jet_tagger")
                retried = 0
                for event in range(100):
                    if event == 40:
                        first.process.kill()
                    try:
                        client.rectangular({"input": jets(4, event)})
                    except InferenceServerException:
                        retried += 1
                        client.use(different_server(service, "jet_tagger", client.address))
                        client.rectangular({"input": jets(4, event)})
                equal(retried, 1, "events that were sent twice")
                equal(client.address, second.grpc)


def main():
    cases = Cases()
    with gateway() as server:
        check_job(cases, server)
    flags = ["--model-control-mode=explicit", "--load-model=jet_tagger"]
    with gateway(ROOT / "models", flags=flags) as server:
        check_reloads(cases, server)
    check_retries(cases)
    cases.finish()


main()
