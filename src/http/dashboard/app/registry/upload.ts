/**
 * A file to the gateway, by its digest: what is there is not sent again, and what a broken line, a restarted gateway
 * or a closed page left behind is gone on with.
 */
import { ask, Refusal } from "./ask.ts";
import { Sha256 } from "./sha256.ts";

/** Of one request; between two of them the page tells how far it is. */
const PIECE_BYTES = 4 * 2 ** 20;
/** Without a byte getting through. A gateway is restarted in less. */
const PATIENCE_MS = 120_000;
const PAUSE_MS = 500;

export interface UploadProgress {
  readonly doing: "reads" | "sends" | "waits" | "done";
  readonly bytes: number;
  readonly why?: string;
}

interface State {
  readonly receivedBytes: number;
  readonly complete: boolean;
}

/** @returns the digest @throws Refusal, TypeError; DOMException where it was stopped */
export async function upload(
  file: Blob,
  tell: (progress: UploadProgress) => void,
  signal: AbortSignal,
): Promise<string> {
  const digest = await digestOf(file, tell, signal);
  const path = `/v2/beamgate/uploads/${digest}`;
  let state = await ask<State>(path, { signal });
  let lastNews = performance.now();
  while (!state.complete) {
    tell({ doing: "sends", bytes: state.receivedBytes });
    const before = state.receivedBytes;
    try {
      state = await goOn(file, path, before, signal);
      lastNews = performance.now();
    } catch (thrown) {
      if (!isPassing(thrown) || performance.now() - lastNews > PATIENCE_MS) throw thrown;
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      tell({ doing: "waits", bytes: before, why });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      state = await ask<State>(path, { signal }).catch(() => state);
    }
  }
  tell({ doing: "done", bytes: file.size });
  return digest;
}

async function digestOf(
  file: Blob,
  tell: (progress: UploadProgress) => void,
  signal: AbortSignal,
): Promise<string> {
  const hash = new Sha256();
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    signal.throwIfAborted();
    tell({ doing: "reads", bytes: at });
    hash.update(new Uint8Array(await file.slice(at, at + PIECE_BYTES).arrayBuffer()));
  }
  return `sha256:${hash.digest()}`;
}

function goOn(file: Blob, path: string, from: number, signal: AbortSignal): Promise<State> {
  if (from >= file.size) return ask(`${path}/finish`, { method: "POST", signal });
  return ask(path, {
    method: "PATCH",
    body: file.slice(from, from + PIECE_BYTES),
    headers: { "upload-offset": String(from), "upload-length": String(file.size) },
    signal,
  });
}

/** The line broke, the gateway is being restarted, or somebody else sends the same. */
function isPassing(thrown: unknown): boolean {
  if (thrown instanceof Refusal) return [409, 502, 503, 504].includes(thrown.status);
  return thrown instanceof TypeError;
}
