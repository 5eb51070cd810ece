/**
 * How loaded this gateway is, in the header that balancers ask for with each answer: ORCA's report in its two
 * readable forms, as a tritonserver gives it. What Triton tells of a KV cache has no place here; how long a
 * request for the model would wait has.
 */

export interface Load {
  /** Of the host's cores, 0 to 1. */
  readonly cpu: number;
  /** Of the memory for requests, 0 to 1. */
  readonly memory: number;
  /** Of the busiest device, 0 to 1; undefined: not known. */
  readonly devices: number | undefined;
  /** Of the model: s that a new request would wait; undefined: nobody can tell. */
  readonly secondsAhead: number | undefined;
  /** Of the model: requests accepted and not yet executed. */
  readonly pending: number;
}

/** What was asked is told again for so long, ms: a balancer that asks with every request costs next to nothing. */
const KEPT_MS = 100;
/** Digits behind the point: a header is no place for noise. */
const DIGITS = 4;

interface Kept {
  readonly atMs: number;
  readonly fields: readonly (readonly [name: string, value: number])[];
}

export class EndpointLoad {
  readonly #read: (model: string, version: string) => Load;
  readonly #now: () => number;
  /** By model; answers name only models that serve. */
  readonly #kept = new Map<string, Kept>();

  /** @param now monotonic ms */
  constructor(read: (model: string, version: string) => Load, now: () => number) {
    this.#read = read;
    this.#now = now;
  }

  /** Value of the header `endpoint-load-metrics`; undefined for a format that there is not. */
  header(format: string, model: string, version: string): string | undefined {
    const asked = format.trim().toLowerCase();
    if (asked !== "text" && asked !== "json") return undefined;
    const fields = this.#fields(model, version);
    if (asked === "text")
      return `TEXT ${fields.map(([name, value]) => `${name}=${value}`).join(", ")}`;
    const plain = fields.filter(([name]) => !name.startsWith(NAMED));
    const named = fields
      .filter(([name]) => name.startsWith(NAMED))
      .map(([name, value]) => [name.slice(NAMED.length), value]);
    const report = { ...Object.fromEntries(plain), named_metrics: Object.fromEntries(named) };
    return `JSON ${JSON.stringify(report)}`;
  }

  #fields(model: string, version: string): Kept["fields"] {
    const key = `${model}/${version}`;
    const now = this.#now();
    const before = this.#kept.get(key);
    if (before !== undefined && now - before.atMs < KEPT_MS) return before.fields;
    const { cpu, memory, devices, secondsAhead, pending } = this.#read(model, version);
    const told: readonly (readonly [string, number | undefined])[] = [
      ["cpu_utilization", cpu],
      ["mem_utilization", memory],
      ["application_utilization", devices],
      [`${NAMED}queue_seconds_ahead`, secondsAhead],
      [`${NAMED}pending_requests`, pending],
    ];
    const fields = told.flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Number(value.toFixed(DIGITS))] as const],
    );
    this.#kept.set(key, { atMs: now, fields });
    return fields;
  }
}

const NAMED = "named_metrics.";
