/** The stages of a finished request, under the names that Triton's traces give them. */
import type { RequestOutcome } from "../inference/outcome.ts";

export interface Stage {
  readonly name: string;
  /** `Clock.now` ms. */
  readonly at: number;
}

export interface Stages {
  readonly request: { readonly start: number; readonly end: number };
  /** Absent where the stage was not reached. */
  readonly queue?: { readonly start: number; readonly end: number };
  readonly compute?: {
    readonly start: number;
    readonly inputEnd: number;
    readonly outputStart: number;
    readonly end: number;
  };
}

/**
 * The compute stages are laid end to end before the answer: a batch may wait in
 * its worker behind another one, and that is time in the queue of the device.
 */
export function stagesOf({
  timeline,
  execution,
}: Pick<RequestOutcome, "timeline" | "execution">): Stages {
  const { received, queued, dispatched, answered } = timeline;
  const request = { start: received, end: Math.max(received, answered) };
  if (queued === 0) return { request };
  if (execution === undefined || dispatched === 0) {
    return { request, queue: { start: queued, end: dispatched || request.end } };
  }
  const { inputUs, inferUs, outputUs } = execution;
  const start = Math.max(dispatched, request.end - (inputUs + inferUs + outputUs) / 1000);
  const inputEnd = Math.min(request.end, start + inputUs / 1000);
  const outputStart = Math.min(request.end, inputEnd + inferUs / 1000);
  const end = Math.min(request.end, outputStart + outputUs / 1000);
  return {
    request,
    queue: { start: queued, end: start },
    compute: { start, inputEnd, outputStart, end },
  };
}

/** In the order of time. */
export function stageList({ request, queue, compute }: Stages): Stage[] {
  return [
    { name: "REQUEST_START", at: request.start },
    ...(queue === undefined ? [] : [{ name: "QUEUE_START", at: queue.start }]),
    ...(compute === undefined
      ? []
      : [
          { name: "COMPUTE_START", at: compute.start },
          { name: "COMPUTE_INPUT_END", at: compute.inputEnd },
          { name: "COMPUTE_OUTPUT_START", at: compute.outputStart },
          { name: "COMPUTE_END", at: compute.end },
          { name: "INFER_RESPONSE_COMPLETE", at: request.end },
        ]),
    { name: "REQUEST_END", at: request.end },
  ];
}
