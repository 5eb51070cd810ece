/** The registry's store among processes that die and processes that compete. */
import { expect, it } from "vitest";
import { killedRegistrations } from "../support/registry/killed-registrations.ts";
import { checkLinearizable, type Operation } from "../support/registry/linearizable.ts";
import { twoProcesses } from "../support/registry/two-processes.ts";
import { storeFolders } from "../support/store-folder.ts";

const newFolder = storeFolders();

// The whole count of both: `npm run chaos -- registry`.
it("loses nothing acknowledged and shows nothing half when it is killed during registrations", {
  timeout: 120_000,
}, async () => {
  const report = await killedRegistrations(newFolder(), 60, 1);
  expect(report.kills).toBeGreaterThan(2);
  expect(report.interrupted).toBeGreaterThan(0);
});

it("is linearizable by model between two processes", { timeout: 120_000 }, async () => {
  const report = await twoProcesses(newFolder(), 1000, 3);
  expect(report.committed).toBeGreaterThan(100);
  expect(report.lost).toBeGreaterThan(10);
});

it("would notice commits that were lost, reordered or built on something else", () => {
  const operation = (id: string, given: Partial<Operation>): Operation => ({
    id,
    model: "m",
    began: 0,
    ended: 10,
    expected: 0,
    ...given,
  });
  const first = operation("a", { committed: 1, previous: "" });
  const second = operation("b", { committed: 2, expected: 1, previous: "a", began: 1 });
  const loser = operation("c", { expected: 0, lostTo: 2, began: 2 });
  expect(() => checkLinearizable([second, loser, first])).not.toThrow();
  for (const wrong of [
    [first, { ...second, committed: 1 }],
    [first, { ...second, committed: 3 }],
    [first, { ...second, previous: "x" }],
    [first, { ...second, expected: 0 }],
    [{ ...first, began: 20, ended: 30 }, second],
    [first, second, { ...loser, lostTo: 3 }],
    [first, second, { ...loser, lostTo: 2, expected: 2 }],
    [first, second, { ...loser, lostTo: 1, began: 20 }],
    [first, { ...second, began: 20, ended: 30 }, loser],
  ]) {
    expect(() => checkLinearizable(wrong)).toThrow();
  }
});
