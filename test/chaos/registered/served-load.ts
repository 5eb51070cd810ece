/**
 * Clients of a registered model that changes under them, by gRPC and by HTTP, of which some insist on an
 * artifact. What each of them saw is held against what the registry had acknowledged when it asked.
 */
import type { AddingVersion } from "./adding-versions.ts";
import { type Asker, type Computed, GrpcAsker, HttpAsker, type Wish } from "./askers.ts";

export interface ServedLoadOptions {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly model: string;
  readonly clients: number;
  /** What clients insist on that insist on something; absent: none does. */
  readonly pinned?: AddingVersion;
}

const CONNECTIONS = 4;
const MOST_TROUBLES = 100;
/** Between two requests of a client. */
const PAUSE_MS = 20;

export class ServedLoad {
  /** Answers to those who insist on nothing. */
  unpinned = 0;
  pinned = 0;
  /** Answers to those who insist on a version until it leaves. */
  loyal = 0;
  readonly failed: string[] = [];
  /** Answers of a version after it was acknowledged that it gives none. */
  readonly late: string[] = [];
  /** Answers that are not what their version computes, or not of the artifact that was asked for. */
  readonly wrong: string[] = [];
  /** Of unpinned answers. */
  readonly byVersion = new Map<string, number>();
  readonly #options: ServedLoadOptions;
  readonly #grpc: readonly Asker[];
  readonly #http: readonly Asker[];
  readonly #known = new Map<string, AddingVersion>();
  /** Which versions `production` may lead to, one after the other; the last counts now. */
  readonly #allowed: (readonly string[])[] = [];
  readonly #leaving = new Set<string>();
  readonly #gone = new Set<string>();
  #loyalTo: AddingVersion | undefined;
  #loops: Promise<void>[] = [];
  #stopped = false;
  #next = 0;

  constructor(options: ServedLoadOptions) {
    this.#options = options;
    const { grpcPort, httpPort, pinned } = options;
    this.#grpc = Array.from({ length: CONNECTIONS }, () => new GrpcAsker(grpcPort));
    this.#http = Array.from({ length: CONNECTIONS }, () => new HttpAsker(httpPort));
    if (pinned !== undefined) this.knows(pinned);
  }

  /** From now on an answer of this version may be held against what it computes. */
  knows(version: AddingVersion): void {
    this.#known.set(version.version, version);
  }

  /** Whoever asks for `production` from now on gets one of these. */
  allow(...versions: readonly string[]): void {
    this.#allowed.push(versions);
  }

  /** Some clients insist on its artifact, however soon it leaves. */
  loyalTo(version: AddingVersion): void {
    this.#loyalTo = version;
  }

  /** It is about to be retired: whoever insists on it may be told so from now on. */
  retiring(version: string): void {
    this.#leaving.add(version);
  }

  /** Its retirement was acknowledged: no answer of it may come any more. */
  async retired(version: string): Promise<void> {
    await everythingReceived();
    this.#gone.add(version);
  }

  start(): void {
    this.#loops = Array.from({ length: this.#options.clients }, (_, client) => this.#loop(client));
  }

  /** So many answers more to those who insist on nothing. @returns how many there were */
  async more(answers: number): Promise<number> {
    const before = this.unpinned;
    while (this.unpinned < before + answers && this.failed.length < MOST_TROUBLES) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return this.unpinned - before;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const asker of [...this.#grpc, ...this.#http]) asker.close();
  }

  /** The first few of each kind, for a message; undefined: there are none. */
  troubles(): string | undefined {
    const { failed, late, wrong } = this;
    const told = Object.entries({ failed, late, wrong })
      .filter(([, found]) => found.length > 0)
      .map(
        ([kind, found]) => `${found.length} ${kind}: ${[...new Set(found)].slice(0, 5).join("; ")}`,
      );
    return told.length === 0 ? undefined : told.join("\n");
  }

  async #loop(client: number): Promise<void> {
    const askers = client % 2 === 0 ? this.#grpc : this.#http;
    const asker = askers[Math.floor(client / 2) % CONNECTIONS];
    while (!this.#stopped && asker) {
      const before = this.failed.length;
      await this.#ask(asker, this.#wishOf(client));
      // A refused client does not spin, and the others leave the gateway some of a busy machine.
      const pauseMs = this.failed.length > before ? 50 : PAUSE_MS;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /**
   * Of eight clients, four by each protocol, two name nothing, two an alias, and four insist on an artifact: two on
   * one that stays, two on one that leaves.
   */
  #wishOf(client: number): Wish {
    const pair = Math.floor(client / 2) % 4;
    const { pinned } = this.#options;
    if (pair === 3 && pinned !== undefined) {
      return { digest: pinned.digest, byHeader: Math.floor(client / 8) % 2 === 0 };
    }
    if (pair === 2 && this.#loyalTo !== undefined) return { digest: this.#loyalTo.digest };
    return pair === 1 ? { alias: "production" } : {};
  }

  async #ask(asker: Asker, wish: Wish): Promise<void> {
    const first = this.#next++ % 10_000;
    const since = this.#allowed.length - 1;
    try {
      this.#judge(await asker.ask(this.#options.model, first, wish), first, wish, since);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      if (!this.#isTold(wish, message)) this.failed.push(message);
    }
  }

  /** Whoever insists on what leaves is told so: no failure. */
  #isTold({ digest }: Wish, message: string): boolean {
    const leaving = [...this.#leaving].some(
      (version) => this.#known.get(version)?.digest === digest,
    );
    return leaving && message.includes("retired");
  }

  /** @param since what was allowed when it was asked */
  #judge({ version, artifact, values }: Computed, first: number, wish: Wish, since: number): void {
    const known = this.#known.get(version);
    const added = known?.added ?? Number.NaN;
    if (values.length !== 2 || values[0] !== first + added || values[1] !== added - first) {
      this.wrong.push(`version ${version}: ${values.join()} for ${first}`);
    }
    if (artifact !== known?.digest) this.wrong.push(`version ${version} by artifact ${artifact}`);
    if (this.#gone.has(version)) {
      this.late.push(`an answer of version ${version} came after its retirement`);
    }
    if (wish.digest !== undefined) {
      if (wish.digest === this.#options.pinned?.digest) this.pinned += 1;
      else this.loyal += 1;
      if (artifact !== wish.digest) this.wrong.push(`artifact ${artifact} for ${wish.digest}`);
      return;
    }
    this.unpinned += 1;
    this.byVersion.set(version, (this.byVersion.get(version) ?? 0) + 1);
    if (!this.#allowed.slice(since).some((versions) => versions.includes(version))) {
      const allowed = this.#allowed[since]?.join(" or ");
      this.late.push(`version ${version} answered what was sent when ${allowed} was to answer`);
    }
  }
}

/** What had arrived at this process' sockets by now was looked at: a few rounds of the event loop later. */
async function everythingReceived(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
