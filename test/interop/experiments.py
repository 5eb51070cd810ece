"""Doubles of other experiments' clients: Athena (ATLAS), LHCb's slices, LIGO's hermes."""

import http.client
import queue
import threading

import numpy as np
import tritonclient.grpc as triton
from support.cases import Cases, equal
from support.gateway import gateway

FP32, INT64 = np.float32, np.int64


def tensor(name, array, datatype):
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array)
    return made


def http_status(address, path):
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


class AthenaTool:
    """AthTriton's TritonTool: no metadata, no config; all outputs; one client for all tools of a thread."""

    clients = threading.local()

    def __init__(self, server, model, version=""):
        self.model, self.version = model, version
        path = f"/v2/models/{model}" + (f"/versions/{version}" if version else "") + "/ready"
        for question in ("/v2/health/live", path):
            equal(http_status(server.http, question), 200, question)
        if not hasattr(self.clients, "client"):
            self.clients.client = triton.InferenceServerClient(server.grpc)
        client = self.clients.client
        equal(client.is_server_live() and client.is_server_ready(), True)
        equal(client.is_model_ready(model, version), True)

    def infer(self, tensors):
        result = self.clients.client.infer(self.model, tensors, model_version=self.version)
        return {o.name: result.as_numpy(o.name) for o in result.get_response().outputs}

    def async_infer(self, tensors):
        done = queue.Queue()
        self.clients.client.async_infer(
            self.model, tensors, callback=lambda result, error: done.put((result, error))
        )
        return done


def check_athena(cases, server):
    random = np.random.default_rng(11)
    with cases.case("Athena: several models of a thread behind one URL, all outputs, no names"):
        graph = AthenaTool(server, "graph_edges")
        tagger = AthenaTool(server, "jet_tagger", "1")
        nodes = random.normal(size=(120, 3)).astype(FP32)
        edges = random.integers(0, 120, size=(2, 240)).astype(INT64)
        answer = graph.infer([tensor("nodes", nodes, "FP32"), tensor("edges", edges, "INT64")])
        equal({name: a.shape for name, a in answer.items()}, {"score": (240,)})
        answer = tagger.infer([tensor("input", random.normal(size=(5, 16)).astype(FP32), "FP32")])
        equal(answer["probabilities"].shape, (5, 5))
    with cases.case("Athena: asynchronous calls from fibers, graphs of many sizes"):
        waiting = []
        for nodes_count in random.integers(60, 400, size=40):
            nodes = random.normal(size=(nodes_count, 3)).astype(FP32)
            edges = random.integers(0, nodes_count, size=(2, 2 * nodes_count)).astype(INT64)
            tensors = [tensor("nodes", nodes, "FP32"), tensor("edges", edges, "INT64")]
            waiting.append((graph.async_infer(tensors), (2 * nodes_count,), tensors))
        for done, shape, tensors in waiting:
            result, error = done.get(timeout=30)
            equal(error, None)
            equal(result.as_numpy("score").shape, shape)
            alone = graph.infer(tensors)["score"]
            equal(result.as_numpy("score").tobytes(), alone.tobytes(), "asynchronous and alone")
    with cases.case("Athena: a model that is not there is not ready"):
        equal(http_status(server.http, "/v2/models/nobody/ready"), 400)


def check_lhcb(cases, server):
    """W4: slices of 500 events, some 50 000 tracks a request; 5 % of the rows to a larger network."""
    random = np.random.default_rng(12)
    client = triton.InferenceServerClient(server.grpc)

    def score(model, name, rows):
        result = client.infer(model, [tensor(name, rows, "FP32")])
        return result.as_numpy("score")

    with cases.case("LHCb: slices of 500 events, parted into events again"):
        for _ in range(5):
            tracks = random.integers(50, 150, size=500)
            rows = random.normal(size=(int(tracks.sum()), 8)).astype(FP32)
            scores = score("track_classifier", "tracks", rows)
            equal(scores.shape, (len(rows), 1))
            start = int(tracks[:250].sum())
            event = rows[start : start + tracks[250]]
            alone = score("track_classifier", "tracks", event)
            difference = np.abs(alone - scores[start : start + tracks[250]]).max()
            equal(bool(difference <= 1e-5), True, f"an event alone and in its slice: {difference}")
    with cases.case("LHCb: both networks at once, from four threads"):
        failures = []

        def slices(seed):
            own = np.random.default_rng(seed)
            for _ in range(5):
                rows = own.normal(size=(50_000, 8)).astype(FP32)
                few = own.normal(size=(2_500, 24)).astype(FP32)
                shapes = (
                    score("track_classifier", "tracks", rows).shape,
                    score("edge_filter", "features", few).shape,
                )
                if shapes != ((50_000, 1), (2_500, 1)):
                    failures.append(shapes)

        threads = [threading.Thread(target=slices, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        equal([t.is_alive() for t in threads], [False] * 4, "threads that never ended")
        equal(failures, [])


def main():
    cases = Cases()
    with gateway() as server:
        check_athena(cases, server)
        check_lhcb(cases, server)
    cases.finish()


main()
