/**
 * A model that several variants serve: each has a scheduler and devices of its own, and a request
 * goes to the one that the router chooses. What fails on one goes once to another, within its numeric
 * class unless the model allows more, and within its deadline.
 *
 *                  ┌ scheduler → U50s
 *   submit → router┼ scheduler → Intel boards    an execution failed → chooseFailover → another
 *                  └ scheduler → CPUs
 */
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import type { Tenant } from "../inference/caller.ts";
import { ForwardingCall } from "../inference/forwarding-call.ts";
import type { InferCall, InferRequest, ModelSignature } from "../inference/request.ts";
import { chooseFailover } from "../policy/routing/failover.ts";
import type { Choice, Router } from "../policy/routing/router.ts";
import type { AbsentVariant } from "../policy/routing/variant-view.ts";
import { snapshot } from "../policy/routing/views-in-words.ts";
import { type ClientWish, parseWish } from "../policy/routing/wish.ts";
import type { Pool } from "../pool/pool.ts";
import type { Branch } from "./branch.ts";
import type { Rescue } from "./rescuer.ts";
import type { Served } from "./served.ts";

export interface RoutedModelParts {
  readonly signature: ModelSignature;
  readonly router: Router;
  /** A request may get the answer of another numeric class rather than none. */
  readonly failOverToAnyClass: boolean;
  readonly clock: Clock;
  /** Variants that could not even be tried here. */
  readonly absent?: readonly AbsentVariant[];
  /** Told of every request that went from one variant to another. */
  failedOver(from: string, to: string): void;
  /** The variants, in order of preference; `rescue` is for their schedulers. */
  branches(rescueOf: (variant: string) => Rescue): readonly Branch[];
}

export class RoutedModel implements Served {
  readonly signature: ModelSignature;
  readonly honoursWishes = true;
  readonly #branches: Branch[];
  readonly #absent: AbsentVariant[];
  readonly #parts: RoutedModelParts;

  constructor(parts: RoutedModelParts) {
    this.signature = parts.signature;
    this.#parts = parts;
    this.#absent = [...(parts.absent ?? [])];
    this.#branches = [
      ...parts.branches((from) => (request, call, error) => {
        return call instanceof RoutedCall && this.#rescue(from, request, call, error);
      }),
    ];
  }

  get branches(): readonly Branch[] {
    return this.#branches;
  }

  get absent(): readonly AbsentVariant[] {
    return this.#absent;
  }

  /** A variant that cannot serve leaves before the first request comes. @param reason for those who ask for it */
  async drop(branch: Branch, reason: string): Promise<void> {
    this.#branches.splice(this.#branches.indexOf(branch), 1);
    const { name, vendor, platform, numericClass, digest } = branch;
    this.#absent.push({ name, vendor, platform, numericClass, digest, reason });
    await branch.close();
  }

  get bundleRows(): number {
    return Math.min(...this.branches.map(({ scheduler }) => scheduler.bundleRows));
  }

  get trouble(): string | undefined {
    const troubles = this.branches.map((branch) => branch.trouble);
    if (troubles.some((trouble) => trouble === undefined)) return undefined;
    return this.branches.map(({ name }, at) => `${name}: ${troubles[at]}`).join("; ");
  }

  get instances() {
    return this.branches.flatMap(({ scheduler }) => scheduler.instances);
  }

  poolOf(variant: string): Pool | undefined {
    return this.branches.find(({ name }) => name === variant)?.scheduler.pool;
  }

  *rowsByTenant(): Generator<readonly [tenant: string, rows: number], void> {
    for (const { scheduler } of this.branches) yield* scheduler.rowsByTenant();
  }

  /** Of the variant where it is longest. */
  waitMsOf(tenant: Tenant): number {
    return Math.max(0, ...this.branches.map(({ scheduler }) => scheduler.waitMsOf(tenant)));
  }

  /** Where it would wait least. */
  get secondsAhead(): number | undefined {
    const each = this.branches.map(({ scheduler }) => scheduler.secondsAhead ?? Number.NaN);
    const known = each.filter((seconds) => !Number.isNaN(seconds));
    return known.length === 0 ? undefined : Math.min(...known);
  }

  get inFlight(): number {
    return this.branches.reduce((sum, { scheduler }) => sum + scheduler.inFlight, 0);
  }

  submit(request: InferRequest, call: InferCall): void {
    const wish = parseWish(request.parameters, call.headers);
    const { router } = this.#parts;
    const { rows } = request;
    const branch = this.#chosen(router.choose(this.#branches, rows, wish, this.#absent));
    if (branch instanceof StatusError) throw branch;
    call.story?.routed({
      variant: branch.name,
      why: router.why(this.branches, rows, wish, branch),
      wish: wish && { ...wish },
      candidates: snapshot(this.branches, rows),
    });
    branch.scheduler.submit(request, new RoutedCall(call, wish));
  }

  #rescue(from: string, request: InferRequest, call: RoutedCall, error: unknown): boolean {
    const failed = this.branches.find(({ name }) => name === from);
    if (failed === undefined || call.failedOver) return false;
    const branch = this.#chosen(
      chooseFailover(this.branches, [from], request.rows, {
        sameClassAs: failed.numericClass,
        anyClass: this.#parts.failOverToAnyClass,
        timeLeftMs: call.deadline - this.#parts.clock.now(),
        wish: call.wish,
      }),
    );
    if (branch instanceof StatusError) return false;
    try {
      branch.scheduler.submit(request, call);
    } catch {
      return false; // its queue is full, or it is being unloaded
    }
    call.story?.noted(`it went on from variant "${from}" to "${branch.name}": ${whyMoved(error)}`);
    // One that only waited may still fail once.
    if (error !== undefined) call.failedOver = true;
    this.#parts.failedOver(from, branch.name);
    return true;
  }

  #chosen(choice: Choice): Branch | StatusError {
    if (typeof choice !== "number") {
      const text = `model '${this.signature.name}': ${choice.message}`;
      return new StatusError(choice.code, text);
    }
    const branch = this.branches[choice];
    if (branch === undefined) throw new RangeError(`no variant ${choice}`);
    return branch;
  }

  async drain(): Promise<void> {
    await Promise.all(this.branches.map(({ scheduler }) => scheduler.drain()));
  }

  async close(): Promise<void> {
    await Promise.all(this.branches.map((branch) => branch.close()));
  }
}

function whyMoved(error: unknown): string {
  if (error === undefined) return "nothing serves there any more";
  return error instanceof Error ? error.message : String(error);
}

/** A request on its way through the variants. */
class RoutedCall extends ForwardingCall {
  readonly wish: ClientWish | undefined;
  /** It has been executed in vain once. */
  failedOver = false;

  constructor(call: InferCall, wish: ClientWish | undefined) {
    super(call);
    this.wish = wish;
  }
}
