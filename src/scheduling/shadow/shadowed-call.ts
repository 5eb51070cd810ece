/** The call of a request that is among the samples: its client is answered first. */
import { ForwardingCall } from "../../inference/forwarding-call.ts";
import type { InferCall, InferResponse } from "../../inference/request.ts";

export class ShadowedCall extends ForwardingCall {
  readonly #answered: (response: InferResponse) => void;

  /** @param answered told of the answer when it has been sent; valid only during the call. Must not throw */
  constructor(call: InferCall, answered: (response: InferResponse) => void) {
    super(call);
    this.#answered = answered;
  }

  override respond(response: InferResponse, final: boolean): void {
    super.respond(response, final);
    if (final) this.#answered(response);
  }
}
