/**
 * Two versions of a model that take turns under load: one is made ready, promoted, and the other retired. What
 * every client saw is checked against what the registry had acknowledged by then.
 */
import { ADDING_CONFIG, addingGraph, anArtifact, type FakeCatalog, rowOf } from "./fake-catalog.ts";
import { InferClient } from "./infer-client.ts";
import { encodeQuestion, type InferAnswer } from "./infer-messages.ts";
import { startRegistryGateway } from "./registry-gateway.ts";

const MODEL = "taker";
/** What each version adds to its row; version 3 is for those who are pinned to it. */
const ADDED: Readonly<Record<string, number>> = { "1": 1, "2": 20, "3": 300 };
const PINNED = "3";
/**
 * Requests for the two that are swapped lie in the queue for so long, so that some always do when one is
 * retired; those for version 3 do not, and tell at once what has arrived before them.
 */
const QUEUED_US = 60_000;
const CONNECTIONS = 8;

export interface SwapPlan {
  readonly swaps: number;
  readonly clients: number;
  /** Answers to unpinned clients between one swap and the next. */
  readonly between: number;
}

export interface SwapFacts {
  /** Answers to those who insist on nothing. */
  readonly unpinned: number;
  readonly pinned: number;
  readonly swaps: number;
  /** The least between two swaps. */
  readonly fewestBetween: number;
  readonly failed: readonly string[];
  /** Answers of a version after its retirement was acknowledged. */
  readonly late: readonly string[];
  /** Answers that are not what their version computes, or not of the artifact that was asked for. */
  readonly wrong: readonly string[];
  /** Of unpinned answers, by version. */
  readonly byVersion: Readonly<Record<string, number>>;
}

export async function swapUnderLoad(plan: SwapPlan): Promise<SwapFacts> {
  const gateway = await startRegistryGateway(fill);
  const { catalog, serving } = gateway;
  const load = new SwapLoad(gateway.grpcPort, digestsOf(catalog), plan.clients);
  let fewestBetween = Number.POSITIVE_INFINITY;
  try {
    load.start();
    let [now, next] = ["1", "2"];
    for (let swap = 0; swap < plan.swaps; swap += 1) {
      const before = load.unpinned;
      await load.until(before + plan.between);
      fewestBetween = Math.min(fewestBetween, load.unpinned - before);
      load.gone.delete(next);
      catalog.state(MODEL, next, "ready");
      // Every other time step by step, as an operator does it; else all at once.
      if (swap % 2 === 0) {
        await serving.follow([MODEL]);
        catalog.alias(MODEL, "production", { version: next });
        await serving.promoted(MODEL, "production", next);
      }
      catalog.alias(MODEL, "production", { version: next });
      catalog.state(MODEL, now, "retired", undefined, "swapped");
      await serving.retired(MODEL, now);
      const acknowledged = now;
      load.sentAfterOnly.add(acknowledged);
      // What the gateway wrote before it acknowledged has arrived when a later answer on the connection has.
      await load.barrier();
      load.sentAfterOnly.delete(acknowledged);
      load.gone.add(acknowledged);
      [now, next] = [next, now];
    }
    await load.until(load.unpinned + plan.between);
  } finally {
    await load.stop();
    await gateway.stop();
  }
  const { unpinned, pinned, failed, late, wrong } = load;
  const byVersion = Object.fromEntries(load.byVersion);
  return { unpinned, pinned, swaps: plan.swaps, fewestBetween, failed, late, wrong, byVersion };
}

function fill(catalog: FakeCatalog): void {
  for (const [version, added] of Object.entries(ADDED)) {
    const digest = catalog.put(addingGraph(added));
    const state = version === "2" ? "verified" : "ready";
    const delay = version === PINNED ? 0 : QUEUED_US;
    const batching = { preferred_batch_size: [32], max_queue_delay_microseconds: String(delay) };
    catalog.set(MODEL, version, {
      config: { ...ADDING_CONFIG, dynamic_batching: batching },
      artifacts: [anArtifact({ digest, state })],
    });
  }
  catalog.alias(MODEL, "production", { version: "1" });
}

function digestsOf(catalog: FakeCatalog): ReadonlyMap<string, string> {
  const versions = Object.values(catalog.model(MODEL).versions);
  return new Map(versions.map(({ version, artifacts }) => [version, artifacts[0]?.digest ?? ""]));
}

/** One of those that insist on version 3. */
const PINNED_CLIENT = 6;

class SwapLoad {
  unpinned = 0;
  pinned = 0;
  readonly failed: string[] = [];
  readonly late: string[] = [];
  readonly wrong: string[] = [];
  readonly byVersion = new Map<string, number>();
  /** Versions that must not answer any more. */
  readonly gone = new Set<string>();
  /** Versions that must not answer what is sent from now on. */
  readonly sentAfterOnly = new Set<string>();
  readonly #digests: ReadonlyMap<string, string>;
  readonly #connections: readonly InferClient[];
  readonly #clients: number;
  #loops: Promise<void>[] = [];
  #stopped = false;
  #next = 0;

  constructor(port: number, digests: ReadonlyMap<string, string>, clients: number) {
    this.#digests = digests;
    this.#clients = clients;
    this.#connections = Array.from({ length: CONNECTIONS }, () => new InferClient(port));
  }

  start(): void {
    this.#loops = Array.from({ length: this.#clients }, (_, client) => this.#loop(client));
  }

  async until(unpinned: number): Promise<void> {
    while (this.unpinned < unpinned && this.failed.length < 100) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Resolves when a request that is sent now was answered on every connection. */
  async barrier(): Promise<void> {
    const forbidden = new Set(this.sentAfterOnly);
    await Promise.all(
      this.#connections.map((connection) => this.#ask(connection, PINNED_CLIENT, forbidden)),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const connection of this.#connections) connection.close();
  }

  async #loop(client: number): Promise<void> {
    const connection = this.#connections[client % CONNECTIONS];
    while (!this.#stopped && connection) {
      await this.#ask(connection, client, new Set([...this.sentAfterOnly, ...this.gone]));
    }
  }

  /**
   * Clients 0 to 3 of each eight name no version, 4 and 5 the alias, 6 and 7 insist on an artifact.
   * @param forbidden versions that were retired when this is sent
   */
  async #ask(connection: InferClient, client: number, forbidden: ReadonlySet<string>) {
    const first = this.#next++ % 10_000;
    const kind = client % 8;
    const pin = kind >= 6 ? this.#digests.get(PINNED) : undefined;
    const byHeader = kind === 7;
    const question = encodeQuestion({
      model: MODEL,
      version: kind === 4 || kind === 5 ? "production" : "",
      texts: pin === undefined || byHeader ? {} : { beamgate_digest: pin },
      inputs: [{ name: "x", datatype: "FP32", shape: [1, 2], data: rowOf(first) }],
    });
    try {
      const headers = pin !== undefined && byHeader ? { "beamgate-digest": pin } : {};
      const answer = await connection.infer(question, 30_000, headers);
      this.#check(answer, first, pin);
      const { version } = answer;
      if (forbidden.has(version) && !this.#reactivated(version)) {
        this.late.push(`version ${version} answered what was sent after its retirement`);
      } else if (this.gone.has(version)) {
        this.late.push(`an answer of version ${version} came after its retirement`);
      }
    } catch (thrown) {
      this.failed.push(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  /** It was made ready again while the request was under way. */
  #reactivated(version: string): boolean {
    return !this.gone.has(version) && !this.sentAfterOnly.has(version);
  }

  #check({ version, outputs, texts }: InferAnswer, first: number, pin: string | undefined): void {
    const added = ADDED[version] ?? Number.NaN;
    const expected = Buffer.from(Float32Array.of(first + added, added - first).buffer);
    const got = outputs.get("y");
    const artifact = texts.get("beamgate_artifact");
    if (got === undefined || !expected.equals(got)) {
      this.wrong.push(`version ${version}: other values for ${first}`);
    }
    if (artifact !== this.#digests.get(version)) {
      this.wrong.push(`version ${version} by artifact ${artifact}`);
    }
    if (pin === undefined) {
      if (version === PINNED) this.wrong.push(`version ${version} without a pin`);
      this.unpinned += 1;
      this.byVersion.set(version, (this.byVersion.get(version) ?? 0) + 1);
      return;
    }
    this.pinned += 1;
    if (artifact !== pin) this.wrong.push(`artifact ${artifact} instead of the pinned ${pin}`);
  }
}
