import { beforeEach, expect, it } from "vitest";
import { Losses } from "./losses.ts";

let now: number;
let said: unknown[];
let losses: Losses;
beforeEach(() => {
  now = 0;
  said = [];
  const say = (level: string) => (text: string, fields?: object) =>
    said.push([level, text, fields]);
  losses = new Losses({
    log: { info: say("info"), warn: say("warn") },
    clock: { now: () => now },
  });
});

it("says once that spans are lost, with the reason, and once that they arrive again", () => {
  losses.arrived();
  losses.lost(new Error("ECONNREFUSED"));
  losses.lost(new Error("401"));
  losses.arrived();
  losses.arrived();
  expect(said).toEqual([
    [
      "warn",
      "the collector does not take spans: they are lost until it does",
      { reason: "ECONNREFUSED" },
    ],
    ["info", "spans arrive at the collector again", { messagesLost: 2 }],
  ]);
});

it("says how many found no room, at most once a minute", () => {
  losses.dropped(0);
  losses.dropped(3);
  now = 59_999;
  losses.dropped(5);
  now = 60_000;
  losses.dropped(9);
  losses.dropped(9);
  expect(said.map((one) => (one as unknown[])[2])).toEqual([{ dropped: 3 }, { dropped: 6 }]);
});
