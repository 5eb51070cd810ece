import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { Batches } from "./batches.ts";

const RULES = { most: 10, batch: 4, delayMs: 1000 };

type Item = readonly [name: string, weight: number];

/** Sends take until they are let go. */
function setUp(rules = RULES) {
  const clock = new VirtualClock();
  const sent: string[][] = [];
  const underWay: { arrive(): void; fail(): void }[] = [];
  let opened: string[] = [];
  const batches = new Batches<Item, string[]>({
    rules,
    open: {
      add: ([name]) => opened.push(name),
      take() {
        const taken = opened;
        opened = [];
        return taken;
      },
    },
    weightOf: ([, weight]) => weight,
    send(names) {
      sent.push(names);
      return new Promise((resolve, reject) => {
        underWay.push({ arrive: resolve, fail: () => reject(new Error("away")) });
      });
    },
    clock,
  });
  return { clock, sent, underWay, batches, opened: () => opened };
}

describe("what ended", () => {
  it("waits for others, and no longer than the delay", async () => {
    const { clock, sent, batches } = setUp();
    batches.add(["a", 1]);
    await clock.advance(600);
    batches.add(["b", 1]);
    await clock.advance(399);
    expect(sent).toEqual([]);
    await clock.advance(1);
    expect(sent).toEqual([["a", "b"]]);
  });

  it("goes when there is enough of it, after the turn in which it ended", async () => {
    const { clock, sent, batches } = setUp();
    for (const item of ["a", "b", "c"]) batches.add([item, 2]);
    expect(sent).toEqual([]);
    await clock.advance(0);
    expect(sent).toEqual([["a", "b"]]);
  });

  it("is part of the message soon, and not one by one", async () => {
    const { clock, opened, batches } = setUp({ ...RULES, most: 1000, batch: 1000 });
    batches.add(["a", 1]);
    batches.add(["b", 1]);
    await clock.advance(19);
    expect(opened()).toEqual([]);
    await clock.advance(1);
    expect(opened()).toEqual(["a", "b"]);
    for (let at = 0; at < 32; at += 1) batches.add([`${at}`, 1]);
    expect(opened()).toHaveLength(2);
    await clock.advance(0);
    expect(opened()).toHaveLength(34);
  });

  it("goes one message at a time", async () => {
    const { clock, sent, underWay, batches } = setUp();
    for (const item of ["a", "b"]) batches.add([item, 4]);
    await clock.advance(5000);
    expect(sent).toEqual([["a"]]);
    underWay[0]?.arrive();
    await clock.advance(0);
    expect(sent).toEqual([["a"], ["b"]]);
  });

  it("is dropped beyond the bound, and room is there again when some of it went", async () => {
    const { clock, sent, underWay, batches } = setUp();
    for (const item of ["a", "b", "c"]) batches.add([item, 4]);
    expect(batches.dropped).toBe(4);
    await clock.advance(0);
    batches.add(["d", 4]);
    expect(batches.dropped).toBe(4);
    underWay[0]?.fail();
    await clock.advance(0);
    underWay[1]?.arrive();
    await clock.advance(0);
    expect(sent).toEqual([["a"], ["b"], ["d"]]);
  });

  it("is larger than a message and goes alone", async () => {
    const { clock, sent, batches } = setUp();
    batches.add(["large", 9]);
    batches.add(["small", 1]);
    await clock.advance(0);
    expect(sent).toEqual([["large"]]);
  });
});

describe("the end", () => {
  it("sends everything that waits, also behind a message that fails", async () => {
    const { sent, underWay, batches } = setUp();
    for (const item of ["a", "b", "c"]) batches.add([item, 3]);
    const closed = batches.close();
    expect(sent).toEqual([["a"]]);
    underWay[0]?.fail();
    await expect.poll(() => sent.length).toBe(2);
    underWay[1]?.arrive();
    await expect.poll(() => sent.length).toBe(3);
    underWay[2]?.arrive();
    await closed;
    expect(sent).toEqual([["a"], ["b"], ["c"]]);
  });

  it("leaves no timer behind, and takes nothing more", async () => {
    const { clock, sent, underWay, batches } = setUp();
    batches.add(["a", 1]);
    const closed = batches.close();
    underWay[0]?.arrive();
    await closed;
    batches.add(["b", 1]);
    await clock.advance(0);
    expect(clock.pending).toBe(0);
    expect(sent).toEqual([["a"]]);
  });
});
