/** What a scenario does to the server while it is measured: models come and go, devices are drained. */
import { ask } from "../drivers/control/http-control.ts";
import type { Address } from "../drivers/raw-http2/open-socket.ts";
import { pause } from "./measured.ts";
import type { Action } from "./run-spec.ts";
import type { Observer } from "./runner.ts";
import type { Target } from "./target.ts";

/** Begins. @returns what waits for the last of them and tells what was done, and how it went */
export function doActions(
  actions: readonly Action[],
  warmupMs: number,
  target: Target,
  observer: Observer,
): () => Promise<string[]> {
  const all = actions.map(async (action) => {
    await pause(warmupMs + action.atMs, observer.signal);
    const what = `${action.kind} of ${action.what} at ${action.atMs / 1000} s`;
    try {
      await act(action, target);
      observer.say(what);
      return what;
    } catch (thrown) {
      const failed = `${what} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
      observer.say(failed);
      return failed;
    }
  });
  return () => Promise.all(all);
}

async function act({ kind, what }: Action, { control, httpAddress }: Target): Promise<void> {
  switch (kind) {
    case "load":
      return control.load(what);
    case "unload":
      return control.unload(what);
    case "drain":
    case "undrain":
      return deviceAction(httpAddress, what, kind);
  }
}

/** beamgate's own: only its HTTP port knows it. */
async function deviceAction(
  address: Address | undefined,
  device: string,
  kind: "drain" | "undrain",
): Promise<void> {
  if (address === undefined) {
    throw new Error("devices are drained over HTTP: say where, --http-url HOST:PORT");
  }
  const path = `/v2/beamgate/devices/${encodeURIComponent(device)}/${kind}`;
  const { status, body } = await ask(address, path, {}, "POST");
  if (status !== 200) throw new Error(`HTTP ${status}: ${body.slice(0, 200)}`);
}
