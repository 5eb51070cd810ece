import { describe, expect, it } from "vitest";
import { lasting, type Place, readPlace, writePlace } from "./place.ts";

const place = (more: Partial<Place>): Place => ({
  ...{ view: "models", find: "", settings: new Map() },
  ...more,
});

describe("an address", () => {
  it.each([
    ["", place({ view: "" })],
    ["#/", place({ view: "" })],
    ["#/models", place({})],
    ["#/models?find=jet", place({ find: "jet" })],
    ["#/models?find=a?b%26c", place({ find: "a?b&c" })],
    ["#/models?sort.Models=-p99", place({ settings: new Map([["sort.Models", "-p99"]]) })],
    [
      "#/fleet?snapshot=7&at=2026-11-29T03:10:42.018Z",
      place({ view: "fleet", frozen: { id: "7", at: "2026-11-29T03:10:42.018Z" } }),
    ],
    // Of when is not said: no snapshot is that one.
    ["#/models?snapshot=7", place({ frozen: { id: "7", at: "" } })],
  ])("%s is read", (hash, read) => expect(readPlace(hash)).toEqual(read));

  it("is read as it was written, whatever is in it", () => {
    const whole = place({
      find: "<img src=x> & 100 % = ?",
      settings: new Map([
        ["sort.Drift: live requests computed once more", "-Rows compared"],
        ["verdict", "sha256:00ff"],
      ]),
      frozen: { id: "12", at: "2026-11-29T03:10:42.018Z" },
    });
    expect(readPlace(writePlace(whole))).toEqual(whole);
  });

  it("is short where nothing is said", () => {
    expect(writePlace(place({}))).toBe("#/models");
    expect(writePlace(place({ find: "event-7" }))).toBe("#/models?find=event-7");
  });
});

it("how tables are sorted goes along to another place, what is open there stays behind", () => {
  const settings = new Map([
    ...[["sort.Models", "p99"] as const, ["as.Latency", "table"] as const],
    ...[["verdict", "sha256:00"] as const, ["preset", "w1"] as const],
  ]);
  expect([...lasting(settings).keys()]).toEqual(["sort.Models", "as.Latency"]);
});
