import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import type { Snapshot } from "../../inference/dashboard-report.ts";
import { sendSnapshots } from "./send-snapshots.ts";

const aSnapshot = (id: number) => ({ id }) as Snapshot;

/** A reader who takes one piece, and the next one when he is asked to. */
class SlowReader extends EventEmitter {
  readonly ids: number[] = [];
  closed = false;
  writeHead(): void {}
  write(piece: string | Uint8Array): boolean {
    const id = /^id: (\d+)/.exec(Buffer.from(piece).toString())?.[1];
    if (id === undefined) return true;
    this.ids.push(Number(id));
    return false;
  }
  take(): void {
    this.emit("drain");
  }
  close(): void {
    this.closed = true;
    this.emit("close");
  }
}

async function streaming(lastId: number, made: readonly number[]) {
  const snapshots = made.map(aSnapshot);
  const viewers = new Set<(snapshot: Snapshot) => void>();
  const sampler = {
    current: async () => snapshots.at(-1) ?? aSnapshot(1),
    since: (id: number) =>
      made.includes(id) ? snapshots.filter((snapshot) => snapshot.id > id) : [],
    watch: (viewer: (snapshot: Snapshot) => void) => {
      viewers.add(viewer);
      return () => viewers.delete(viewer);
    },
  };
  const reader = new SlowReader();
  const show = ({ id }: Snapshot) => Buffer.from(`id: ${id}\n\n`);
  sendSnapshots({ sampler, lastId, show }, reader as unknown as ServerResponse);
  await Promise.resolve();
  await Promise.resolve();
  const make = (id: number) => {
    for (const viewer of viewers) viewer(aSnapshot(id));
  };
  return { reader, make, viewers };
}

describe("a stream that goes on where one broke", () => {
  it("tells all that was missed, the newest too, however slowly it is read", async () => {
    const { reader } = await streaming(4, [3, 4, 5, 6, 7]);
    for (let taken = 0; taken < 5; taken += 1) reader.take();
    expect(reader.ids).toEqual([5, 6, 7]);
    reader.close();
  });

  it("begins with the newest where nobody knows the last one", async () => {
    const { reader, make } = await streaming(4711, [3, 4]);
    reader.take();
    make(5);
    expect(reader.ids).toEqual([4, 5]);
    reader.close();
  });
});

it("who reads slowly is shown the newest once he reads again", async () => {
  const { reader, make, viewers } = await streaming(Number.NaN, [1]);
  for (const id of [2, 3, 4]) make(id);
  expect(reader.ids).toEqual([1]);
  reader.take();
  expect(reader.ids).toEqual([1, 4]);
  reader.close();
  expect(viewers.size).toBe(0);
});
