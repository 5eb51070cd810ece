/** How far a registration is, on standard error: lines for what is done, and one line that is written over. */
import type { RegistrationEvent } from "../../registry/catalog/registry.ts";
import type { Io } from "../io.ts";
import { paint } from "../paint.ts";
import { printable } from "../table.ts";
import { colourOf } from "./words.ts";

const MARKS: Readonly<Record<string, string>> = { passed: "✓", failed: "✗", skipped: "-" };
/** Terminals are slow, and nobody reads faster. */
const REDRAW_MS = 100;
const START_OF_LINE = "\r\u001b[K";

export class Progress {
  readonly #io: Io;
  readonly #colour: boolean;
  readonly #now: () => number;
  #drawn = false;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(io: Io, now: () => number = () => performance.now()) {
    this.#io = io;
    this.#colour = io.interactive === true && !io.env["NO_COLOR"];
    this.#now = now;
  }

  /** As the gateway sent it: it may be anything. */
  event(event: unknown): void {
    const { step, check, doneRows, rows } = (event ?? {}) as Partial<RegistrationEvent>;
    if (typeof check === "object" && check !== null) this.check(check);
    else if (step === "gate" && typeof doneRows === "number") {
      const of = typeof rows === "number" ? ` of ${rows}` : "";
      this.now(`gate: ${doneRows}${of} rows`, doneRows === rows);
    } else if (step === "publish") this.now("publishing", true);
  }

  check(check: Partial<NonNullable<RegistrationEvent["check"]>>): void {
    const outcome = String(check.outcome);
    const mark = paint(MARKS[outcome] ?? "?", colourOf(outcome), this.#colour);
    this.line(`${mark} ${printable(`${check.check}: ${check.reason}`)}`);
    if (outcome === "failed" && check.remedy !== undefined) {
      this.line(`  → ${printable(String(check.remedy))}`);
    }
  }

  /** A line that stays. */
  line(text: string): void {
    this.clear();
    this.#io.err(`${text}\n`);
  }

  /** A line that the next one replaces; only on a terminal. @param whole always shown, however soon it comes */
  now(text: string, whole = false): void {
    if (this.#io.interactive !== true) return;
    const now = this.#now();
    if (!whole && now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#drawn = true;
    this.#io.err(START_OF_LINE + printable(text));
  }

  clear(): void {
    if (this.#drawn) this.#io.err(START_OF_LINE);
    this.#drawn = false;
  }
}
