/**
 * Counters of all gateways that share a Redis, those that are gone included. A beat exchanges them: it puts its own
 * there and takes what the others put. What is shown is always what the last exchange found, so that all gateways show
 * states of one history: whoever asks one and then another never sees less, because a question is answered after an
 * exchange that began later than it.
 *
 * Nobody waits for Redis: a question waits for the beat, which ends within the command's timeout whether Redis answers
 * or not, and not at all where Redis is known to be away. Then everything that is shown stands still.
 */
import type { Link } from "./link.ts";

/** A set of counters that only grow. */
export interface CountsEntry {
  /** Same as in the set of another gateway: they belong together. */
  readonly name: string;
  /** Changes whenever the counters do. */
  readonly mark: string;
  /** What is sent; called for those whose mark changed. */
  write(): string;
}

export interface SharedCountsParts {
  readonly link: Pick<Link, "script" | "key" | "state">;
  /** Of this process. */
  readonly id: string;
  /** All of this gateway. */
  own(): Iterable<CountsEntry>;
  /** Monotonic ms. */
  now(): number;
}

interface Known {
  readonly revision: number;
  readonly text: string;
}

/** Time between two exchanges that nobody asked for, ms. */
const IDLE_MS = 250;
/** Everybody has come again, ms after it was noticed that Redis had lost something or was away. */
const TOLD_AGAIN_MS = 2 * IDLE_MS;
/** Time between two looks at everything, for what a replica had not heard of, ms. */
const WHOLE_MS = 15_000;
/** After the last gateway has gone, ms. */
const KEPT_MS = 86_400_000;

const isCount = (number: number) => Number.isSafeInteger(number) && number >= 0;

export class SharedCounts {
  readonly #parts: SharedCountsParts;
  readonly #marks = new Map<string, string>();
  /** By full name; Redis may not have it yet. */
  readonly #own = new Map<string, Known>();
  /** By full name, own sets included: as all gateways know them. */
  readonly #known = new Map<string, Known>();
  /** By name: full names. */
  readonly #byName = new Map<string, string[]>();
  /** Full names of what Redis may not have. */
  readonly #missing = new Set<string>();
  #waiting: (() => void)[] = [];
  #revision = 0;
  #birth = "";
  #change = 0;
  #met = false;
  /** The last exchange failed. */
  #lost = false;
  #exchangedAt = Number.NEGATIVE_INFINITY;
  #wholeAt = Number.NEGATIVE_INFINITY;
  /** Until then others may lack what this gateway knows, or not have told it again. */
  #doubtUntil = Number.NEGATIVE_INFINITY;

  constructor(parts: SharedCountsParts) {
    this.#parts = parts;
  }

  /** Of all gateways, this one's as it was last exchanged; undefined: Redis was never met. */
  of(name: string): readonly string[] | undefined {
    if (!this.#met) return undefined;
    return (this.#byName.get(name) ?? []).map((full) => this.#known.get(full)?.text ?? "");
  }

  /** Resolves when `of` shows what was counted before now, as far as Redis answers. Never rejects. */
  asOfNow(): Promise<void> {
    if (this.#parts.link.state !== "up") return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** To be called often, one after the other; exchanges when somebody asked, or when it is time. Never rejects. */
  async beat(): Promise<void> {
    const { link, now } = this.#parts;
    const due = now() - this.#exchangedAt >= IDLE_MS;
    const lacking = this.#missing.size > 0 && link.state === "up";
    if (!due && !lacking && this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    await this.exchange();
    // Those go with a later beat, which knows what everybody told again.
    if (link.state === "up" && now() < this.#doubtUntil) this.#waiting.unshift(...waiting);
    else for (const answer of waiting) answer();
  }

  /** Never rejects. */
  async exchange(): Promise<void> {
    const { link, now } = this.#parts;
    this.#exchangedAt = now();
    const whole = now() - this.#wholeAt >= WHOLE_MS;
    if (whole) this.#wholeAt = now();
    const sent = this.#toSend();
    const keys = ["counts-state", "counts", "counts-changes"].map((name) => link.key(name));
    const words = [...sent].flatMap(([full, { revision, text }]) => [full, `${revision} ${text}`]);
    const about: (string | number)[] = [whole ? "" : this.#birth, this.#change, KEPT_MS];
    const told = await link.script("shareCounts", ...keys, ...about, ...words).catch(() => []);
    if (!Array.isArray(told) || told.length < 2 || !isCount(Number(told[1]))) {
      this.#lost = this.#met;
      return;
    }
    const [birth, change, ...texts] = told.map(String) as [string, string, ...string[]];
    for (const [full, known] of sent) this.#learn(full, known);
    for (const full of sent.keys()) this.#missing.delete(full);
    const heard = new Set<string>();
    for (let at = 0; at + 1 < texts.length; at += 2) {
      const [full = "", text = ""] = [texts[at], texts[at + 1]];
      const space = text.indexOf(" ");
      const revision = Number(text.slice(0, space));
      // No gateway wrote this.
      if (space < 1 || !isCount(revision)) continue;
      heard.add(full);
      this.#learn(full, { revision, text: text.slice(space + 1) });
      if (revision < (this.#known.get(full)?.revision ?? 0)) this.#missing.add(full);
    }
    const reborn = birth !== this.#birth;
    if (reborn || whole) {
      for (const full of this.#known.keys()) if (!heard.has(full)) this.#missing.add(full);
    }
    if (this.#lost || (reborn && this.#met)) this.#doubtUntil = now() + TOLD_AGAIN_MS;
    this.#lost = false;
    this.#birth = birth;
    this.#change = Number(change);
    this.#met = true;
  }

  /** What changed of the own, and what Redis may not have. */
  #toSend(): Map<string, Known> {
    this.#revision += 1;
    for (const entry of this.#parts.own()) {
      if (this.#marks.get(entry.name) === entry.mark) continue;
      this.#marks.set(entry.name, entry.mark);
      const full = `${this.#parts.id}\n${entry.name}`;
      this.#own.set(full, { revision: this.#revision, text: entry.write() });
      this.#missing.add(full);
    }
    const sent = new Map<string, Known>();
    for (const full of this.#missing) {
      const newest = this.#own.get(full) ?? this.#known.get(full);
      if (newest !== undefined) sent.set(full, newest);
    }
    return sent;
  }

  #learn(full: string, known: Known): void {
    const before = this.#known.get(full);
    if (before !== undefined && before.revision >= known.revision) return;
    this.#known.set(full, known);
    if (before !== undefined) return;
    const name = full.slice(full.indexOf("\n") + 1);
    const all = this.#byName.get(name);
    if (all === undefined) this.#byName.set(name, [full]);
    else all.push(full);
  }
}
