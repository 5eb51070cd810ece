/** A stream of snapshots to one reader, as fast as he reads: each is whole, so who reads slowly is shown fewer. */
import type { ServerResponse } from "node:http";
import type { Snapshot } from "../../inference/dashboard-report.ts";
import type { Sampler } from "./sampler.ts";

/** Proxies end connections on which nothing comes. */
const HEARTBEAT_MS = 5_000;
/** A browser asks again when its stream ends, and is asked who he is again. */
const STREAM_MS = 300_000;
/** Who takes nothing for so many heartbeats is cut off. */
const MOST_MISSED = 3;

export interface Stream {
  readonly sampler: Pick<Sampler, "current" | "since" | "watch">;
  /** Of the snapshot that the reader had last; NaN: he had none. */
  readonly lastId: number;
  /** Bytes of its event, for this reader. */
  show(snapshot: Snapshot): Uint8Array;
}

export function sendSnapshots({ sampler, lastId, show }: Stream, response: ServerResponse): void {
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
  });
  response.write("retry: 2000\n\n");
  let blocked = false;
  /** Heartbeats that the reader did not take. */
  let missed = 0;
  /** Still to be shown, oldest first: what he missed before, or the newest. */
  let waiting: readonly Snapshot[] = [];
  let stop: (() => void) | undefined;

  const goOn = () => {
    while (!blocked) {
      const [next, ...others] = waiting;
      if (next === undefined) return;
      waiting = others;
      blocked = !response.write(show(next));
    }
  };
  const tell = (...snapshots: readonly Snapshot[]) => {
    waiting = snapshots;
    goOn();
  };
  response.on("drain", () => {
    blocked = false;
    missed = 0;
    goOn();
  });
  const heartbeat = setInterval(() => {
    if (!blocked) blocked = !response.write(": here\n\n");
    else if (++missed >= MOST_MISSED) response.destroy();
  }, HEARTBEAT_MS);
  const lifetime = setTimeout(() => response.end(), STREAM_MS);
  sampler.current().then(
    (snapshot) => {
      if (response.closed) return;
      const since = sampler.since(lastId);
      if (since.length > 0) tell(...since);
      else if (snapshot.id !== lastId) tell(snapshot);
      // Whoever is shown what comes now was shown what came before.
      stop = sampler.watch((newest) => tell(newest));
    },
    () => response.end(),
  );
  response.on("close", () => {
    clearInterval(heartbeat);
    clearTimeout(lifetime);
    stop?.();
  });
}
