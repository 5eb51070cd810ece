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

/** All of them, in the order of time. */
export function stageList(stages: Stages): Stage[] {
  const { compute, request } = stages;
  const list = requestStages(stages);
  if (compute !== undefined) {
    const answered = { name: "INFER_RESPONSE_COMPLETE", at: request.end };
    list.splice(-1, 0, ...computeStages(compute), answered);
  }
  return list;
}

/** Those that are not of its computation. */
export function requestStages({ request, queue }: Stages): Stage[] {
  const started = { name: "REQUEST_START", at: request.start };
  const ended = { name: "REQUEST_END", at: request.end };
  return queue === undefined
    ? [started, ended]
    : [started, { name: "QUEUE_START", at: queue.start }, ended];
}

export function computeStages(compute: NonNullable<Stages["compute"]>): Stage[] {
  return [
    { name: "COMPUTE_START", at: compute.start },
    { name: "COMPUTE_INPUT_END", at: compute.inputEnd },
    { name: "COMPUTE_OUTPUT_START", at: compute.outputStart },
    { name: "COMPUTE_END", at: compute.end },
  ];
}
