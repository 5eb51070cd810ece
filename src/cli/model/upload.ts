/**
 * A file to a gateway, by its digest: what is there is not sent again, and what a broken connection or a
 * gateway that was killed left behind is gone on with.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { GatewayAddress } from "../gateway-address.ts";
import { askGateway, HungUp, NoGateway, Refused, sendBytes } from "../gateway-client.ts";
import { CliError, Exit } from "../io.ts";
import type { Progress } from "./progress.ts";
import { regularFile } from "./read-file.ts";
import { bytesText } from "./words.ts";

const READ_BYTES = 1024 * 1024;
/** Of one request: a server gives a whole request five minutes, and a slow line sends this much in them. */
const PIECE_BYTES = 64 * 1024 * 1024;
/** Without a byte getting through. A gateway is restarted in less. */
const PATIENCE_MS = 120_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

export interface UploadOptions {
  /** What it is, for messages: `artifact`. */
  readonly what: string;
  /** As it is known already; hashed where it is absent. */
  readonly digest?: string;
  readonly progress: Progress;
  readonly patienceMs?: number;
}

interface State {
  readonly receivedBytes: number;
  readonly complete: boolean;
}

/**
 * @returns the digest
 * @throws CliError where the file cannot be read, the gateway refuses it, or none answers for too long
 */
export async function upload(
  gateway: GatewayAddress,
  file: string,
  options: UploadOptions,
): Promise<string> {
  const { size } = await regularFile(file, options.what);
  if (size === 0) throw new CliError(Exit.usage, `${options.what}: '${file}' is empty`);
  const digest = options.digest ?? (await digestOf(file, options.what, options.progress));
  const path = `/v2/beamgate/uploads/${digest}`;
  let state = stateIn(await askGateway(gateway, "GET", path));
  let since = performance.now();
  let pauseMs = FIRST_PAUSE_MS;
  while (!state.complete) {
    const before = state.receivedBytes;
    try {
      state = await goOn(gateway, file, path, state, size, options);
    } catch (thrown) {
      if (!isPassing(thrown)) throw thrown;
      const patience = options.patienceMs ?? PATIENCE_MS;
      if (performance.now() - since > patience) throw thrown;
      options.progress.now(`${options.what}: interrupted (${thrown.message}), going on`, true);
      await sleep(pauseMs);
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
      state = await stateNow(gateway, path, state);
    }
    if (state.receivedBytes <= before && !state.complete) continue;
    since = performance.now();
    pauseMs = FIRST_PAUSE_MS;
  }
  options.progress.line(`${options.what}: ${bytesText(size)} are there (${digest})`);
  return digest;
}

/** `sha256:<hex>` of a file, however long it is. */
export async function digestOf(file: string, what: string, progress: Progress): Promise<string> {
  const { size } = await regularFile(file, what);
  const hash = createHash("sha256");
  // One piece of memory for all of it: a stream would make as much garbage as the file is long.
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let done = 0;
  try {
    const handle = await open(file);
    try {
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, null);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
        done += bytesRead;
        progress.now(`${what}: read ${bytesText(done)} of ${bytesText(size)}`);
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unreadable(what, file, cause);
  }
  return `sha256:${hash.digest("hex")}`;
}

/** One piece, or the end of it. */
async function goOn(
  gateway: GatewayAddress,
  file: string,
  path: string,
  { receivedBytes }: State,
  size: number,
  { what, progress }: UploadOptions,
): Promise<State> {
  if (receivedBytes >= size) return stateIn(await askGateway(gateway, "POST", `${path}/finish`));
  const bytes = Math.min(PIECE_BYTES, size - receivedBytes);
  const source = createReadStream(file, {
    start: receivedBytes,
    end: receivedBytes + bytes - 1,
    highWaterMark: READ_BYTES,
  });
  let failure: CliError | undefined;
  source.once("error", (cause) => {
    failure = unreadable(what, file, cause);
  });
  let sent = receivedBytes;
  source.on("data", (chunk) => {
    sent += chunk.length;
    progress.now(`${what}: sent ${bytesText(sent)} of ${bytesText(size)}`);
  });
  try {
    return stateIn(
      await sendBytes(gateway, path, source, bytes, {
        "upload-offset": String(receivedBytes),
        "upload-length": String(size),
      }),
    );
  } catch (thrown) {
    throw failure ?? thrown;
  }
}

/** Where the upload is after an interruption; as before, where nobody answers. */
async function stateNow(gateway: GatewayAddress, path: string, before: State): Promise<State> {
  try {
    return stateIn(await askGateway(gateway, "GET", path));
  } catch (thrown) {
    if (isPassing(thrown)) return before;
    throw thrown;
  }
}

/** Over in a while: a line or a gateway that is down, somebody else who uploads the same. */
function isPassing(thrown: unknown): thrown is CliError {
  if (thrown instanceof Refused) return thrown.status === 409 || thrown.status === 503;
  return thrown instanceof HungUp || thrown instanceof NoGateway;
}

function stateIn(answer: unknown): State {
  const { receivedBytes, complete } = (answer ?? {}) as Partial<State>;
  if (Number.isSafeInteger(receivedBytes) && typeof complete === "boolean") {
    return { receivedBytes: Number(receivedBytes), complete };
  }
  throw new CliError(Exit.failed, "the gateway's answer says nothing of how far the upload is");
}

function unreadable(what: string, file: string, cause: unknown): CliError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CliError(Exit.usage, `${what}: '${file}' cannot be read: ${reason}`, { cause });
}
