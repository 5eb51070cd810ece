/** Snapshots as events of a stream: each is written once for all who may see the same of it. */
import type { Caller } from "../../inference/caller.ts";
import type { Snapshot } from "../../inference/dashboard-report.ts";
import { visibleTo } from "./visible.ts";

const ALL: readonly string[] = ["*"];

export class SnapshotEvents {
  /** Of the snapshot asked for last; by the models that somebody may use, on which alone depends what he is shown. */
  readonly #written = new Map<readonly string[], Buffer>();
  #snapshot: Snapshot | undefined;

  /** @param caller undefined: nobody was asked. @returns bytes that others are given, too */
  of(snapshot: Snapshot, caller: Caller | undefined): Buffer {
    if (snapshot !== this.#snapshot) {
      this.#written.clear();
      this.#snapshot = snapshot;
    }
    const models = caller?.tenant.models ?? ALL;
    const key = models.includes("*") ? ALL : models;
    let event = this.#written.get(key);
    if (event === undefined) {
      const data = JSON.stringify(visibleTo(snapshot, caller));
      event = Buffer.from(`id: ${snapshot.id}\ndata: ${data}\n\n`);
      this.#written.set(key, event);
    }
    return event;
  }
}
