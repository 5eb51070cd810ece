"""Clients that move between two gateways in mid-life, as a load balancer moves them: sequences and statistics."""

import os
import signal
import threading
import time

import grpc
import numpy as np
import tritonclient.grpc as triton
from sonic.rig import two_gateways
from support.cases import equal
from support.cmssw import Client, nothing_decreases
from support.redis import NO_REDIS
from tritonclient.utils import InferenceServerException

MOVES = 200
#: By then a gateway has heard what another counted.
HEARD_S = 2.0
#: Of Redis and the gateways, once it is there again.
BACK_S = 60


def check_moving(cases):
    if NO_REDIS:
        cases.lack("clients that move between two gateways", NO_REDIS)
        return
    with two_gateways() as rig:
        check_sequences(cases, rig)
        check_statistics(cases, rig)
        check_outages(cases, rig)
        check_deaths(cases, rig)


def item(value):
    tensor = triton.InferInput("INPUT", [1, 1], "INT32")
    tensor.set_data_from_numpy(np.full((1, 1), value, np.int32))
    return [tensor]


def check_sequences(cases, rig):
    with cases.case("a sequence stays with its gateway; the other says what Triton says"):
        here, there = (rig.access["cms"].client(address) for address in rig.addresses)

        def ask(client, value, **flags):
            answer = client.infer("cms_sum", item(value), sequence_id=77, client_timeout=30, **flags)
            return int(answer.as_numpy("OUTPUT")[0][0])

        equal(ask(here, 5, sequence_start=True), 15)
        try:
            ask(there, 1)
        except InferenceServerException as error:
            equal(error.status(), "StatusCode.INVALID_ARGUMENT")
            text = (
                "inference request for sequence 77 to model 'cms_sum' must specify the START flag "
                "on the first request of the sequence"
            )
            equal(error.message(), text)
        else:
            raise AssertionError("the other gateway answered")
        equal(ask(here, 6), 21, "the sequence, after its client had been elsewhere")
        # Begun anew at the other it is another sequence.
        equal(ask(there, 1, sequence_start=True, sequence_end=True), 11)
        equal(ask(here, 7, sequence_end=True), 28)


class Events:
    """Jobs that keep gateways busy; `failures` are those that were let down."""

    def __init__(self, rig, alive):
        self.over = threading.Event()
        self.failures = []
        self.threads = [
            threading.Thread(target=self.work, args=(rig, address))
            for address in alive
            for _ in range(2)
        ]
        for thread in self.threads:
            thread.start()

    def work(self, rig, address):
        client = Client(address, "cms_tagger", access=rig.access["cms"])
        while not self.over.is_set():
            try:
                client.rectangular({"INPUT0": np.ones((3, 2), np.float32)})
            except grpc.RpcError as error:
                self.failures.append(error.details())
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


class Roamer:
    """One client that a load balancer sends to a gateway or to another, call by call."""

    def __init__(self, rig):
        self.access = rig.access["cms"]
        self.at = {}
        self.before = None
        self.longest_s = 0.0

    def client(self, address):
        if address not in self.at:
            self.at[address] = Client(address, "cms_tagger", access=self.access)
        return self.at[address]

    def look(self, address):
        """Statistics as that gateway tells them: never less than any gateway told before."""
        began = time.monotonic()
        now = self.client(address).statistics()
        self.longest_s = max(self.longest_s, time.monotonic() - began)
        if self.before is not None:
            nothing_decreases(self.before, now, f"statistics at {address}")
        self.before = now
        return now

    def event(self, address):
        self.client(address).rectangular({"INPUT0": np.ones((2, 2), np.float32)})


def check_statistics(cases, rig):
    first, second = rig.addresses
    with cases.case("a difference over a move has the client's own events, wherever they were"):
        roamer = Roamer(rig)
        before = roamer.look(first)
        for address in (first, second, second):
            roamer.event(address)
        time.sleep(HEARD_S)
        for address in (second, first, second):
            after = roamer.look(address)
            equal(after.inference_stats.success.count - before.inference_stats.success.count, 3)
            equal(after.inference_count - before.inference_count, 6, "rows")
        stages = after.inference_stats
        equal(stages.queue.count, stages.success.count, "requests that were queued and answered")
    with cases.case(f"{MOVES} moves while both gateways work: nothing ever goes back"):
        with Events(rig, rig.addresses) as events:
            roamer = Roamer(rig)
            began = roamer.look(first)
            for move in range(MOVES):
                if move % 5 == 0:
                    roamer.event(rig.addresses[move % 2])
                roamer.look(rig.addresses[move % 2])
            ended = roamer.before
        equal(events.failures, [])
        seen = ended.inference_count - began.inference_count
        print(f"      {seen} rows meanwhile; longest answer {1000 * roamer.longest_s:.0f} ms")
        equal(seen > 3 * MOVES, True, "rows meanwhile")


def check_outages(cases, rig):
    first, second = rig.addresses
    with cases.case("Redis is emptied meanwhile: nothing goes back"):
        with Events(rig, rig.addresses):
            roamer = Roamer(rig)
            for turn in range(30):
                if turn % 10 == 5:
                    rig.redis.command("FLUSHALL")
                roamer.look(rig.addresses[turn % 2])
            print(f"      longest answer {1000 * roamer.longest_s:.0f} ms")
    with cases.case("Redis dies: what each gateway tells stands still, and nobody waits; it goes on later"):
        roamer, stays = Roamer(rig), [Roamer(rig), Roamer(rig)]
        time.sleep(HEARD_S)
        roamer.look(first)
        rig.redis.kill()
        time.sleep(0.3)
        with Events(rig, rig.addresses) as events:
            took = []
            for turn in range(20):
                roamer.longest_s = 0
                roamer.look(rig.addresses[turn % 2])
                took.append(roamer.longest_s)
            # Of most: other work on the machine is not what is tested.
            quick_s = sorted(took)[len(took) // 2]
            still = roamer.before.inference_count
            rig.redis.start()
            end = time.monotonic() + BACK_S
            while time.monotonic() < end:
                told = [
                    each.look(address).inference_count
                    for each, address in zip(stays, rig.addresses, strict=True)
                ]
                if min(told) > still:
                    break
            equal(min(told) > still, True, "both went on")
            # Both are back by now, so a client may roam again.
            roamer = Roamer(rig)
            for turn in range(20):
                roamer.look(rig.addresses[turn % 2])
        equal(events.failures, [])
        equal(quick_s < 0.2, True, f"{quick_s:.3f} s")


def check_deaths(cases, rig):
    first, second = rig.addresses
    with cases.case("a gateway joins: it tells what the others did"):
        roamer = Roamer(rig)
        with Events(rig, rig.addresses), rig.another() as third:
            for address in (first, third.grpc, second, third.grpc):
                roamer.look(address)
    with cases.case("a gateway stopped and one was killed: what they answered still counts"):
        roamer.look(second)
        with Events(rig, [first]) as events:
            for _ in range(20):
                roamer.look(first)
            os.kill(rig.gateways[0].pid, signal.SIGKILL)
            for _ in range(20):
                roamer.look(second)
        equal(len(events.failures), 2, "jobs that the killed one let down")
