"""Doubles of other experiments' clients: Athena (ATLAS), LHCb's slices, LIGO's hermes."""

import http.client
import os
import pathlib
import queue
import signal
import threading

import numpy as np
import tritonclient.grpc as triton
from support.cases import Cases, contains, equal
from support.gateway import gateway
from tritonclient.utils import InferenceServerException

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


class HermesClient:
    """hermes.stillwater: several streams of data over one stream to the server, rows of one update."""

    def __init__(self, server, model):
        self.model = model
        self.client = triton.InferenceServerClient(server.grpc)
        equal(self.client.is_server_live(), True)
        equal(self.client.is_model_ready(model), True)
        # The input that is cut into updates belongs to the step that keeps the state.
        config = self.client.get_model_config(model).config
        steps = [step.model_name for step in config.ensemble_scheduling.step]
        keeping = [name for name in steps if self.keeps_state(name)]
        equal(len(keeping), 1, "steps that keep state")
        metadata = self.client.get_model_metadata(model)
        (self.input,) = metadata.inputs
        (self.output,) = [output.name for output in metadata.outputs]
        self.shape = [1, *list(self.input.shape)[1:]]
        self.answers = queue.Queue()

    def keeps_state(self, name):
        config = self.client.get_model_config(name).config
        return config.WhichOneof("scheduling_choice") == "sequence_batching"

    def __enter__(self):
        self.client.start_stream(lambda result, error: self.answers.put((result, error)))
        return self

    def __exit__(self, *_):
        self.client.stop_stream()

    def send(self, number, sequence, update, start=False, end=False):
        made = triton.InferInput(self.input.name, self.shape, self.input.datatype)
        made.set_data_from_numpy(update.reshape(self.shape))
        self.client.async_stream_infer(
            self.model,
            [made],
            request_id=f"{number}_{sequence}",
            sequence_id=sequence,
            sequence_start=start,
            sequence_end=end,
        )

    def receive(self):
        """(number, sequence, value); raises what the server says."""
        result, error = self.answers.get(timeout=30)
        if error is not None:
            raise error
        number, sequence = result.get_response().id.split("_")
        return int(number), int(sequence), float(result.as_numpy(self.output)[0, 0])


WINDOW = 256


def powers(updates):
    """Mean square of the last 256 samples after each update; silence came before the first."""
    samples, found = np.zeros(WINDOW, FP32), []
    for update in updates:
        samples = np.concatenate([samples, update])[-WINDOW:]
        found.append(float(np.mean(np.square(samples, dtype=np.float64))))
    return found


def play(hermes, channels, ids, ahead):
    """Interleaves the channels, so many updates before the answers. @returns answers by channel."""
    got = {sequence: {} for sequence in ids}
    under_way = 0

    def take():
        number, sequence, value = hermes.receive()
        got[sequence][number] = value

    length = channels.shape[1]
    for number in range(length):
        for channel, sequence in enumerate(ids):
            update = channels[channel, number]
            hermes.send(number, sequence, update, start=number == 0, end=number == length - 1)
            under_way += 1
            if under_way > ahead:
                take()
                under_way -= 1
    for _ in range(under_way):
        take()
    return [[got[sequence][number] for number in range(length)] for sequence in ids]


def check_hermes(cases, server):
    random = np.random.default_rng(13)
    channels = random.normal(size=(2, 200, 64)).astype(FP32)
    expected = [powers(channel) for channel in channels]
    with cases.case("hermes: two detectors on one stream, the state kept in a step of an ensemble"):
        with HermesClient(server, "strain_ensemble") as hermes:
            got = play(hermes, channels, (2001, 2002), ahead=16)
            difference = np.abs(np.array(got) - np.array(expected)).max()
            equal(bool(difference < 1e-4), True, f"numbers differ by {difference}")
    with cases.case("hermes: a sequence that was not started is told in the stream, the others go on"):
        with HermesClient(server, "strain_ensemble") as hermes:
            hermes.send(0, 2010, channels[0, 0], start=True)
            equal(hermes.receive()[:2], (0, 2010))
            hermes.send(1, 2011, channels[1, 1])
            contains(failure(hermes), "must specify the START flag on the first request")
            hermes.send(1, 2010, channels[0, 1], end=True)
            number, sequence, value = hermes.receive()
            equal((number, sequence), (1, 2010))
            equal(abs(value - expected[0][1]) < 1e-4, True, value)
    with cases.case("hermes: a worker dies: told in the stream, and the sequences start again"):
        with HermesClient(server, "strain_ensemble") as hermes:
            for sequence in (2021, 2022):
                hermes.send(0, sequence, channels[0, 0], start=True)
            equal(sorted(hermes.receive()[1] for _ in range(2)), [2021, 2022])
            for worker in workers_of(server):
                os.kill(worker, signal.SIGKILL)
            for sequence in (2021, 2022):
                hermes.send(1, sequence, channels[0, 1])
            for _ in range(2):
                text = failure(hermes)
                contains(text, "in ensemble 'strain_ensemble', ")
                contains(text, "sequence")
            got = play(hermes, channels[:, :40], (2021, 2022), ahead=8)
            wanted = np.array([numbers[:40] for numbers in expected])
            difference = np.abs(np.array(got) - wanted).max()
            equal(bool(difference < 1e-4), True, f"numbers differ by {difference}")


def failure(hermes):
    try:
        answer = hermes.receive()
    except InferenceServerException as error:
        return str(error)
    raise AssertionError(f"no error, but {answer}")


def workers_of(server):
    """Process ids of the gateway's children that drive devices."""
    tasks = pathlib.Path(f"/proc/{server.pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def main():
    cases = Cases()
    with gateway() as server:
        check_athena(cases, server)
        check_lhcb(cases, server)
        check_hermes(cases, server)
    cases.finish()


main()
