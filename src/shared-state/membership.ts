/** Every gateway announces itself, and each keeps a list of all: a snapshot that a timer renews. */
import type { GatewayFacts } from "../inference/gateway-report.ts";
import { afterList, afterOutage, type Members } from "../policy/membership/members.ts";
import type { Link } from "./link.ts";

export interface MembershipParts {
  readonly link: Pick<Link, "script" | "key">;
  self(): GatewayFacts;
  readonly ttlMs: number;
  /** Monotonic ms. */
  now(): number;
}

/** An id and a version are short; a list of these is no place for novels. */
const MOST_FACTS_CHARS = 2_000;

export class Membership {
  readonly #parts: MembershipParts;
  #members: Members = new Map();
  #listedAt: number;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#listedAt = parts.now();
  }

  /** Itself first, the others by age. As last known while Redis is away. */
  get gateways(): readonly GatewayFacts[] {
    const self = this.#parts.self();
    const others = [...this.#members.values()].flatMap(({ facts }) =>
      facts.id === self.id ? [] : [facts],
    );
    return [self, ...others.toSorted((a, b) => (a.since < b.since ? -1 : 1))];
  }

  /** How many serve, this one included. */
  get live(): number {
    return this.#members.size + (this.#members.has(this.#parts.self().id) ? 0 : 1);
  }

  /** ms since the list was renewed. */
  get ageMs(): number {
    return this.#parts.now() - this.#listedAt;
  }

  /** Never rejects. */
  async announce(): Promise<void> {
    const { link, ttlMs, now } = this.#parts;
    const self = this.#parts.self();
    try {
      const told = await link.script(
        "announce",
        ...this.#keys,
        self.id,
        JSON.stringify(self),
        ttlMs,
      );
      this.#members = afterList(this.#members, readAll(told), now(), ttlMs);
      this.#listedAt = now();
    } catch {
      this.#members = afterOutage(this.#members);
    }
  }

  /** Never rejects. */
  async leave(): Promise<void> {
    await this.#parts.link
      .script("leave", ...this.#keys, this.#parts.self().id)
      .catch(() => undefined);
  }

  get #keys(): readonly [string, string] {
    return [this.#parts.link.key("gateway-deadlines"), this.#parts.link.key("gateways")];
  }
}

function readAll(told: unknown): GatewayFacts[] {
  return (Array.isArray(told) ? told : []).flatMap((text: unknown) => {
    const facts = typeof text === "string" && text.length <= MOST_FACTS_CHARS ? parsed(text) : {};
    const { id, address, version, since } = facts;
    const all = [id, address, version, since];
    if (!all.every((each) => typeof each === "string")) return [];
    return [{ id, address, version, since } as GatewayFacts];
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
