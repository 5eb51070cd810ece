"""Statistics and metrics count exactly what was asked: clients and autoscalers take differences of them."""

import concurrent.futures
import tempfile
import time
import urllib.request

import numpy
import tritonclient.grpc as triton
from support.cases import Cases, equal
from support.gateway import gateway
from support.repository import add_model, add_sub_config, echo_config

SIZES = [1] * 7 + [4] * 3


def ask(client, model, rows, version="", width=16):
    items = []
    for name in ("INPUT0", "INPUT1") if model == "simple" else ("INPUT0",):
        item = triton.InferInput(name, [rows, width], "INT32")
        item.set_data_from_numpy(numpy.ones((rows, width), numpy.int32))
        items.append(item)
    return client.infer(model, items, model_version=version, client_timeout=30)


def statistics(client, model, version=""):
    return client.get_inference_statistics(model, version).model_stats


def metrics(server):
    with urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))


def value(samples, name, model, version="1", **more):
    """Sum of the samples of `name` that carry the labels."""
    wanted = [f'{key}="{text}"' for key, text in dict(model=model, version=version, **more).items()]
    hits = [
        float(number)
        for key, number in samples.items()
        if key.split("{")[0] == name and all(label in key for label in wanted)
    ]
    if not hits:
        raise AssertionError(f"no {name} for {model}")
    return sum(hits)


def check_one_by_one(cases, server, client):
    with cases.case("a served model has statistics before its first request, all zero"):
        entries = statistics(client, "simple")
        equal(len(entries), 1)
        equal((entries[0].name, entries[0].version), ("simple", "1"))
        equal((entries[0].inference_count, entries[0].execution_count), (0, 0))
    with cases.case("requests, rows and executions are exact"):
        begin_ms = time.time() * 1000
        for rows in SIZES:
            ask(client, "simple", rows)
        entry = statistics(client, "simple", "1")[0]
        equal(entry.inference_count, sum(SIZES), "inference_count")
        equal(entry.execution_count, len(SIZES), "execution_count")
        stats = entry.inference_stats
        equal(stats.success.count, len(SIZES), "success")
        equal(stats.fail.count, 0, "fail")
        for name in ("queue", "compute_input", "compute_infer", "compute_output"):
            equal(getattr(stats, name).count, len(SIZES), name)
        spent = stats.queue.ns + stats.compute_infer.ns
        if not 0 < spent <= stats.success.ns:
            raise AssertionError(f"queue + compute {spent} ns, all {stats.success.ns} ns")
        if not begin_ms - 1000 <= entry.last_inference <= time.time() * 1000 + 1000:
            raise AssertionError(f"last_inference {entry.last_inference}")
    with cases.case("executions by batch size"):
        batches = {b.batch_size: b.compute_infer.count for b in statistics(client, "simple")[0].batch_stats}
        equal(batches, {1: 7, 4: 3})
    with cases.case("nv_inference_* agree"):
        samples = metrics(server)
        equal(value(samples, "nv_inference_request_success", "simple"), len(SIZES))
        equal(value(samples, "nv_inference_count", "simple"), sum(SIZES))
        equal(value(samples, "nv_inference_exec_count", "simple"), len(SIZES))
        equal(value(samples, "nv_inference_pending_request_count", "simple"), 0)
        if value(samples, "nv_inference_request_duration_us", "simple") <= 0:
            raise AssertionError("no time was spent")
        value(samples, "nv_inference_queue_duration_us", "simple")
    with cases.case("a refused request is no inference"):
        try:
            ask(client, "simple", 1, width=8)
        except triton.InferenceServerException:
            pass
        entry = statistics(client, "simple")[0]
        equal((entry.inference_count, entry.inference_stats.success.count), (sum(SIZES), len(SIZES)))


def check_versions(cases, client):
    with cases.case("each version counts for itself"):
        ask(client, "versions", 2, "1")
        ask(client, "versions", 1, "3")
        ask(client, "versions", 1)
        entries = {entry.version: entry for entry in statistics(client, "versions")}
        equal({v: e.inference_count for v, e in entries.items()}, {"1": 2, "3": 2})
        equal({v: e.execution_count for v, e in entries.items()}, {"1": 1, "3": 2})
    with cases.case("statistics of every model at once"):
        names = {(entry.name, entry.version) for entry in statistics(client, "")}
        equal(names, {("simple", "1"), ("versions", "1"), ("versions", "3"), ("slow", "1")})


def check_batched(cases, server, client):
    with cases.case("batches across clients: fewer executions than requests, no row lost or counted twice"):
        requests, clients = 200, 16
        with concurrent.futures.ThreadPoolExecutor(clients) as pool:
            list(pool.map(lambda _: ask(client, "slow", 1), range(requests)))
        entry = statistics(client, "slow")[0]
        equal(entry.inference_count, requests, "inference_count")
        equal(entry.inference_stats.success.count, requests, "success")
        if not requests / 8 <= entry.execution_count <= requests / 2:
            raise AssertionError(f"{entry.execution_count} executions for {requests} requests")
        rows = sum(b.batch_size * b.compute_infer.count for b in entry.batch_stats)
        equal(rows, requests, "rows by batch size")
        executions = sum(b.compute_infer.count for b in entry.batch_stats)
        equal(executions, entry.execution_count, "executions by batch size")
        equal(value(metrics(server), "nv_inference_exec_count", "slow"), entry.execution_count)


def main():
    cases = Cases()
    with tempfile.TemporaryDirectory(prefix="beamgate-models-") as folder:
        add_model(folder, "simple", add_sub_config("simple"))
        policy = "version_policy { all { } }"
        add_model(folder, "versions", echo_config("versions", "INT32", [16], 8, more=policy))
        add_model(folder, "versions", version="3")
        batching = "dynamic_batching { }"
        add_model(folder, "slow", echo_config("slow", "INT32", [16], 8, 5, more=batching))
        with gateway(folder) as server:
            client = triton.InferenceServerClient(server.grpc)
            check_one_by_one(cases, server, client)
            check_versions(cases, client)
            check_batched(cases, server, client)
    cases.finish()


main()
