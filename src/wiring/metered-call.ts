/** The call of a request that counts against a quota: lets go of its bytes when it ends, however it does. */
import type { StatusError } from "../errors.ts";
import { ForwardingCall } from "../inference/forwarding-call.ts";
import type { InferCall, InferResponse } from "../inference/request.ts";
import type { TenantUsage } from "../policy/admission/tenant-usage.ts";

export interface Metered {
  readonly rows: number;
  readonly bytes: number;
  /** Several requests as one: where it fails each goes on its own, and counts then. */
  readonly bundled: boolean;
}

export class MeteredCall extends ForwardingCall {
  readonly #usage: TenantUsage;
  readonly #metered: Metered;
  #notify: (() => void) | undefined = undefined;
  #over = false;

  readonly #now: () => number;

  /** @param now monotonic ms */
  constructor(call: InferCall, usage: TenantUsage, metered: Metered, now: () => number) {
    super(call);
    this.#usage = usage;
    this.#metered = metered;
    this.#now = now;
    usage.hold(metered.rows, metered.bytes, now());
    call.onCancel = () => {
      this.#letGo(false);
      this.#notify?.();
    };
  }

  override get onCancel(): (() => void) | undefined {
    return this.#notify;
  }

  override set onCancel(notify: (() => void) | undefined) {
    this.#notify = notify;
  }

  override respond(response: InferResponse, final: boolean): void {
    if (final) this.#letGo(true);
    super.respond(response, final);
  }

  override fail(error: StatusError): void {
    const { rows, bytes, bundled } = this.#metered;
    // What never came to a device was not served.
    if (!this.#over && (bundled || this.timeline.dispatched === 0)) {
      this.#usage.takeBack(rows, bytes);
    }
    this.#letGo(false);
    super.fail(error);
  }

  #letGo(served: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const { rows, bytes } = this.#metered;
    this.#usage.letGo(rows, bytes, served, this.#now());
  }
}
