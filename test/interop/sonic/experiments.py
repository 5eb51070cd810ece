"""Two experiments and their jobs at two gateways: what each sees, what each gets, and when a job goes elsewhere."""

import concurrent.futures
import threading
import time

import grpc
import numpy as np
from sonic.rig import PATIENCE_S, ROWS_PER_SECOND, WEIGHTS, two_gateways
from support.cases import contains, equal
from support.cmssw import Client, Service
from support.redis import NO_REDIS

JOBS, WAVES = 200, 10
SHARE_S = 5
QUOTA_S = 3
#: Rows of `cms_slow` that one job holds: at 50 ms each four times as long as the gateway is patient.
PILE = 4 * PATIENCE_S * 20


def event(rows, first=0):
    numbers = np.arange(first, first + 2 * rows, dtype=np.float32)
    return {"INPUT0": numbers.reshape(rows, 2)}


def check_experiments(cases):
    if NO_REDIS:
        cases.lack("two experiments at two gateways", NO_REDIS)
        return
    with two_gateways() as rig:
        check_indexes(cases, rig)
        check_shares(cases, rig)
        check_quota(cases, rig)
        check_waves(cases, rig)
        check_capacity(cases, rig)


def check_indexes(cases, rig):
    with cases.case("two experiments see two indexes, the same at both gateways"):
        for name, models in (
            ("cms", {"cms_tagger", "cms_slow", "cms_sum", "shared"}),
            ("atlas", {"atlas_tagger", "shared"}),
        ):
            service = Service(rig.addresses, rig.access[name])
            equal(service.servers, dict.fromkeys(rig.addresses, models), name)
    with cases.case("whoever shows no certificate, or one of no experiment, has no server"):
        for name, reason in (("lhcb", "belongs to no tenant"), ("nobody", "")):
            service = Service(rig.addresses, rig.access[name])
            equal(service.servers, {}, name)
            for refusal in service.refusals.values():
                contains(refusal, reason)
    with cases.case("a model of the other experiment is none, whatever its name"):
        for address in rig.addresses:
            try:
                Client(address, "atlas_tagger", access=rig.access["cms"])
            except Exception as error:  # noqa: BLE001 - its text is the finding
                contains(str(error), "atlas_tagger")
            else:
                raise AssertionError("cms was told of a model of atlas")


class Pressure:
    """Keeps some requests under way until it is stopped; counts rows by answer and by refusal."""

    def __init__(self, address, model, access, rows, streams):
        self.client = Client(address, model, access=access)
        self.rows, self.answered, self.refused = rows, 0, 0
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.failures = []
        self.threads = [threading.Thread(target=self.keep_asking) for _ in range(streams)]
        for thread in self.threads:
            thread.start()

    def keep_asking(self):
        while not self.over.is_set():
            try:
                self.client.rectangular(event(self.rows))
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                    self.failures.append(error.details())
                    return
                self.count("refused")
                time.sleep(0.01)
            else:
                self.count("answered")

    def count(self, what):
        with self.lock:
            setattr(self, what, getattr(self, what) + self.rows)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        equal(self.failures, [])


def check_shares(cases, rig):
    wanted = WEIGHTS["cms"] / WEIGHTS["atlas"]
    with cases.case(f"a device that both want is {wanted:g} : 1 theirs, at each gateway"):
        pressures = [
            [Pressure(address, "shared", rig.access[name], 1, 6) for name in ("cms", "atlas")]
            for address in rig.addresses
        ]
        time.sleep(0.5)
        before = [[each.answered for each in pair] for pair in pressures]
        time.sleep(SHARE_S)
        after = [[each.answered for each in pair] for pair in pressures]
        for pair in pressures:
            for each in pair:
                each.stop()
        for (cms0, atlas0), (cms1, atlas1) in zip(before, after, strict=True):
            got = (cms1 - cms0) / max(1, atlas1 - atlas0)
            print(f"      {cms1 - cms0} rows of cms, {atlas1 - atlas0} of atlas")
            if not 0.8 * wanted <= got <= 1.25 * wanted:
                raise AssertionError(f"{got:.2f} : 1")


def near_quota(rate):
    return 0.8 * ROWS_PER_SECOND <= rate <= 1.05 * ROWS_PER_SECOND


def check_quota(cases, rig):
    with cases.case(f"the {ROWS_PER_SECOND} rows a second of one are those of both gateways together"):
        atlas = [Pressure(each, "atlas_tagger", rig.access["atlas"], 20, 4) for each in rig.addresses]
        cms = [Pressure(each, "cms_tagger", rig.access["cms"], 20, 1) for each in rig.addresses]
        time.sleep(1.5)  # what a bucket of a second had is spent
        rates = []
        # Clients that were held up had a second's worth saved meanwhile: then once more.
        while len(rates) < 5 and not (rates and near_quota(rates[-1])):
            began, before = time.monotonic(), sum(each.answered for each in atlas)
            time.sleep(QUOTA_S)
            took = time.monotonic() - began
            rates.append((sum(each.answered for each in atlas) - before) / took)
        rate = rates[-1]
        for each in atlas + cms:
            each.stop()
        print(f"      {rate:.0f} rows a second of atlas, {sum(each.refused for each in atlas)} refused")
        equal([each.refused for each in cms], [0, 0], "rows of cms that were refused")
        equal(sum(each.refused for each in atlas) > 0, True, "atlas asked for more")
        if not near_quota(rate):
            raise AssertionError(f"{rate:.0f} rows a second")


def job(rig, number):
    """One start and a few events. Returns why it was refused; None: every event came back."""
    experiment = ("cms", "atlas")[number % 4 == 3]
    access = rig.access[experiment]
    at = rig.addresses[number % 2]
    service = Service([at], access)
    if not service.servers:
        return service.refusals[at]
    client = Client(at, f"{experiment}_tagger", access=access)
    for turn in range(3):
        values = event(2, first=10 * number + turn)
        answer = client.rectangular(values)
        equal(answer["OUTPUT0"].tolist(), values["INPUT0"].tolist())
    return None


def check_waves(cases, rig):
    with cases.case(f"{JOBS} jobs start in {WAVES} waves, half at each gateway: none is refused"):
        refusals = []
        with concurrent.futures.ThreadPoolExecutor(JOBS // WAVES) as pool:
            for wave in range(WAVES):
                numbers = range(wave * JOBS // WAVES, (wave + 1) * JOBS // WAVES)
                refusals += pool.map(lambda number: job(rig, number), numbers)
        equal(len(refusals), JOBS)
        equal([each for each in refusals if each is not None], [], "refusals")


class Holder:
    """A job that was let in, with more under way than its gateway can do in time."""

    def __init__(self, address, access):
        self.address = address
        self.begins = access.client(address)
        self.begins.get_model_repository_index()
        self.client = Client(address, "cms_slow", access=access)
        self.calls = []
        self.ask()

    def ask(self):
        self.calls += self.client.sent([event(1)] * PILE)
        time.sleep(0.5)  # a moment later all of it waits in the gateway

    def finish(self):
        for call in self.calls:
            equal(call.result().outputs[0].name, "OUTPUT0")


def starts(rig, count, experiment="cms"):
    """Services of so many jobs that begin at once, each offered both gateways."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        begin = lambda _: Service(rig.addresses, rig.access[experiment])  # noqa: E731
        return list(pool.map(begin, range(count)))


def check_capacity(cases, rig):
    full, free = rig.addresses
    access = rig.access["cms"]
    holders = []
    try:
        with cases.case("a gateway that is behind for an experiment refuses its new jobs; they go on elsewhere"):
            holders.append(Holder(full, access))
            for service in starts(rig, 20):
                equal(list(service.servers), [free], "servers of a job")
                contains(service.refusals[full], "UNAVAILABLE")
                contains(service.refusals[full], "tenant 'cms' does not get its share now")
        with cases.case("the other experiment begins there as before"):
            for service in starts(rig, 10, "atlas"):
                equal(list(service.servers), rig.addresses)
        with cases.case("without capacity anywhere a job has no server, and takes its fallback"):
            holders.append(Holder(free, access))
            holders[0].ask()  # it was let in, so it may
            for service in starts(rig, 20):
                equal(service.servers, {})
                equal(len(service.refusals), 2)
        with cases.case("jobs that were let in keep their index and get every answer"):
            for holder in holders:
                holder.begins.get_model_repository_index()
            tagger = Client(full, "cms_tagger", access=access)
            equal(tagger.rectangular(event(3))["OUTPUT0"].shape, (3, 2))
            for holder in holders:
                holder.finish()
        with cases.case("once it is done, jobs begin at both again"):
            for service in starts(rig, 10):
                equal(list(service.servers), rig.addresses)
    finally:
        for holder in holders:
            for call in holder.calls:
                call.cancel()
