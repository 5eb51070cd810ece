"""A quota of two gateways whose Redis is emptied, killed and hangs: how much more than the limit is answered."""

import signal
import time

from sonic.experiments import Pressure
from sonic.rig import ROWS_PER_SECOND, two_gateways
from support.redis import NO_REDIS

#: What a gateway leases at a time lasts so long.
SLICE_S = 0.25
#: Clients count an answer when they have it, which on a busy machine is later than it was admitted.
JITTER_S = 0.1
SETTLED_S = 2.0
WATCHED_S = 3.0


def check_quota_troubles(cases):
    if NO_REDIS:
        cases.lack("a quota while Redis is in trouble", NO_REDIS)
        return
    with two_gateways() as rig:
        pressures = [flood(rig, address) for address in rig.addresses]
        try:
            time.sleep(SETTLED_S)  # the second's worth that a bucket holds is spent
            check_troubles(cases, rig, pressures)
            check_moved_demand(cases, rig, pressures)
        finally:
            for each in pressures:
                each.stop()


def flood(rig, address):
    return Pressure(address, "atlas_tagger", rig.access["atlas"], 20, 4)


def emptied(redis):
    redis.command("FLUSHALL")


def emptied_again_and_again(redis):
    for _ in range(8):
        redis.command("FLUSHALL")
        time.sleep(0.05)


def killed(redis):
    redis.kill()
    time.sleep(1)
    redis.start()


def hanging(redis):
    redis.process.send_signal(signal.SIGSTOP)
    time.sleep(1)
    redis.process.send_signal(signal.SIGCONT)


TROUBLES = {
    "is emptied": emptied,
    "is emptied eight times in half a second": emptied_again_and_again,
    "is killed, and comes back empty": killed,
    "hangs for a second": hanging,
}


def check_troubles(cases, rig, pressures):
    for what, trouble in TROUBLES.items():
        with cases.case(f"Redis {what}: at most a slice a gateway above the limit, and never dry"):
            highest, rows = watch(pressures, lambda trouble=trouble: trouble(rig.redis))
            require(highest, rows)


def check_moved_demand(cases, rig, pressures):
    with cases.case("Redis dies when one gateway has nearly all of it, and the clients go to the other"):
        pressures.pop().stop()
        time.sleep(SETTLED_S)

        def move():
            rig.redis.kill()
            pressures.append(flood(rig, rig.addresses[1]))

        highest, rows = watch(pressures, move)
        require(highest, rows)


def watch(pressures, trouble):
    """(most rows above the limit so far at any time, rows answered in all)"""
    began, before = time.monotonic(), answered(pressures)
    highest = 0.0
    trouble()
    while time.monotonic() < began + WATCHED_S:
        seconds = time.monotonic() - began
        highest = max(highest, answered(pressures) - before - ROWS_PER_SECOND * seconds)
        time.sleep(0.01)
    return highest, answered(pressures) - before


def require(highest, rows):
    allowed = 2 * SLICE_S * ROWS_PER_SECOND
    print(f"      at most {highest:.0f} rows above {ROWS_PER_SECOND} a second; {allowed:.0f} are allowed")
    if highest > allowed + JITTER_S * ROWS_PER_SECOND:
        raise AssertionError(f"{highest:.0f} rows above the limit")
    if rows < 0.6 * ROWS_PER_SECOND * WATCHED_S:
        raise AssertionError(f"only {rows} rows in {WATCHED_S} s")


def answered(pressures):
    return sum(each.answered for each in pressures)
