/** Serves an ensemble: sends each request through its steps and accounts for it as a whole. */
import type { Clock } from "../clock.ts";
import type { EnsemblePlan } from "../inference/ensemble-plan.ts";
import type { Account, FailureReason } from "../inference/outcome.ts";
import type {
  InferCall,
  InferRequest,
  ModelSignature,
  Parameter,
  Parameters,
} from "../inference/request.ts";
import { Chain, type Link } from "./chain.ts";
import { CANCELLED, stopping } from "./endings.ts";
import { EnsembleOrigin } from "./ensemble-origin.ts";
import { type Route, routeTo } from "./ensemble-route.ts";
import { EnsembleRun, type StepModel } from "./ensemble-run.ts";
import type { Served } from "./served.ts";

/** How an ensemble reaches the models of its steps. `version` empty: the newest. */
export interface StepLine {
  /** @throws StatusError where the model does not serve now */
  open(model: string, version: string): StepModel;
  /** @returns why it cannot serve now; undefined: it can */
  troubleOf(model: string, version: string): string | undefined;
}

export interface EnsembleParts {
  readonly signature: ModelSignature;
  readonly plan: EnsemblePlan;
  readonly line: StepLine;
  readonly account: Account;
  readonly clock: Clock;
}

export class EnsembleScheduler implements Served {
  readonly signature: ModelSignature;
  readonly instances = [];
  /** The models of its steps do. */
  readonly honoursWishes = true;
  readonly #parts: EnsembleParts;
  readonly #fullRoute: Route;
  readonly #origin = new EnsembleOrigin();
  readonly #runs = new Chain<() => void>();
  #accepting = true;
  #onIdle: (() => void) | undefined;

  constructor(parts: EnsembleParts) {
    this.signature = parts.signature;
    this.#parts = parts;
    this.#fullRoute = routeTo(
      parts.plan,
      parts.signature.outputs.map(({ name }) => name),
    );
  }

  get inFlight(): number {
    return this.#runs.size;
  }

  get trouble(): string | undefined {
    for (const { model, version } of this.#parts.plan.steps) {
      const trouble = this.#parts.line.troubleOf(model, version);
      if (trouble !== undefined) {
        return `ensemble '${this.signature.name}' depends on '${model}': ${trouble}`;
      }
    }
    return undefined;
  }

  submit(request: InferRequest, call: InferCall): void {
    if (!this.#accepting) throw stopping(request);
    const { plan, line, clock } = this.#parts;
    // It never waits: its steps do.
    call.timeline.queued = clock.now();
    call.timeline.dispatched = call.timeline.queued;
    const run = new EnsembleRun({
      request,
      call,
      route: this.#routeOf(request),
      maxInflightRequests: plan.maxInflightRequests,
      parameters: stepParameters(request),
      clock,
      origin: this.#origin,
      open: (model, version) => line.open(model, version),
      ended: (failed) => this.#ended(run, link, request, call, failed ? "OTHER" : undefined),
    });
    const link = this.#runs.append(() => run.fail(stopping(request)));
    call.onCancel = () => {
      run.cancel();
      this.#ended(run, link, request, call, "CANCELED");
    };
    run.start();
  }

  drain(): Promise<void> {
    this.#accepting = false;
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#noticeIdle();
    });
  }

  async close(): Promise<void> {
    this.#accepting = false;
    for (const fail of [...this.#runs]) fail();
  }

  #routeOf({ outputs }: InferRequest): Route {
    if (outputs.length === this.signature.outputs.length) return this.#fullRoute;
    const names = outputs.map((index) => this.signature.outputs[index]?.name ?? "");
    return routeTo(this.#parts.plan, names);
  }

  /** One request counts as one execution whose times are those of its steps, as in Triton. */
  #ended(
    run: EnsembleRun,
    link: Link<() => void>,
    request: InferRequest,
    call: InferCall,
    failure: FailureReason | undefined,
  ): void {
    const { account, clock } = this.#parts;
    const { signature } = this;
    this.#runs.remove(link);
    call.onCancel = undefined;
    const { timeline, trace } = call;
    timeline.answered = clock.now();
    if (failure === undefined) call.story?.answered(run.told?.parameters);
    else call.story?.failed(failure === "CANCELED" ? CANCELLED : "a step failed");
    const timing = run.compute;
    const { rows } = request;
    const { caller, onBehalf } = call;
    const { bytesOut } = run;
    account.request({
      ...{ signature, rows, request, timeline, failure, execution: timing, trace },
      ...{ caller, onBehalf, bytesOut },
    });
    if (failure === undefined) account.execution({ signature, rows, timing });
    this.#noticeIdle();
  }

  #noticeIdle(): void {
    if (!this.#onIdle || this.#runs.size > 0) return;
    this.#onIdle();
    this.#onIdle = undefined;
  }
}

/** What the client said beside its tensors, in the form in which it said it. */
function stepParameters(request: InferRequest): Parameters | undefined {
  const { priority, timeoutUs, sequence, parameters: custom, reproducible } = request;
  const parameters = new Map<string, Parameter>(custom);
  if (priority > 0) parameters.set("priority", { type: "uint64", value: priority });
  if (timeoutUs > 0) parameters.set("timeout", { type: "int64", value: timeoutUs });
  if (reproducible === true) parameters.set("reproducible", { type: "bool", value: true });
  if (sequence !== undefined) {
    const { id, start, end } = sequence;
    parameters.set(
      "sequence_id",
      typeof id === "string"
        ? { type: "string", value: id }
        : { type: "int64", value: BigInt.asIntN(64, id) },
    );
    parameters.set("sequence_start", { type: "bool", value: start });
    parameters.set("sequence_end", { type: "bool", value: end });
  }
  return parameters.size === 0 ? undefined : parameters;
}
