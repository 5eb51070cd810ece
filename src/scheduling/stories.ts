/** What the schedulers write into the stories of the requests that have one. */
import type { Instance } from "../pool/lane.ts";
import type { Entry } from "./entry.ts";

export function tellDispatched(
  batch: readonly Entry[],
  { id: instance, report }: Instance,
  closed: string,
): void {
  const rows = batch.reduce((sum, { request }) => sum + request.rows, 0);
  const requests = batch.reduce((sum, { request }) => sum + (request.bundled ?? 1), 0);
  const told = { rows, requests, closed, device: report.device.id, instance };
  for (const { call } of batch) call.story?.dispatched(told);
}

export function tellFailed(batch: readonly Entry[], { report }: Instance, error: unknown): void {
  for (const { call } of batch) {
    if (call.story === undefined) continue;
    const reason = error instanceof Error ? error.message : String(error);
    call.story.noted(`the execution on device ${report.device.id} failed: ${reason}`);
  }
}
