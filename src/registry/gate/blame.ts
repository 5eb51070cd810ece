/** Whether what a load or an execution threw says something of the artifact. */
import { BackendError } from "../../../backends/contract.ts";
import { StatusError, toStatusError } from "../../errors.ts";

/** It is the artifact's own fault: what else fails in the gate is nobody's verdict. */
export class ArtifactFailed extends StatusError {}

/** @throws ArtifactFailed for what `work` throws, where the artifact is to blame; else what it throws */
export async function blaming<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    signal.throwIfAborted();
    if (!isOfArtifact(cause)) throw cause;
    const { code, message } = toStatusError(cause);
    throw new ArtifactFailed(code, message, { cause });
  }
}

/** No device was free, or it failed, or somebody gave up waiting: codes of a StatusError, faults of a BackendError. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set([
  ...["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED", "DEADLINE_EXCEEDED"],
  ...["device", "exhausted"],
]);

/** False: another time it may be otherwise, and nothing is known of the artifact. */
function isOfArtifact(thrown: unknown): boolean {
  // A StatusError that was made of a BackendError is what that was.
  const cause = thrown instanceof StatusError ? thrown.cause : undefined;
  for (const error of [cause, thrown]) {
    if (error instanceof BackendError) return !OF_THE_MOMENT.has(error.fault);
  }
  return !(thrown instanceof StatusError && OF_THE_MOMENT.has(thrown.code));
}
