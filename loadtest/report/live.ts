/** What is seen while a run goes on: one line in place on a terminal, a line every few seconds elsewhere. */
import type { Progress } from "../runner/measured.ts";
import { milliseconds, percent, perSecond, whole } from "./format.ts";

export interface LiveOptions {
  readonly write: (text: string) => void;
  /** Whether what is written can be taken back. */
  readonly terminal: boolean;
  readonly columns: () => number;
  readonly now: () => number;
}

/** Between two lines where none can be taken back. */
const LINE_EVERY_MS = 5000;
const BAR = 16;
/** Of a load that is not heard of for as long nothing is told any more: it is over. */
const SILENT_MS = 3000;

export class Live {
  readonly #options: LiveOptions;
  #shown = false;
  #lastLineAt = Number.NEGATIVE_INFINITY;
  /** The last that was heard of each load that runs. */
  readonly #heard = new Map<string, { readonly at: number; readonly progress: Progress }>();

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  progress(progress: Progress): void {
    const { terminal, write, now, columns } = this.#options;
    this.#heard.set(progress.label, { at: now(), progress });
    for (const [label, { at }] of this.#heard) {
      if (now() - at > SILENT_MS) this.#heard.delete(label);
    }
    const all = [...this.#heard.values()].map((one) => one.progress);
    const text = all.length === 1 ? lineOf(progress) : togetherOf(progress, all);
    if (terminal) {
      write(`\r\u001b[2K${text.slice(0, Math.max(20, columns() - 1))}`);
      this.#shown = true;
    } else if (now() - this.#lastLineAt >= LINE_EVERY_MS) {
      this.#lastLineAt = now();
      write(`${text}\n`);
    }
  }

  /** A line that stays. */
  say(text: string): void {
    this.clear();
    this.#options.write(`${text}\n`);
  }

  clear(): void {
    if (this.#shown) this.#options.write("\r\u001b[2K");
    this.#shown = false;
  }
}

/** Loads that run at the same time. */
function togetherOf({ elapsedMs, totalMs }: Progress, all: readonly Progress[]): string {
  const parts = all.map(({ label, look }) => {
    const rate = perSecond((look.answered / look.elapsedMs) * 1000);
    return `${label} ${rate} p99 ${milliseconds(look.latency.quantileMs(0.99))}`;
  });
  return [doneOf(elapsedMs, totalMs), ...parts].join("  ");
}

function doneOf(elapsedMs: number, totalMs: number | undefined): string {
  const seconds = (elapsedMs / 1000).toFixed(0);
  if (totalMs === undefined) return `${seconds} s`;
  const filled = Math.min(BAR, Math.round((BAR * elapsedMs) / totalMs));
  return `${"█".repeat(filled).padEnd(BAR, "░")} ${seconds}/${(totalMs / 1000).toFixed(0)} s`;
}

export function lineOf({ label, look, elapsedMs, totalMs }: Progress): string {
  const seconds = look.elapsedMs / 1000 || 1;
  const failed = [...look.failures.values()].reduce((sum, count) => sum + count, 0);
  return [
    label,
    doneOf(elapsedMs, totalMs),
    perSecond(look.answered / seconds),
    `p50 ${milliseconds(look.latency.quantileMs(0.5))}`,
    `p99 ${milliseconds(look.latency.quantileMs(0.99))}`,
    `${whole(look.inFlight)} in flight`,
    ...(failed > 0 ? [`${whole(failed)} failed`] : []),
    ...(look.late > 0 ? [`${percent(look.late / Math.max(1, look.sent))} late`] : []),
  ].join("  ");
}
