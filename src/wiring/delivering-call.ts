/**
 * The call of a request that wants an output as something else than a tensor in
 * the answer, or that uses memory of its client: converts the answer on its way
 * back, and lets go of the memory when the request is over.
 */
import { StatusError, toStatusError } from "../errors.ts";
import { classify } from "../inference/classification.ts";
import { ForwardingCall } from "../inference/forwarding-call.ts";
import type {
  Delivery,
  InferCall,
  InferRequest,
  InferResponse,
  OutputTensor,
  Parameter,
} from "../inference/request.ts";
import type { SharedBytes } from "../inference/shared-regions.ts";

type Labels = ReadonlyMap<string, readonly string[]>;

const NOTHING = new Uint8Array(0);

/** @returns `call` itself for a request that asks for nothing special. */
export function delivering(
  call: InferCall,
  request: InferRequest,
  labels: Labels | undefined,
): InferCall {
  if (request.deliveries === undefined && request.borrowed === undefined) return call;
  return new DeliveringCall(call, request, labels);
}

class DeliveringCall extends ForwardingCall {
  readonly #batched: boolean;
  readonly #labels: Labels | undefined;
  readonly #deliveries = new Map<string, Delivery>();
  #held: readonly SharedBytes[];
  #over = false;
  #onCancel: (() => void) | undefined;

  constructor(call: InferCall, request: InferRequest, labels: Labels | undefined) {
    super(call);
    const { signature, outputs, deliveries = [], borrowed = [] } = request;
    this.#batched = signature.maxBatchSize > 0;
    this.#labels = labels;
    const held = [...borrowed];
    for (const [k, delivery] of deliveries.entries()) {
      const name = signature.outputs[outputs[k] ?? -1]?.name;
      if (delivery === undefined || name === undefined) continue;
      this.#deliveries.set(name, delivery);
      if (delivery.kind === "shared") held.push(delivery.target);
    }
    for (const bytes of held) bytes.hold(call.connection);
    this.#held = held;
    call.onCancel = () => {
      this.#letGo();
      this.#onCancel?.();
    };
    // Nobody would tell us any more.
    if (call.cancelled) this.#letGo();
  }

  override get onCancel(): (() => void) | undefined {
    return this.#onCancel;
  }

  override set onCancel(notify: (() => void) | undefined) {
    this.#onCancel = notify;
  }

  override respond(response: InferResponse, final: boolean): void {
    if (this.#over) return;
    let outputs: readonly OutputTensor[];
    try {
      outputs = response.outputs.map((output) => this.#deliver(output));
    } catch (thrown) {
      this.fail(toStatusError(thrown));
      return;
    }
    if (final) this.#letGo();
    super.respond({ ...response, outputs }, final);
  }

  override fail(error: StatusError): void {
    if (this.#over) return;
    this.#letGo();
    super.fail(error);
  }

  #deliver(output: OutputTensor): OutputTensor {
    const delivery = this.#deliveries.get(output.name);
    if (delivery === undefined) return output;
    if (delivery.kind === "shared") return intoSharedMemory(output, delivery.target);
    const labels = this.#labels?.get(output.name) ?? [];
    return classify(output, delivery.count, this.#batched, labels);
  }

  #letGo(): void {
    this.#over = true;
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) bytes.release();
  }
}

/** @throws StatusError where it does not fit */
function intoSharedMemory(output: OutputTensor, target: SharedBytes): OutputTensor {
  const { region, offset, byteLength } = target.range;
  const needed = output.data.byteLength;
  if (needed > byteLength) {
    throw new StatusError(
      "INTERNAL",
      `shared memory size specified with the request for output '${output.name}' (${byteLength} bytes) should be at least ${needed} bytes to hold the results`,
    );
  }
  target.write(output.data);
  const parameters = new Map<string, Parameter>([
    ["shared_memory_region", { type: "string", value: region }],
    ["shared_memory_byte_size", { type: "int64", value: byteLength }],
  ]);
  if (offset > 0) parameters.set("shared_memory_offset", { type: "int64", value: offset });
  return { ...output, data: NOTHING, parameters };
}
