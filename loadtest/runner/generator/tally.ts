/** What a generator counts, and hands over as it was since the last time. */
import { Latencies } from "../../measure/latencies.ts";

/** Kinds of failure that are kept apart. */
const MOST_KINDS = 50;
const OTHER = "other failures";

/** Since the last hand-over; plain data, so that it travels between processes. */
export interface Snapshot {
  readonly elapsedMs: number;
  /** CPU that the generator's process used, ms; idle looking of a spinning pacer is not in it. */
  readonly cpuMs: number;
  readonly sent: number;
  readonly answered: number;
  readonly rows: number;
  /** By what was said. */
  readonly failures: Readonly<Record<string, number>>;
  /** Sent more than the limit after it was due, while the driver would have taken it. */
  readonly late: number;
  /** Waited because the server or the limits of the run allowed no further request at the time. */
  readonly held: number;
  /** Never sent: too much was unanswered to hold more of it. */
  readonly dropped: number;
  readonly inFlight: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Of good answers, from the intended time: an HdrHistogram. */
  readonly latency: string;
  /** Of good answers, from when it was really sent. */
  readonly service: string;
  /** From intended to sent. */
  readonly lag: string;
}

export class Tally {
  readonly latency = new Latencies();
  readonly service = new Latencies();
  readonly lag = new Latencies();
  sent = 0;
  answered = 0;
  rows = 0;
  late = 0;
  held = 0;
  dropped = 0;
  bytesOut = 0;
  bytesIn = 0;
  readonly #failures = new Map<string, number>();
  #since: number;
  #cpuSince = process.cpuUsage();

  constructor(now: number) {
    this.#since = now;
  }

  failed(kind: string): void {
    const known = this.#failures.has(kind) || this.#failures.size < MOST_KINDS;
    const name = known ? kind : OTHER;
    this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1);
  }

  /** Hands over what was counted and begins anew. */
  take(now: number, inFlight: number, idleSpinMs: number): Snapshot {
    const cpu = process.cpuUsage(this.#cpuSince);
    const snapshot: Snapshot = {
      elapsedMs: now - this.#since,
      cpuMs: Math.max(0, (cpu.user + cpu.system) / 1000 - idleSpinMs),
      sent: this.sent,
      answered: this.answered,
      rows: this.rows,
      failures: Object.fromEntries(this.#failures),
      late: this.late,
      held: this.held,
      dropped: this.dropped,
      inFlight,
      bytesOut: this.bytesOut,
      bytesIn: this.bytesIn,
      latency: this.latency.encode(),
      service: this.service.encode(),
      lag: this.lag.encode(),
    };
    this.#since = now;
    this.#cpuSince = process.cpuUsage();
    this.latency.reset();
    this.service.reset();
    this.lag.reset();
    this.sent = this.answered = this.rows = this.late = this.held = this.dropped = 0;
    this.bytesOut = this.bytesIn = 0;
    this.#failures.clear();
    return snapshot;
  }
}
