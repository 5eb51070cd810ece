import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { type UsageLine, usageCsv } from "../../inference/usage.ts";
import { silent } from "../../logger.ts";
import { HourFiles } from "./hour-files.ts";
import { MemoryHours, type UsageHours } from "./hours.ts";
import { UsageBook } from "./usage-book.ts";

const NOON = Date.parse("2026-11-28T12:00:00Z");
const HOUR_MS = 3_600_000;
const EVER = { fromMs: 0, toMs: NOON + 1e12 };
const used = (requests: number, tenant = "cms"): UsageLine => ({
  ...{ tenant, model: "jets", version: "1", variant: "", device: "cpu/x86_64" },
  ...{ requests, rows: 2 * requests, bytesIn: 0, bytesOut: 0, deviceSeconds: requests / 8 },
  ...{ measuredSeconds: 0, joules: null },
  refused: requests > 1 ? { queue: 1 } : {},
});

let folder: string;
let clock: VirtualClock;
let pending: UsageLine[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ledger-"));
  clock = new VirtualClock();
  pending = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** By so much somebody set the clock on the wall. */
let setByMs = 0;

function book(hours: UsageHours, keepDays = 400) {
  setByMs = 0;
  const ledger = { take: () => pending.splice(0) };
  const wallMs = () => NOON + setByMs + clock.now();
  return new UsageBook({ ledger, hours, keepDays, wallMs, clock, log: silent });
}
const requests = (lines: readonly { hour: string; tenant: string; requests: number }[]) =>
  lines.map(({ hour, tenant, requests }) => `${hour} ${tenant} ${requests}`);

/** While it lasts nothing can be written into the file, by root either. */
async function whileUnwritable(file: string, body: () => Promise<unknown>): Promise<void> {
  await rename(file, `${file}.aside`);
  await mkdir(file);
  await body();
  await rm(file, { recursive: true });
  await rename(`${file}.aside`, file);
}

/** Real time until the files are as expected: the clock of the book is a virtual one. */
async function until(done: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 5_000 && !(await done()); i += 1) await new Promise((r) => setTimeout(r, 4));
}

for (const [where, make] of [
  ["in memory", () => new MemoryHours()],
  ["in files", () => new HourFiles(join(folder, "usage"))],
] as const) {
  describe(`the usage book ${where}`, () => {
    it("adds up what was used in an hour, and is asked for spans of hours", async () => {
      const kept = book(make());
      for (const [at, count] of [
        [0, 3],
        [10, 4],
        [HOUR_MS, 5],
        [2 * HOUR_MS, 6],
      ] as const) {
        await clock.advance(at - clock.now());
        pending.push(used(count), used(1, "atlas"));
        await kept.read(EVER);
      }
      const span = { fromMs: NOON + 1, toMs: NOON + 2 * HOUR_MS };
      expect(requests(await kept.read(span))).toEqual([
        "2026-11-28T12 cms 7",
        "2026-11-28T12 atlas 2",
        "2026-11-28T13 cms 5",
        "2026-11-28T13 atlas 1",
      ]);
      expect((await kept.read(span))[0]).toMatchObject({
        rows: 14,
        deviceSeconds: 0.875,
        refused: { queue: 2 },
      });
    });

    it("forgets what is older than it is to keep", async () => {
      const kept = book(make(), 1);
      pending.push(used(1));
      await kept.read(EVER);
      await clock.advance(24 * HOUR_MS);
      pending.push(used(2));
      expect(await kept.read(EVER)).toHaveLength(2);
      await clock.advance(HOUR_MS);
      pending.push(used(3));
      expect(requests(await kept.read(EVER))).toEqual([
        "2026-11-29T12 cms 2",
        "2026-11-29T13 cms 3",
      ]);
    });
  });
}

describe("the files of the usage book", () => {
  const path = () => join(folder, "usage");
  const text = async () => {
    const [file = ""] = await readdir(path()).catch(() => []);
    return readFile(join(path(), file), "utf8").catch(() => "");
  };

  it("have what was used two seconds later, whether anybody asks or not", async () => {
    const kept = book(new HourFiles(path()));
    await kept.start();
    pending.push(used(3));
    await clock.advance(2000);
    await until(async () => (await text()).includes('"requests":3'));
    expect(await text()).toContain('"requests":3');
    pending.push(used(4));
    await kept.stop();
    expect(await text()).toContain('"requests":4');
  });

  it("have the energy that was measured, and null of lines of before it was", async () => {
    const kept = book(new HourFiles(path()));
    const { joules: _, measuredSeconds: __, ...older } = used(2);
    pending.push(older as UsageLine);
    await kept.read(EVER);
    expect(await kept.read(EVER)).toMatchObject([{ joules: null, measuredSeconds: 0 }]);
    pending.push({ ...used(4), joules: 12, measuredSeconds: 0.5 });
    await kept.read(EVER);
    pending.push({ ...used(4), joules: 3, measuredSeconds: 0.1 });
    await kept.read(EVER);
    const [line] = await kept.read(EVER);
    expect(line).toMatchObject({ requests: 10, joules: 15, deviceSeconds: 1.25 });
    expect(line?.measuredSeconds).toBeCloseTo(0.6, 9);
  });

  it("are read by the next process, without a line that was cut off", async () => {
    const first = book(new HourFiles(path()));
    pending.push(used(3));
    await first.read(EVER);
    const [file = ""] = await readdir(path());
    await appendFile(join(path(), file), '[{"tenant":"cms","model":"jets","req');
    const second = book(new HourFiles(path()));
    pending.push(used(4));
    expect(requests(await second.read(EVER))).toEqual(["2026-11-28T12 cms 7"]);
    expect(await readdir(path())).toHaveLength(2);
  });

  it.each([
    ["in the middle of its line", (whole: string) => whole.slice(0, whole.length / 2)],
    ["before its end", (whole: string) => whole.slice(0, -1)],
    ["behind it", (whole: string) => whole],
  ])("count a write once that failed %s and was made again", async (_where, cut) => {
    const hours = new HourFiles(path());
    const kept = book(hours);
    pending.push(used(3));
    await kept.read(EVER);
    const [file = ""] = await readdir(path());
    const before = await text();
    // The disk is full: what the write left behind is laid there when it has failed.
    await whileUnwritable(join(path(), file), async () => {
      pending.push(used(4));
      await kept.read({ fromMs: 0, toMs: 0 });
    });
    await appendFile(join(path(), file), cut(`${JSON.stringify([used(4)])}\n`));
    expect((await text()).length).toBeGreaterThan(before.length);
    expect(requests(await kept.read(EVER))).toEqual(["2026-11-28T12 cms 7"]);
  });

  it("do not count what was left behind by a process that was killed before the end of its line", async () => {
    const first = book(new HourFiles(path()));
    pending.push(used(3));
    await first.read(EVER);
    const [file = ""] = await readdir(path());
    await appendFile(join(path(), file), JSON.stringify([used(4)]));
    expect(requests(await book(new HourFiles(path())).read(EVER))).toEqual(["2026-11-28T12 cms 3"]);
  });

  it("are kept whatever is written between them, also by others", async () => {
    const kept = book(new HourFiles(path()));
    pending.push(used(3));
    await kept.read(EVER);
    const odd = [
      "",
      "null",
      "[null, 1, []]",
      "[{}]",
      '{"requests":1}',
      "\u0000\u0000",
      '[{"tenant":1}]',
    ];
    const far = `[${JSON.stringify({ ...used(1), requests: "9" })}]`;
    await writeFile(join(path(), "2026-11-28T12.x.jsonl"), `${[...odd, far].join("\n")}\n`);
    await writeFile(join(path(), "notes.txt"), "what is this folder?");
    expect(requests(await kept.read(EVER))).toEqual(["2026-11-28T12 cms 3"]);
  });

  it("survive a clock that is set ten years ahead, and back", async () => {
    const kept = book(new HourFiles(path()));
    await kept.start();
    pending.push(used(3));
    await kept.read(EVER);
    setByMs = 3_650 * 24 * HOUR_MS;
    pending.push(used(4));
    await kept.read(EVER);
    setByMs = 0;
    pending.push(used(5));
    expect(requests(await kept.read(EVER))).toEqual(["2026-11-28T12 cms 8", "2036-11-25T12 cms 4"]);
    await kept.stop();
    // The next process starts while the clock is wrong.
    setByMs = 3_650 * 24 * HOUR_MS;
    await rm(join(path(), (await readdir(path())).find((file) => file.startsWith("2036")) ?? ""));
    await new HourFiles(path()).prune("2035-01-01T00");
    expect(await readdir(path())).toHaveLength(1);
  });

  it("are one line long once their hour is over, and say the same", async () => {
    const kept = book(new HourFiles(path()));
    for (let i = 1; i <= 5; i += 1) {
      pending.push(used(i));
      await kept.read(EVER);
    }
    const before = usageCsv(await kept.read(EVER), "hour");
    expect((await text()).trimEnd().split("\n")).toHaveLength(5);
    await clock.advance(HOUR_MS);
    expect(usageCsv(await kept.read(EVER), "hour")).toBe(before);
    expect((await text()).trimEnd().split("\n")).toHaveLength(1);
  });

  it("lose nothing while they cannot be written", async () => {
    const files = new HourFiles(path());
    let full = true;
    const hours: UsageHours = {
      add: (hour, lines) => (full ? Promise.reject(new Error("ENOSPC")) : files.add(hour, lines)),
      read: (span) => files.read(span),
      prune: (hour) => files.prune(hour),
      close: (hour) => files.close(hour),
    };
    const kept = book(hours);
    pending.push(used(3));
    expect(await kept.read(EVER)).toEqual([]);
    pending.push(used(4));
    full = false;
    expect(requests(await kept.read(EVER))).toEqual(["2026-11-28T12 cms 7"]);
  });
});
