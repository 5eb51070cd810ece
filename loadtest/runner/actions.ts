/** What a scenario does to the server while it is measured: models come and go, devices are drained. */
import { ask } from "../drivers/control/http-control.ts";
import { addressFor } from "../drivers/identity.ts";
import { pause } from "./measured.ts";
import type { Action } from "./run-spec.ts";
import type { Observer } from "./runner.ts";
import type { Target } from "./target.ts";

/** Begins. @returns what waits for the last of them and tells what was done, and how it went */
export function doActions(
  actions: readonly Action[],
  times: { readonly warmupMs: number; readonly durationMs: number },
  target: Target,
  observer: Observer,
): () => Promise<string[]> {
  const all = actions.map(async (action) => {
    const told = await done(action, times, target, observer.signal);
    observer.say(told);
    return told;
  });
  return () => Promise.all(all);
}

async function done(
  action: Action,
  { warmupMs, durationMs }: { readonly warmupMs: number; readonly durationMs: number },
  target: Target,
  signal: AbortSignal,
): Promise<string> {
  const { kind, what, atMs } = action;
  const name = `${kind} of ${what} at ${atMs / 1000} s`;
  if (atMs >= durationMs)
    return `${name}: left out, the measurement ends at ${durationMs / 1000} s`;
  await pause(warmupMs + atMs, signal);
  if (signal.aborted) return `${name}: left out, the run was interrupted`;
  try {
    await act(action, target);
    return name;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return `${name}: not done, the run went on without it: ${why}`;
  }
}

async function act({ kind, what }: Action, target: Target): Promise<void> {
  switch (kind) {
    case "load":
      return target.control.load(what);
    case "unload":
      return target.control.unload(what);
    case "drain":
    case "undrain":
      return deviceAction(target, what, kind);
  }
}

/** beamgate's own: only its HTTP port knows it. */
async function deviceAction(
  { httpAddress, identity }: Target,
  device: string,
  kind: "drain" | "undrain",
): Promise<void> {
  if (httpAddress === undefined) {
    throw new Error("devices are drained over HTTP: say where, --http-url HOST:PORT");
  }
  const path = `/v2/beamgate/devices/${encodeURIComponent(device)}/${kind}`;
  const headers = Object.fromEntries(identity.headers.map(({ name, value }) => [name, value]));
  // An HTTP port without TLS is asked by header alone.
  const address = httpAddress.tls === undefined ? httpAddress : addressFor(httpAddress, identity);
  const { status, body } = await ask(address, path, headers, "POST");
  if (status !== 200) throw new Error(`HTTP ${status}: ${body.slice(0, 200)}`);
}
