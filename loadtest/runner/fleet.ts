/** The generator processes of a run: started together, looked at together, merged. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.ts";
import type {
  FromGenerator,
  GeneratorOrder,
  GeneratorOver,
  ToGenerator,
} from "./generator/order.ts";
import { type Merged, mergeSnapshots } from "./merge.ts";

const ENTRY = join(packageRoot, "dist", "loadtest", "runner", "generator", "main.js");
/** Between the word to start and the start: every process has read it by then. */
const LEAD_MS = 100;
/** What a process may take to answer beyond what it was asked to wait. */
const ANSWER_MS = 30_000;

export interface FleetLook {
  readonly merged: Merged;
  /** Every process has sent all of its plan. */
  readonly exhausted: boolean;
}

export class Fleet {
  readonly #members: readonly Member[];

  /** Resolves when every process has its connections. @throws Error where one cannot */
  static async start(orders: readonly GeneratorOrder[]): Promise<Fleet> {
    const fleet = new Fleet(orders.map(() => new Member()));
    try {
      await Promise.all(
        fleet.#members.map(async (member, index) => {
          const order = orders[index];
          if (order !== undefined) await member.ask({ kind: "prepare", order }, "ready", ANSWER_MS);
        }),
      );
    } catch (thrown) {
      fleet.close();
      throw thrown;
    }
    return fleet;
  }

  private constructor(members: readonly Member[]) {
    this.#members = members;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Begins the load, everywhere at the same moment. Resolves then. */
  async begin(): Promise<void> {
    const at = performance.timeOrigin + performance.now() + LEAD_MS;
    for (const member of this.#members) member.tell({ kind: "start", at });
    await new Promise((resolve) => setTimeout(resolve, LEAD_MS));
  }

  /** What was counted since the last look. */
  async look(): Promise<FleetLook> {
    const looks = await Promise.all(
      this.#members.map((member) => member.ask({ kind: "snapshot" }, "snapshot", ANSWER_MS)),
    );
    return {
      merged: mergeSnapshots(looks.map(({ snapshot }) => snapshot)),
      exhausted: looks.every(({ exhausted }) => exhausted),
    };
  }

  /** Ends the load; the processes end too. @param patienceMs how long answers are waited for */
  async end(patienceMs: number): Promise<readonly GeneratorOver[]> {
    const endings = await Promise.all(
      this.#members.map((member) =>
        member.ask({ kind: "stop", patienceMs }, "over", patienceMs + ANSWER_MS),
      ),
    );
    this.close();
    return endings.map(({ over }) => over);
  }

  close(): void {
    for (const member of this.#members) member.close();
  }
}

type Said<K extends FromGenerator["kind"]> = Extract<FromGenerator, { readonly kind: K }>;

class Member {
  readonly #child: ChildProcess;
  #waiting: { resolve(message: FromGenerator): void; reject(error: Error): void } | undefined;
  #gone: Error | undefined;

  constructor() {
    this.#child = fork(ENTRY, [], {
      serialization: "advanced",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (message: FromGenerator) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (message.kind === "failed") waiting?.reject(new Error(message.message));
      else waiting?.resolve(message);
    });
    const ended = (why: string) => {
      this.#gone ??= new Error(`a generator process ended: ${why}`);
      this.#waiting?.reject(this.#gone);
      this.#waiting = undefined;
    };
    this.#child.once("error", (error) => ended(error.message));
    this.#child.once("exit", (code, signal) => ended(signal ?? `status ${code}`));
  }

  tell(message: ToGenerator): void {
    if (this.#gone === undefined) this.#child.send(message);
  }

  async ask<K extends FromGenerator["kind"]>(
    message: ToGenerator,
    kind: K,
    limitMs: number,
  ): Promise<Said<K>> {
    if (this.#gone !== undefined) throw this.#gone;
    let late: NodeJS.Timeout | undefined;
    const answered = new Promise<FromGenerator>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      late = setTimeout(
        () => reject(new Error(`a generator process did not answer within ${limitMs / 1000} s`)),
        limitMs,
      );
    });
    this.tell(message);
    try {
      const answer = await answered;
      if (answer.kind !== kind) throw new Error(`a generator said ${answer.kind}, not ${kind}`);
      return answer as Said<K>;
    } finally {
      clearTimeout(late);
    }
  }

  close(): void {
    if (this.#gone === undefined) this.#child.kill("SIGKILL");
  }
}
