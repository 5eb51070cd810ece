/**
 * What it costs to say whose turn it is among 1 000 tenants of 200 models on the same devices. A decision is
 * the head of a model's queues, a batch of 32 requests filled from the tenants in their order, and its charges; the
 * places of those taken are filled again outside the measurement. It is measured where each tenant waits in a tenth
 * of the models, and where all wait in all: 200 000 requests, of which a batch meets 32 that no cache has seen
 * for a while.
 *
 * A decision is shorter than the intervals at which a busy machine gives its cores to somebody else: a few in a hundred
 * are interrupted and go on with cold caches, which is their CPU time, too, and all that a p99 would tell. So the same
 * 20 000 decisions are made in five rounds (time is made up, and the rounds are compared), and each counts by the
 * median of its five times. The p99 of the first round alone stands beside it. Garbage is collected during less than one
 * decision in a thousand. CPU time is that of the process, V8's helpers included; wall time stands beside it. Then
 * everybody leaves, and what a tenant that is idle still takes is weighed.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { systemClock } from "../../../src/clock.ts";
import type { Caller } from "../../../src/inference/caller.ts";
import { UNBATCHED } from "../../../src/inference/queue-rules.ts";
import { mulberry32 } from "../../../src/inference/seeded-random.ts";
import { DeviceUse } from "../../../src/policy/fair-share/device-use.ts";
import { ShareClock } from "../../../src/policy/fair-share/share-clock.ts";
import { Lane } from "../../../src/pool/lane.ts";
import { Charging } from "../../../src/scheduling/charging.ts";
import { CostCurve } from "../../../src/scheduling/cost-curve.ts";
import { Filling } from "../../../src/scheduling/filling.ts";
import { TenantQueues } from "../../../src/scheduling/tenant-queues.ts";
import { FakeInstance } from "../../support/fake-instance.ts";
import { aRequest, FakeCall } from "../../support/requests.ts";
import { quantile } from "../../support/shared-devices/figures.ts";
import { aCaller, aTenant } from "../../support/tenants.ts";
import type { BenchResult } from "../result.ts";
import { median } from "../rounds.ts";

const TENANTS = 1_000;
const MODELS = 200;
const BATCH_ROWS = 32;
const DECISIONS = 20_000;
const WARM_UP = 2_000;
const ROUNDS = 5;
/** From a decision to the next, ms. */
const PACE_MS = 0.1;
const GOAL_US = 50;

export async function fairShare(): Promise<BenchResult> {
  const all = rounds(1);
  const some = rounds(10);
  return {
    name: "fair-share",
    measures: `whose turn it is among ${TENANTS} tenants of ${MODELS} models, p99, µs of CPU`,
    value: quantile(some.cpuUs, 0.99),
    goal: { kind: "at most", value: GOAL_US },
    figures: {
      "p50 µs of CPU": quantile(some.cpuUs, 0.5),
      "p50 µs": quantile(some.wallUs, 0.5),
      "p99 µs": quantile(some.wallUs, 0.99),
      "first round alone: p99 µs of CPU": quantile(some.first.cpuUs, 0.99),
      "first round alone: p99 µs": quantile(some.first.wallUs, 0.99),
      "all wait in all models: p50 µs of CPU": quantile(all.cpuUs, 0.5),
      "all wait in all models: p99 µs of CPU": quantile(all.cpuUs, 0.99),
      "requests a batch": BATCH_ROWS,
      "bytes an idle tenant": all.first.idleBytes,
    },
    errors: {},
  };
}

/** Of each decision the median over the rounds. */
function rounds(oneIn: number) {
  const each = Array.from({ length: ROUNDS }, () => measure(oneIn));
  const [first] = each;
  if (first === undefined) throw new Error("no rounds");
  if (each.some(({ served }) => served !== first.served)) {
    throw new Error("the rounds served different tenants");
  }
  const medians = (of: "cpuUs" | "wallUs") =>
    first[of].map((_, at) => median(each.map((round) => round[of][at] ?? Number.NaN)));
  return { first, cpuUs: medians("cpuUs"), wallUs: medians("wallUs") };
}

/** @param oneIn each tenant waits in one of so many models */
function measure(oneIn: number) {
  let nowMs = 1_000;
  const now = () => nowMs;
  const curve = new CostCurve();
  for (let rows = 1; rows <= BATCH_ROWS; rows *= 2) curve.observe(rows, 1_000 + 50 * rows);
  const batching = { maxRows: BATCH_ROWS, preferredRows: [], maxDelayMs: 0 };
  const rules = { ...UNBATCHED, dynamic: true };
  const clock = new ShareClock();
  const charging = new Charging(clock, new DeviceUse());
  const lane = new Lane(new FakeInstance("0"), now);
  const callers = Array.from({ length: TENANTS }, (_, at) =>
    aCaller(aTenant(at, { weight: 1 + (at % 7) })),
  );
  const request = aRequest();
  const models = Array.from({ length: MODELS }, () => {
    const queues = new TenantQueues(rules, clock, curve);
    return { queues, filling: new Filling(batching, queues, curve, { ...systemClock, now }) };
  });
  type Model = (typeof models)[number];
  const send = ({ queues }: Model, caller: Caller) => {
    queues.add(request, Object.assign(new FakeCall(), { caller }), nowMs);
  };
  const decide = ({ queues, filling }: Model) => {
    const head = queues.head(nowMs);
    if (head === undefined) throw new Error("nobody waits");
    const { batch } = filling.fill(head, lane);
    if (typeof batch === "number") throw new Error(`the batch waits for ${batch} ms`);
    charging.charge(batch, batch.length, curve.predictUs(batch.length));
    return batch;
  };

  const before = heapBytes();
  for (const [at, model] of models.entries()) {
    for (const [index, caller] of callers.entries()) {
      if ((at + index) % oneIn === 0) send(model, caller);
    }
  }
  const draw = mulberry32(1);
  const wallUs: number[] = [];
  const cpuUs: number[] = [];
  /** Of who was served, in order. */
  let served = 0;
  for (let at = 0; at < WARM_UP + DECISIONS; at += 1) {
    const model = models[Math.floor(draw() * MODELS)] as Model;
    nowMs += PACE_MS;
    const used = process.cpuUsage();
    const start = performance.now();
    const batch = decide(model);
    const us = (performance.now() - start) * 1_000;
    const { user, system } = process.cpuUsage(used);
    if (at >= WARM_UP) {
      wallUs.push(us);
      cpuUs.push(user + system);
    }
    for (const { call } of batch) {
      const caller = call.caller as Caller;
      served = (Math.imul(served, 31) + caller.tenant.index) | 0;
      send(model, caller);
    }
  }
  for (const { queues } of models) queues.clear();
  const figures = (wallUs.length + cpuUs.length) * 8;
  const idleBytes = Math.max(0, heapBytes() - before - figures) / TENANTS;
  return { wallUs, cpuUs, idleBytes, served };
}

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
