/**
 * How long the stages of answered requests took, by model, tenant and device. Observed on every
 * request, so it is found by index and identity: no name is hashed, nothing is allocated. What is observed waits as
 * plain numbers and is counted many requests at a time: fetching ten histograms' memory anew for each costs more, and a
 * number with a fraction that is handed to a function takes memory of its own wherever V8 does not inline that.
 */
import type { Device } from "../../backends/contract.ts";
import { DEFAULT_TENANT, type Tenant } from "../inference/caller.ts";
import type { RequestOutcome } from "../inference/outcome.ts";
import type { ModelSignature } from "../inference/request.ts";
import { Buckets } from "./buckets.ts";
import type { Exemplar, HistogramSeries, ReadHistogram } from "./exposition/families.ts";

/** Bounds, s: from one turn of an event loop to a job that has given up hope. */
export const STAGE_BOUNDS_SECONDS = [
  0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5,
] as const;

/** What stands for those who are not told of one by one. */
const OTHER = "other";

/** Numbers of one observation: the four stamps of its timeline, ms; the time on the device, µs; of how many requests. */
const WIDTH = 6;
/** Observations that wait. */
const MOST_WAITING = 128;
/** Stands for the time on the device of what no device executed. */
const NONE = -1;

/** One model, tenant and device. */
class StageRow {
  readonly labels: StageLabels;
  readonly request = new Buckets(STAGE_BOUNDS_SECONDS);
  readonly wire = new Buckets(STAGE_BOUNDS_SECONDS);
  readonly queue = new Buckets(STAGE_BOUNDS_SECONDS);
  readonly batch = new Buckets(STAGE_BOUNDS_SECONDS);
  readonly compute = new Buckets(STAGE_BOUNDS_SECONDS);
  /** Of `request`: the newest traced one of each bucket. */
  exemplars: (Exemplar | undefined)[] | undefined;

  constructor(labels: StageLabels) {
    this.labels = labels;
  }

  /** Those of what waits from the `begin`th to before the `end`th. */
  count(stamps: Float64Array, begin: number, end: number): void {
    const { all, queued, executed } = columns;
    let alls = 0;
    let queueds = 0;
    let executeds = 0;
    // Of the one before: what a batch went through together is figured once for all of it.
    let lastReceivedMs = Number.NaN;
    let lastAnsweredMs = Number.NaN;
    let lastDispatchedMs = Number.NaN;
    let lastInferUs = Number.NaN;
    let lastExecutedMs = Number.NaN;
    for (let at = WIDTH * begin; at < WIDTH * end; at += WIDTH) {
      const receivedMs = stamps[at] as number;
      const queuedMs = stamps[at + 1] as number;
      const dispatchedMs = stamps[at + 2] as number;
      const answeredMs = stamps[at + 3] as number;
      const inferUs = stamps[at + 4] as number;
      const times = stamps[at + 5] as number;
      if (receivedMs === lastReceivedMs && answeredMs === lastAnsweredMs) {
        all.times[alls - 1] = (all.times[alls - 1] as number) + times;
      } else {
        lastReceivedMs = receivedMs;
        lastAnsweredMs = answeredMs;
        all.request[alls] = secondsBetween(receivedMs, answeredMs);
        all.times[alls++] = times;
      }
      if (queuedMs <= 0) continue;
      queued.wire[queueds] = secondsBetween(receivedMs, queuedMs);
      queued.queue[queueds] = secondsBetween(queuedMs, dispatchedMs);
      queued.times[queueds++] = times;
      if (dispatchedMs <= 0 || inferUs === NONE) continue;
      if (
        dispatchedMs === lastDispatchedMs &&
        inferUs === lastInferUs &&
        answeredMs === lastExecutedMs
      ) {
        executed.times[executeds - 1] = (executed.times[executeds - 1] as number) + times;
        continue;
      }
      lastDispatchedMs = dispatchedMs;
      lastInferUs = inferUs;
      lastExecutedMs = answeredMs;
      const computeMs = inferUs / 1000;
      executed.batch[executeds] = secondsBetween(dispatchedMs + computeMs, answeredMs);
      executed.compute[executeds] = computeMs / 1000;
      executed.times[executeds++] = times;
    }
    this.request.observeAll(all.request, all.times, alls);
    this.wire.observeAll(queued.wire, queued.times, queueds);
    this.queue.observeAll(queued.queue, queued.times, queueds);
    this.batch.observeAll(executed.batch, executed.times, executeds);
    this.compute.observeAll(executed.compute, executed.times, executeds);
  }
}

const column = () => new Float64Array(MOST_WAITING);
/** Stages of those that reached them, s, and of how many requests: while they are counted. */
const columns = {
  all: { request: column(), times: column() },
  queued: { wire: column(), queue: column(), times: column() },
  executed: { batch: column(), compute: column(), times: column() },
};

const secondsBetween = (fromMs: number, toMs: number) => Math.max(0, toMs - fromMs) / 1000;

interface Last {
  signature: ModelSignature | undefined;
  tenant: number;
  device: Device | undefined;
  row: StageRow | undefined;
}

/** Where the requests on a device are counted. */
interface OnDevice {
  readonly device: Device | undefined;
  readonly row: StageRow;
}

type StageLabels = Readonly<Record<"model" | "version" | "tenant" | "device", string>>;
type StageName = "request" | "wire" | "queue" | "batch" | "compute";

const FAMILIES: readonly (readonly [StageName, string])[] = [
  ["request", "Time from the receipt of a request to its answer, s"],
  ["wire", "Of it: from the last byte of the request to its place in a queue, s"],
  ["queue", "Of it: waiting for a batch, s"],
  [
    "batch",
    "Of it: making the batch, waiting for its turn on the device and parting the answer, s",
  ],
  ["compute", "Of it: executing the batch on the device, s"],
];

export class StageTimes {
  readonly #most: number;
  readonly #wallMs: () => number;
  /** By index of the tenant. */
  readonly #bySignature: WeakMap<ModelSignature, OnDevice[]>[] = [];
  /** By labels: a model that is loaded anew goes on with its rows. */
  readonly #rows = new Map<string, StageRow>();
  readonly #waiting = new Float64Array(WIDTH * MOST_WAITING);
  /** Whose they are; kept at its length. */
  readonly #waitingRows: StageRow[] = [];
  #waitingCount = 0;
  /** Of the request before: those of a batch are mostly of one tenant. */
  readonly #last: Last = { signature: undefined, tenant: 0, device: undefined, row: undefined };

  /**
   * @param most sets of labels that are told of one by one; those that come later are counted under
   *   `other`: tenant and device at first, beyond twice as many the model, too
   * @param wallMs ms since 1970, for exemplars
   */
  constructor(most = 100, wallMs: () => number = Date.now) {
    this.#most = most;
    this.#wallMs = wallMs;
  }

  /** Of a request that was answered as asked: its stamps are put down, and read when there are many. */
  observe(outcome: RequestOutcome): void {
    const { signature, timeline, execution, requests } = outcome;
    const row = this.#row(signature, outcome);
    const waiting = this.#waiting;
    const nth = this.#waitingCount;
    const at = WIDTH * nth;
    waiting[at] = timeline.received;
    waiting[at + 1] = timeline.queued;
    waiting[at + 2] = timeline.dispatched;
    waiting[at + 3] = timeline.answered;
    waiting[at + 4] = execution === undefined ? NONE : execution.inferUs;
    waiting[at + 5] = requests ?? 1;
    this.#waitingRows[nth] = row;
    this.#waitingCount = nth + 1;
    if (this.#waitingCount === MOST_WAITING) this.#count();
    if (outcome.trace !== undefined) {
      row.exemplars ??= [];
      const { traceId } = outcome.trace;
      const whole = secondsBetween(timeline.received, timeline.answered);
      const exemplar = { traceId, value: whole, wallMs: this.#wallMs() };
      row.exemplars[row.request.indexOf(whole)] = exemplar;
    }
  }

  #count(): void {
    const rows = this.#waitingRows;
    const count = this.#waitingCount;
    let begin = 0;
    for (let nth = 1; nth <= count; nth += 1) {
      if (nth < count && rows[nth] === rows[begin]) continue;
      rows[begin]?.count(this.#waiting, begin, nth);
      begin = nth;
    }
    this.#waitingCount = 0;
  }

  /** Whole times of answered requests, s. */
  *requests(): Generator<{ readonly labels: StageLabels; readonly buckets: Buckets }> {
    this.#count();
    for (const { labels, request } of this.#rows.values()) yield { labels, buckets: request };
  }

  families(): readonly ReadHistogram[] {
    return FAMILIES.map(([stage, help]) => ({
      name: `beamgate_${stage}_seconds`,
      help,
      type: "histogram",
      series: () => this.#series(stage),
    }));
  }

  *#series(stage: StageName): Generator<HistogramSeries> {
    this.#count();
    for (const row of this.#rows.values()) {
      const { labels, exemplars } = row;
      yield { labels, buckets: row[stage], ...(stage === "request" && { exemplars }) };
    }
  }

  #row(signature: ModelSignature, { caller, device }: RequestOutcome): StageRow {
    const tenant = caller?.tenant ?? DEFAULT_TENANT;
    const last = this.#last;
    if (
      last.row !== undefined &&
      last.signature === signature &&
      last.device === device &&
      last.tenant === tenant.index
    ) {
      return last.row;
    }
    const row = this.#rowOf(signature, tenant, device);
    last.signature = signature;
    last.tenant = tenant.index;
    last.device = device;
    last.row = row;
    return row;
  }

  #rowOf(signature: ModelSignature, tenant: Tenant, device: Device | undefined): StageRow {
    let bySignature = this.#bySignature[tenant.index];
    if (bySignature === undefined) {
      bySignature = new WeakMap();
      this.#bySignature[tenant.index] = bySignature;
    }
    const known = bySignature.get(signature);
    if (known !== undefined) {
      for (const one of known) {
        if (one.device === device || (device !== undefined && one.device?.id === device.id)) {
          return one.row;
        }
      }
    }
    const row = this.#named(signature, tenant.name, device);
    if (known === undefined) bySignature.set(signature, [{ device, row }]);
    else known.push({ device, row });
    return row;
  }

  #named({ name, version }: ModelSignature, tenant: string, device: Device | undefined): StageRow {
    const labels = { model: name, version, tenant, device: device?.id ?? "" };
    return (
      this.#found(labels, this.#most) ??
      this.#found({ ...labels, tenant: OTHER, device: OTHER }, 2 * this.#most) ??
      this.#found(EVERYBODY, Number.POSITIVE_INFINITY) ??
      new StageRow(EVERYBODY)
    );
  }

  /** undefined: it is not there, and there are too many already. */
  #found(labels: StageLabels, most: number): StageRow | undefined {
    const key = JSON.stringify(Object.values(labels));
    let row = this.#rows.get(key);
    if (row === undefined && this.#rows.size < most) {
      row = new StageRow(labels);
      this.#rows.set(key, row);
    }
    return row;
  }
}

/** Of those who are not told of one by one. `model` is that of all of them, or `OTHER` where that is not told, either. */
export const isRest = ({ tenant, device }: StageLabels) => tenant === OTHER && device === OTHER;
export const isRestOfModels = (labels: StageLabels) =>
  isRest(labels) && labels.model === OTHER && labels.version === "";

const EVERYBODY: StageLabels = { model: OTHER, version: "", tenant: OTHER, device: OTHER };
