/** A model whose answers are kept: an equal request is answered without an execution. */
import type { Clock } from "../clock.ts";
import type { Tenant } from "../inference/caller.ts";
import { ForwardingCall } from "../inference/forwarding-call.ts";
import type { Account } from "../inference/outcome.ts";
import { joinPieces, onePiece } from "../inference/pieces.ts";
import type {
  InferCall,
  InferRequest,
  InferResponse,
  ModelSignature,
  Parameters,
} from "../inference/request.ts";
import { outputBytes } from "../inference/request-bytes.ts";
import { parseWish } from "../policy/routing/wish.ts";
import type { Pool } from "../pool/pool.ts";
import type { CacheOwner, KeptAnswer, ResponseCache } from "./response-cache.ts";
import { cacheKey } from "./response-cache-key.ts";
import type { Served } from "./served.ts";

export interface CachedModelParts {
  /** What answers where the cache can't. */
  readonly model: Served;
  readonly cache: ResponseCache;
  /** The model is made of others. */
  readonly composed: boolean;
  readonly account: Account;
  readonly clock: Clock;
}

let loads = 0;

/** What answers from the cache tell, by what the answers that were kept told. */
const cached = new WeakMap<Parameters, Parameters>();

function fromCache(told: Parameters): Parameters {
  let parameters = cached.get(told);
  if (parameters === undefined) {
    parameters = new Map([...told, ["beamgate_cached", { type: "bool", value: true }]]);
    cached.set(told, parameters);
  }
  return parameters;
}

export class CachedModel implements Served, CacheOwner {
  readonly composed: boolean;
  readonly #model: Served;
  readonly #cache: ResponseCache;
  readonly #account: Account;
  readonly #clock: Clock;
  readonly #number = ++loads;

  constructor({ model, cache, composed, account, clock }: CachedModelParts) {
    this.#model = model;
    this.#cache = cache;
    this.composed = composed;
    this.#account = account;
    this.#clock = clock;
  }

  get signature(): ModelSignature {
    return this.#model.signature;
  }

  get inFlight(): number {
    return this.#model.inFlight;
  }

  rowsByTenant() {
    return this.#model.rowsByTenant?.() ?? [];
  }

  waitMsOf(tenant: Tenant): number {
    return this.#model.waitMsOf?.(tenant) ?? 0;
  }

  get secondsAhead(): number | undefined {
    return this.#model.secondsAhead;
  }

  get trouble(): string | undefined {
    return this.#model.trouble;
  }

  get instances(): Served["instances"] {
    return this.#model.instances;
  }

  get honoursWishes(): boolean {
    return this.#model.honoursWishes === true;
  }

  get absent(): NonNullable<Served["absent"]> {
    return this.#model.absent ?? [];
  }

  poolOf(variant: string): Pool | undefined {
    return this.#model.poolOf?.(variant);
  }

  submit(asked: InferRequest, call: InferCall): void {
    // Whoever insists on an artifact wants its answer, not one that was kept of another.
    if (parseWish(asked.parameters, call.headers) !== undefined) {
      this.#model.submit(asked, call);
      return;
    }
    const start = this.#clock.now();
    const request = ownBytes(asked);
    const key = cacheKey(this.#number, request);
    const kept = this.#cache.get(key);
    if (kept !== undefined) {
      this.#hit(request, call, kept, start);
      return;
    }
    const lookupMs = this.#clock.now() - start;
    const keep = (response: InferResponse) => this.#keep(key, response, lookupMs);
    this.#model.submit(request, new KeepingCall(call, keep));
  }

  drain(): Promise<void> {
    return this.#model.drain();
  }

  async close(): Promise<void> {
    await this.#model.close();
    this.#cache.forget(this);
  }

  #hit(
    request: InferRequest,
    call: InferCall,
    { outputs, parameters: told }: KeptAnswer,
    start: number,
  ): void {
    const { name: model, version } = this.signature;
    const { timeline, trace } = call;
    timeline.queued = start;
    timeline.dispatched = this.#clock.now();
    const parameters = told && fromCache(told);
    call.respond({ model, version, id: request.id, outputs, parameters }, true);
    call.story?.noted("an equal request was answered before: from the response cache");
    call.story?.answered(parameters);
    timeline.answered = this.#clock.now();
    this.#account.request({
      signature: this.signature,
      rows: request.rows,
      timeline,
      failure: undefined,
      execution: undefined,
      cache: { hit: true, tookUs: (timeline.dispatched - start) * 1000 },
      trace,
      caller: call.caller,
      onBehalf: call.onBehalf,
      request,
      bytesOut: outputBytes(outputs),
    });
  }

  #keep(key: string, { outputs, parameters }: InferResponse, lookupMs: number): void {
    const start = this.#clock.now();
    this.#cache.put(key, this, { outputs, parameters });
    this.#account.cacheMiss(this.signature, (lookupMs + this.#clock.now() - start) * 1000);
  }
}

/** Keeps the answer before it goes on. A failure is not kept. */
class KeepingCall extends ForwardingCall {
  readonly #keep: (response: InferResponse) => void;

  constructor(call: InferCall, keep: (response: InferResponse) => void) {
    super(call);
    this.#keep = keep;
  }

  override respond(response: InferResponse, final: boolean): void {
    this.#keep(response);
    super.respond(response, final);
  }
}

/**
 * With its bytes in memory of the server: what is shared with the client could
 * change between the hash and the execution, and spoil the cache for others.
 */
function ownBytes(request: InferRequest): InferRequest {
  if (request.inputs.every(({ data }) => data.source === undefined)) return request;
  const inputs = request.inputs.map((input) =>
    input.data.source ? { ...input, data: onePiece(joinPieces(input.data)) } : input,
  );
  return { ...request, inputs };
}
