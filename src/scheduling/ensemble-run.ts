/**
 * One request on its way through an ensemble. Tensors lie in a flow; a step starts
 * when all that it takes lies in one. The outputs of a step join its flow; those
 * of a decoupled step begin a flow of their own with each of its answers:
 *
 *   request ─ flow ─ step ─┬─ flow ─ step ─ answer
 *                          └─ flow ─ step ─ answer
 */
import type { Clock } from "../clock.ts";
import { StatusError, toStatusError } from "../errors.ts";
import type { ExecutionTiming } from "../inference/outcome.ts";
import { joinPieces, onePiece } from "../inference/pieces.ts";
import { waitedUs } from "../inference/provenance.ts";
import type {
  InferCall,
  InferRequest,
  InferResponse,
  ModelSignature,
  OutputTensor,
  Parameters,
  Pieces,
  WireInput,
  WireRequest,
} from "../inference/request.ts";
import { outputBytes } from "../inference/request-bytes.ts";
import type { EnsembleOrigin, StepOrigin } from "./ensemble-origin.ts";
import type { Route } from "./ensemble-route.ts";
import { fitShape } from "./ensemble-shapes.ts";
import { StepCall, type StepReceiver } from "./step-call.ts";

/** The model of a step, held: it stays until it is released. */
export interface StepModel {
  readonly signature: ModelSignature;
  /** The line that client requests take: checks, queue, batches shared with other clients. */
  infer(wire: WireRequest, call: InferCall): void;
  release(): void;
}

export interface RunParts {
  readonly request: InferRequest;
  readonly call: InferCall;
  readonly route: Route;
  readonly maxInflightRequests: number;
  /** Of the request, for every step. */
  readonly parameters: Parameters | undefined;
  readonly clock: Clock;
  /** @throws StatusError where the model does not serve now */
  open(model: string, version: string): StepModel;
  readonly origin: EnsembleOrigin;
  /** Called once, when it was answered or failed. */
  ended(failed: boolean): void;
}

interface FlowTensor {
  readonly datatype: OutputTensor["datatype"];
  readonly shape: readonly number[];
  readonly data: Pieces;
  /** 0: from a model (or a request) without a batch axis. */
  readonly rows: number;
  /** False: views of what a step answered, gone when its call returns. */
  readonly owned: boolean;
}

/** undefined: an optional tensor that is not there. */
type Tensors = Map<string, FlowTensor | undefined>;

interface Flow {
  readonly tensors: Tensors;
  readonly started: boolean[];
}

interface Running {
  readonly call: StepCall;
  readonly flow: Flow;
  readonly decoupled: boolean;
  readonly rows: number;
}

export class EnsembleRun implements StepReceiver {
  readonly #parts: RunParts;
  readonly #outputs: readonly string[];
  /** By step; of those that are left out, none. */
  readonly #models: StepModel[] = [];
  readonly #running: Running[] = [];
  /** By step: flows that wait until fewer of its requests are under way. */
  readonly #waiting: Flow[][] = [];
  /** By step: requests under way. */
  readonly #inflight: number[] = [];
  readonly #compute = { inputUs: 0, inferUs: 0, outputUs: 0 };
  /** By step: what its answers told of where they come from. */
  readonly #origins: StepOrigin[] = [];
  /** µs that the steps that are done waited for their batches, summed. */
  #queueUs = 0;
  #responses = 0;
  #bytesOut = 0;
  #over = false;
  /** Steps may answer while they are being started: how deep we are. */
  #depth = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
    const { outputs, signature } = parts.request;
    this.#outputs = outputs.map((index) => signature.outputs[index]?.name ?? "");
  }

  /** What the executions of its steps took so far, summed. */
  get compute(): ExecutionTiming {
    return { ...this.#compute };
  }

  /** Of the tensors that its client was sent. */
  get bytesOut(): number {
    return this.#bytesOut;
  }

  start(): void {
    const { request } = this.#parts;
    const { signature } = request;
    const rows = signature.maxBatchSize > 0 ? request.rows : 0;
    const tensors: Tensors = new Map();
    for (const spec of signature.inputs) tensors.set(spec.name, undefined);
    for (const { index, datatype, shape, data } of request.inputs) {
      const name = signature.inputs[index]?.name ?? "";
      tensors.set(name, { datatype, shape, data, rows, owned: true });
    }
    if (!this.#openModels()) return;
    this.#depth += 1;
    this.#arrived({ tensors: new Map(), started: [] }, tensors);
    this.#depth -= 1;
    this.#finishWhenIdle();
  }

  /** All at once, so that none is gone when its turn comes. @returns false where it failed */
  #openModels(): boolean {
    try {
      for (const [index, known] of this.#parts.route.steps.entries()) {
        if (known === undefined) continue;
        this.#models[index] = this.#parts.open(known.step.model, known.step.version);
      }
      return true;
    } catch (thrown) {
      this.#failStep(toStatusError(thrown));
      return false;
    }
  }

  /** Nobody waits for the answer: the steps under way are given up. */
  cancel(): void {
    this.#end();
    for (const { call } of this.#running.splice(0)) call.cancel();
  }

  #end(): void {
    this.#over = true;
    for (const model of this.#models.splice(0)) model?.release();
  }

  fail(error: StatusError): void {
    if (this.#over) return;
    const { call } = this.#parts;
    this.cancel();
    call.fail(error);
    this.#parts.ended(true);
  }

  answered(call: StepCall, response: InferResponse, final: boolean): void {
    const running = this.#running.find((one) => one.call === call);
    if (this.#over || running === undefined) return;
    if (final) this.#leave(running);
    const { parameters, model, version } = response;
    if (parameters !== undefined) this.#origins[call.step] = { model, version, parameters };
    this.#depth += 1;
    const { decoupled, flow } = running;
    // Without outputs a decoupled model says no more than that it was the last.
    if (!decoupled || response.outputs.length > 0) {
      const into = decoupled ? { tensors: new Map(), started: [] } : flow;
      this.#arrived(into, this.#tensorsOf(running, response));
    }
    this.#startWaiting(call.step);
    this.#depth -= 1;
    this.#finishWhenIdle();
  }

  failed(call: StepCall, error: StatusError): void {
    const running = this.#running.find((one) => one.call === call);
    if (this.#over || running === undefined) return;
    this.#leave(running);
    this.#failStep(error);
  }

  #failStep(error: StatusError): void {
    const { name } = this.#parts.request.signature;
    const message = `in ensemble '${name}', ${error.message}`;
    this.fail(new StatusError(error.code, message, { cause: error }));
  }

  /** The step is done: what it cost is added up. */
  #leave(running: Running): void {
    this.#running.splice(this.#running.indexOf(running), 1);
    const { step, timeline } = running.call;
    this.#inflight[step] = (this.#inflight[step] ?? 1) - 1;
    this.#queueUs += waitedUs(timeline);
    this.#compute.inputUs += timeline.execution?.inputUs ?? 0;
    this.#compute.inferUs += timeline.execution?.inferUs ?? 0;
    this.#compute.outputUs += timeline.execution?.outputUs ?? 0;
  }

  /** Views, still: see `#arrived`. An output that the model left out is one that is not there. */
  #tensorsOf({ call, rows }: Running, response: InferResponse): Tensors {
    const route = this.#parts.route.steps[call.step];
    const tensors: Tensors = new Map();
    for (const name of route?.outputs ?? []) {
      const tensor = route?.step.outputMap.get(name) ?? "";
      const output = response.outputs.find((candidate) => candidate.name === name);
      if (output === undefined) tensors.set(tensor, undefined);
      else {
        const { datatype, shape, data } = output;
        tensors.set(tensor, { datatype, shape, data: onePiece(data), rows, owned: false });
      }
    }
    return tensors;
  }

  /** Tensors join a flow, whose steps may start now, and which may be complete. */
  #arrived(flow: Flow, arrived: Tensors): void {
    const { takers } = this.#parts.route;
    const has = (name: string) => flow.tensors.has(name) || arrived.has(name);
    const complete = this.#outputs.every(has);
    const steps: number[] = [];
    for (const [name, tensor] of arrived) {
      const taking = takers.get(name) ?? [];
      for (const step of taking) if (!steps.includes(step)) steps.push(step);
      // What is answered at once, and taken by nobody else, need not be copied.
      flow.tensors.set(name, complete && taking.length === 0 ? tensor : owned(tensor));
    }
    for (const step of steps) this.#startIfReady(step, flow);
    if (complete && !this.#over && this.#outputs.some((name) => arrived.has(name))) {
      this.#respond(flow);
    }
  }

  #startIfReady(step: number, flow: Flow): void {
    const inputs = this.#parts.route.steps[step]?.step.inputMap.values() ?? [];
    if (this.#over || flow.started[step]) return;
    for (const tensor of inputs) if (!flow.tensors.has(tensor)) return;
    flow.started[step] = true;
    const limit = this.#parts.maxInflightRequests;
    if (limit > 0 && (this.#inflight[step] ?? 0) >= limit) {
      this.#waiting[step] ??= [];
      this.#waiting[step].push(flow);
    } else this.#startStep(step, flow);
  }

  #startWaiting(step: number): void {
    const limit = this.#parts.maxInflightRequests;
    while (!this.#over && (this.#inflight[step] ?? 0) < limit) {
      const flow = this.#waiting[step]?.shift();
      if (flow === undefined) return;
      this.#startStep(step, flow);
    }
  }

  #startStep(index: number, flow: Flow): void {
    const { request, route, parameters, call: client, clock } = this.#parts;
    const known = route.steps[index];
    const opened = this.#models[index];
    if (known === undefined || opened === undefined) return;
    const { model, version } = known.step;
    const { signature } = opened;
    const batched = signature.maxBatchSize > 0;
    const inputs: WireInput[] = [];
    for (const [name, tensor] of known.step.inputMap) {
      const found = flow.tensors.get(tensor);
      if (found === undefined) continue;
      const expected = signature.inputs.find((spec) => spec.name === name)?.shape ?? [];
      const shape = fitShape(expected, batched, found.rows, found.shape);
      inputs.push({
        name,
        datatype: found.datatype,
        shape,
        parameters: undefined,
        data: found.data,
      });
    }
    const rows = batched ? (inputs[0]?.shape[0] ?? 0) : 0;
    const call = new StepCall(index, client, this, clock.now());
    call.story = client.story?.step(model, signature.version, call.timeline);
    this.#running.push({ call, flow, decoupled: signature.decoupled, rows });
    this.#inflight[index] = (this.#inflight[index] ?? 0) + 1;
    const outputs = known.outputs.map((name) => ({ name, parameters: undefined }));
    const { id } = request;
    opened.infer({ model, version, id, parameters, inputs, outputs, dataError: undefined }, call);
  }

  #respond(flow: Flow): void {
    const { request, call } = this.#parts;
    const { name: model, version, outputs: specs, maxBatchSize } = request.signature;
    const outputs: OutputTensor[] = [];
    for (const index of request.outputs) {
      const spec = specs[index];
      const tensor = spec && flow.tensors.get(spec.name);
      if (spec === undefined || tensor === undefined) continue;
      const { datatype, data } = tensor;
      const shape = fitShape(spec.shape, maxBatchSize > 0, tensor.rows, tensor.shape);
      outputs.push({ name: spec.name, datatype, shape, data: joinPieces(data) });
    }
    // Where no step is decoupled, every step that runs is behind the complete answer.
    const final = !request.signature.decoupled || this.#idle;
    this.#responses += 1;
    this.#bytesOut += outputBytes(outputs);
    call.timeline.execution = this.compute;
    if (final) this.#end();
    call.respond({ model, version, id: request.id, outputs, ...this.told }, final);
    if (final) this.#parts.ended(false);
  }

  /** What an answer tells now of the steps behind it. */
  get told(): Pick<InferResponse, "parameters" | "queueUs"> | undefined {
    // Steps that are left out leave holes.
    const parameters = this.#parts.origin.of(this.#origins.filter((one) => one !== undefined));
    return parameters && { parameters, queueUs: this.#queueUs };
  }

  get #idle(): boolean {
    return this.#running.length === 0 && this.#depth <= 1;
  }

  /** No step is under way and none can start: the last word. */
  #finishWhenIdle(): void {
    if (this.#over || this.#depth > 0 || !this.#idle) return;
    const { request, call } = this.#parts;
    const { name: model, version, decoupled } = request.signature;
    if (!decoupled && this.#responses === 0) {
      const prefix = `[request id: ${request.id === "" ? "<id_unknown>" : request.id}] `;
      const text = `in ensemble '${model}', ${prefix}unexpected deadlock, at least one output is not set while no more ensemble steps can be made`;
      this.fail(new StatusError("INVALID_ARGUMENT", text));
      return;
    }
    this.#end();
    call.timeline.execution = this.compute;
    call.respond({ model, version, id: request.id, outputs: [], ...this.told }, true);
    this.#parts.ended(false);
  }
}

function owned(tensor: FlowTensor | undefined): FlowTensor | undefined {
  if (tensor === undefined || tensor.owned) return tensor;
  const data = onePiece(Buffer.concat(tensor.data.pieces));
  return { ...tensor, data, owned: true };
}
