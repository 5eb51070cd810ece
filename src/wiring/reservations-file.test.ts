import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StatusError } from "../errors.ts";
import { type Logger, silent } from "../logger.ts";
import { ReservationsFile } from "./reservations-file.ts";

let folder: string;
let path: string;
let errors: string[];
let used: (readonly object[])[];
let file: ReservationsFile;

beforeEach(async () => {
  // Looks by itself when a test says so, whatever the machine is doing.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  folder = await mkdtemp(join(tmpdir(), "beamgate-calendar-"));
  path = join(folder, "calendar.yaml");
  errors = [];
  used = [];
  const log: Logger = { ...silent, error: (text) => errors.push(text) };
  const use = (given: readonly object[]) => {
    if (given.some((each) => "bad" in each)) throw new StatusError("INVALID_ARGUMENT", "bad: one");
    used.push(given);
  };
  file = new ReservationsFile(path, use, log);
});
afterEach(async () => {
  await file.stop();
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

const write = (...names: readonly string[]) =>
  writeFile(path, `reservations: [${names.map((name) => `{ ${name}: 1 }`).join()}]`);

describe("the file of reservations", () => {
  it("is used at the start, and when it became another one", async () => {
    await write("a");
    await file.start();
    const other = join(folder, "other.yaml");
    await writeFile(other, "reservations: [{ b: 1 }, { c: 1 }]");
    await rename(other, path);
    vi.advanceTimersByTime(1_000);
    await expect.poll(() => used).toEqual([[{ a: 1 }], [{ b: 1 }, { c: 1 }]]);
  });

  it("is read again when somebody asks, changed or not", async () => {
    await write("a");
    await file.start();
    await file.reload();
    expect(used).toHaveLength(2);
  });

  for (const [what, text, reason] of [
    ["no YAML", "reservations: [", "calendar.yaml: "],
    ["no list", "shifts: []", "expected 'reservations:' and a list"],
    [
      "longer than a look every second can bear",
      `reservations: [${"{ a: 1 },".repeat(10_001)}]`,
      "it has 10001 reservations, and 10000 are the most: one may be of many devices",
    ],
    ["very large", `reservations: [] #${" ".repeat(2 ** 22)}`, "4194304 are the most"],
    ["wrong for the calendar", "reservations: [{ bad: 1 }]", "calendar.yaml: bad: one"],
  ] as const) {
    it(`that is ${what} is refused at the start, and later told in the log`, async () => {
      await writeFile(path, text);
      await expect(file.start()).rejects.toThrow(reason);
      await write("a");
      await file.start();
      await writeFile(path, text);
      await file.reload();
      expect(used).toEqual([[{ a: 1 }]]);
      expect(errors).toHaveLength(1);
      expect(errors[0]).toContain("still counts");
      expect(errors[0]).toContain(reason);
    });
  }

  it("that is gone leaves the calendar as it was", async () => {
    await write("a");
    await file.start();
    await rm(path);
    await file.reload();
    expect(used).toHaveLength(1);
    expect(errors[0]).toMatch(/ENOENT/);
  });
});
