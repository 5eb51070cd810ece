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

  constructor(call: InferCall, usage: TenantUsage, metered: Metered) {
    super(call);
    this.#usage = usage;
    this.#metered = metered;
    usage.hold(metered.bytes);
    call.onCancel = () => {
      this.#letGo();
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
    if (final) this.#letGo();
    super.respond(response, final);
  }

  override fail(error: StatusError): void {
    const { rows, bytes, bundled } = this.#metered;
    // What never came to a device was not served.
    if (!this.#over && (bundled || this.timeline.dispatched === 0)) {
      this.#usage.takeBack(rows, bytes);
    }
    this.#letGo();
    super.fail(error);
  }

  #letGo(): void {
    if (this.#over) return;
    this.#over = true;
    this.#usage.letGo(this.#metered.bytes);
  }
}
