/** Load on this gateway, by its own load test: one at a time, as whom somebody says, and an entry in the audit. */
import { LoadtestExit } from "../../../loadtest/exit.ts";
import type { PresetFacts } from "../../../loadtest/scenario/preset-facts.ts";
import type { Clock } from "../../clock.ts";
import { StatusError } from "../../errors.ts";
import type { MayUse } from "../../inference/caller.ts";
import type {
  FinishedLoadtest,
  LoadtestControl,
  LoadtestOrder,
  LoadtestOverview,
  LoadtestRun,
} from "../../inference/loadtest-report.ts";
import type { Service } from "../../lifecycle.ts";
import type { Logger } from "../../logger.ts";
import { Attendant, type AttendedEnd } from "./attendant.ts";
import { KeptRuns } from "./kept-runs.ts";

/** Beyond what it measures: finding the models, making requests, waiting for answers, writing the report, s. */
const AROUND_S = 120;
const SHORTEST_S = 1;
const LONGEST_S = 3_600;

export interface LoadtestsParts {
  readonly settings: {
    readonly loadtests: boolean;
    readonly loadtestFolder?: string | undefined;
    readonly loadtestsKept: number;
    readonly loadtestsMaxBytes: number;
  };
  /** Where the load goes: `grpc://127.0.0.1:8001`; undefined: there is no port for it. */
  address(): string | undefined;
  /** Who did what. Does not reject. */
  audit(entry: object): Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Running {
  readonly run: LoadtestRun;
  readonly attendant: Attendant;
  stoppedBy: string | undefined;
}

export class Loadtests implements LoadtestControl {
  readonly #parts: LoadtestsParts;
  readonly #kept: KeptRuns;
  #presets: Promise<readonly PresetFacts[]> | undefined;
  #running: Running | undefined;
  /** One is being started. */
  #starting = false;
  #closed = false;
  /** Resolves when the report of the last one is kept. */
  #settled: Promise<void> = Promise.resolve();

  constructor(parts: LoadtestsParts) {
    this.#parts = parts;
    const { loadtestFolder, loadtestsKept, loadtestsMaxBytes } = parts.settings;
    this.#kept = new KeptRuns({
      ...{ folder: loadtestFolder, most: loadtestsKept, mostBytes: loadtestsMaxBytes },
      log: parts.log,
    });
  }

  readonly service: Service = {
    name: "load tests",
    start: async () => {
      this.#closed = false;
      if (this.#parts.settings.loadtests) await this.#kept.open();
    },
    stop: async () => {
      this.#closed = true;
      this.#running?.attendant.kill();
      await this.#settled;
      await this.#kept.close();
    },
  };

  async overview(mayUse: MayUse): Promise<LoadtestOverview> {
    const off = this.#off();
    const isVisible = ({ models }: LoadtestRun) => models.every(mayUse);
    const finished = this.#kept.all.filter(isVisible);
    if (off !== undefined) return { off, presets: [], finished };
    const presets = (await this.#facts()).map(({ name, title, seconds, models }) => {
      return { name, title, seconds, models };
    });
    const running = this.#running;
    if (running === undefined || !isVisible(running.run)) return { presets, finished };
    const { run, attendant, stoppedBy } = running;
    const { looks, said } = attendant;
    return {
      ...{ presets, finished },
      running: { ...run, stopping: stoppedBy !== undefined, looks, said },
    };
  }

  async start({ preset, seconds, headers }: LoadtestOrder, who: string): Promise<LoadtestRun> {
    const off = this.#off();
    if (off !== undefined) throw new StatusError("FAILED_PRECONDITION", off);
    if (seconds !== undefined && !(seconds >= SHORTEST_S && seconds <= LONGEST_S)) {
      const text = `'seconds': expected a number from ${SHORTEST_S} to ${LONGEST_S}`;
      throw new StatusError("INVALID_ARGUMENT", text);
    }
    if (this.#running !== undefined || this.#starting) {
      const now = this.#running && `: ${this.#running.run.preset}, by ${this.#running.run.who}`;
      const text = `a load test runs already${now ?? ""}; two would measure each other`;
      throw new StatusError("ABORTED", text);
    }
    this.#starting = true;
    try {
      const facts = (await this.#facts()).find(({ name }) => name === preset);
      if (facts === undefined) {
        const text = "there is no such preset: GET /v2/beamgate/loadtests lists them";
        throw new StatusError("NOT_FOUND", text);
      }
      return await this.#run(facts, { seconds: seconds ?? facts.seconds, headers }, who);
    } finally {
      this.#starting = false;
    }
  }

  async stop(id: string, who: string): Promise<void> {
    const running = this.#running;
    if (running?.run.id !== id) throw new StatusError("NOT_FOUND", "no such load test runs now");
    if (running.stoppedBy !== undefined) return;
    running.stoppedBy = who;
    running.attendant.stop();
    await this.#note(who, "stop load test", running.run);
  }

  file(id: string, name: "report.html" | "result.json", mayUse: MayUse): string | undefined {
    const run = this.#kept.all.find((one) => one.id === id);
    return run?.models.every(mayUse) === true ? this.#kept.file(id, name) : undefined;
  }

  #off(): string | undefined {
    if (!this.#parts.settings.loadtests) return "load tests are switched off (dashboard.loadtests)";
    if (this.#closed) return "this gateway is stopping";
    return this.#parts.address() === undefined ? "this gateway has no port for them" : undefined;
  }

  #facts(): Promise<readonly PresetFacts[]> {
    // Whoever never asks for one never reads them.
    this.#presets ??= import("../../../loadtest/scenario/preset-facts.ts").then((module) =>
      module.presetFacts(),
    );
    return this.#presets;
  }

  async #run(
    { name, title, models, warmupSeconds }: PresetFacts,
    { seconds, headers }: { readonly seconds: number; readonly headers: readonly string[] },
    who: string,
  ): Promise<LoadtestRun> {
    const { clock } = this.#parts;
    const startedAt = new Date().toISOString();
    const { id, folder } = await this.#kept.begin(startedAt, name);
    const run: LoadtestRun = { id, preset: name, title, who, startedAt, seconds, models };
    // Before anything is sent.
    await this.#note(who, "start load test", run);
    const url = this.#parts.address();
    if (this.#closed || url === undefined)
      throw new StatusError("FAILED_PRECONDITION", "this gateway is stopping");
    const order = {
      kind: "run",
      preset: name,
      flags: {
        ...{ url, duration: seconds, output: folder, header: headers, ceiling: false },
        ...(url.startsWith("http") && { protocol: "http" as const }),
        // Its own port, by an address that no certificate names.
        ...(/^\w+s:/.test(url) && { insecure: true }),
      },
    } as const;
    const longestMs = 1000 * (seconds + warmupSeconds + AROUND_S);
    const running: Running = {
      run,
      attendant: new Attendant(order, longestMs, clock),
      stoppedBy: undefined,
    };
    this.#running = running;
    this.#settled = running.attendant.ended.then((end) => this.#finish(running, end));
    return run;
  }

  async #finish(running: Running, end: AttendedEnd): Promise<void> {
    const { run, stoppedBy } = running;
    const { outcome } = end;
    const verdict = verdictOf(end);
    try {
      await this.#kept.keep({
        ...run,
        finishedAt: new Date().toISOString(),
        verdict,
        ...whyOf(verdict, end),
        ...(stoppedBy !== undefined && { stoppedBy }),
        ...(outcome && {
          ...{ answeredPerSecond: outcome.answeredPerSecond, failed: outcome.failed },
          ...{ emulated: outcome.emulated },
          ...(outcome.p50Ms !== undefined && { p50Ms: outcome.p50Ms }),
          ...(outcome.p99Ms !== undefined && { p99Ms: outcome.p99Ms }),
        }),
      });
    } catch (error) {
      this.#parts.log.warn("the report of a load test cannot be kept", { id: run.id, error });
    }
    this.#running = undefined;
    this.#parts.log.info("load test over", { id: run.id, verdict });
  }

  async #note(who: string, action: string, { id, preset, seconds }: LoadtestRun): Promise<void> {
    this.#parts.log.info(action, { who, id });
    await this.#parts.audit({ at: new Date().toISOString(), who, action, id, preset, seconds });
  }
}

function verdictOf({ code, outcome }: AttendedEnd): FinishedLoadtest["verdict"] {
  if (code === LoadtestExit.ok) return "ok";
  if (code === LoadtestExit.missed) return "missed";
  return code === LoadtestExit.failed && outcome !== undefined ? "invalid" : "failed";
}

function whyOf(
  verdict: FinishedLoadtest["verdict"],
  { code, outcome, said }: AttendedEnd,
): { readonly why?: string } {
  if (verdict === "missed") return { why: outcome?.missed.join("; ") ?? "" };
  if (verdict === "invalid") return { why: "the generator could not keep its times" };
  if (verdict === "ok") return {};
  const last = said.at(-1) ?? (code === undefined ? "it ended without a word" : `status ${code}`);
  return { why: last.replace(/^error: /, "") };
}
