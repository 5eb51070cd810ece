import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import type { ClientConnection } from "../inference/shared-regions.ts";
import { SharedMemory } from "./manager.ts";

class FakeConnection implements ClientConnection {
  gone = false;
  readonly #tell: (() => void)[] = [];

  whenGone(tell: () => void): void {
    this.#tell.push(tell);
  }

  hangUp(): void {
    this.gone = true;
    for (const tell of this.#tell) tell();
  }
}

const GRACE_MS = 5_000;
let folder: string;
let clock: VirtualClock;
let memory: SharedMemory;
let client: FakeConnection;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-shm-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  clock = new VirtualClock();
  memory = new SharedMemory({ folder, ownPrefix: "ours-", clock });
  client = new FakeConnection();
  writeFileSync(join(folder, "data"), "0123456789");
});

const region = (name: string, given: object = {}) => ({
  name,
  key: "/data",
  offset: 0,
  byteLength: 10,
  ...given,
});
const register = (name: string, given: object = {}, connection = client) =>
  memory.register(region(name, given), connection, GRACE_MS);
const names = () => memory.status("").map(({ name }) => name);
const range = (given: object = {}) => ({ region: "r", offset: 0, byteLength: 4, ...given });

describe("a region", () => {
  it("is read and written where it was registered", () => {
    register("r", { offset: 2, byteLength: 8 });
    const bytes = memory.find(range({ offset: 1 }));
    const target = new Uint8Array(6);
    bytes.copyTo(target, 1);
    expect(Buffer.from(target).toString()).toBe("\x003456\x00");
    bytes.write(Buffer.from("ab"));
    bytes.copyTo(target, 1);
    expect(Buffer.from(target).toString()).toBe("\x00ab56\x00");
  });

  it("is known by its name until it is unregistered", () => {
    register("r");
    expect(memory.status("r")).toEqual([region("r")]);
    memory.unregister("r", client);
    expect(names()).toEqual([]);
    expect(() => memory.status("r")).toThrow("Unable to find system shared memory region: 'r'");
    expect(() => memory.find(range())).toThrow("Unable to find shared memory region: 'r'");
  });

  it("keeps its name to itself", () => {
    register("r");
    expect(() => register("r")).toThrow("shared memory region 'r' already in manager");
  });

  it.each([
    ["Invalid offset for shared memory region: 'r'", { offset: 10, byteLength: 0 }],
    ["Invalid offset + byte size for shared memory region: 'r'", { offset: 7 }],
  ])("%s", (text, given) => {
    register("r");
    expect(() => memory.find(range(given))).toThrow(text);
  });

  it("that was cut off since fails the request that uses it, and is not made longer", () => {
    register("r");
    const bytes = memory.find(range({ offset: 4 }));
    truncateSync(join(folder, "data"), 6);
    const text = "shared memory region 'r': its key '/data' no longer has the 10 bytes";
    expect(() => bytes.copyTo(new Uint8Array(4), 0)).toThrow(text);
    expect(() => bytes.write(Buffer.from("abcd"))).toThrow(text);
  });
});

describe("no region is made", () => {
  it.each(["/nobody", "", "/", ".", "..", "/../data", "sub/data", "a\0b", "folder", "link"])(
    "of the key %j",
    (key) => {
      mkdirSync(join(folder, "folder"), { recursive: true });
      rmSync(join(folder, "link"), { force: true });
      symlinkSync(join(folder, "data"), join(folder, "link"));
      expect(() => register("r", { key })).toThrow(`Unable to open shared memory region: '${key}'`);
    },
  );

  it("of this server's own memory", () => {
    writeFileSync(join(folder, "ours-1"), "0123456789");
    expect(() => register("r", { key: "/ours-1" })).toThrow("Unable to open");
  });

  it("of the memory of Triton's stubs", () => {
    const key = "triton_python_backend_shm_region_1";
    expect(() => register("r", { key })).toThrow(
      `cannot register shared memory region 'r' with key '${key}' as the key contains the reserved prefix 'triton_python_backend_shm_region_'`,
    );
  });

  it.each([{ byteLength: 11 }, { offset: 1 }, { byteLength: 0 }])(
    "beyond its file: %o",
    (given) => {
      expect(() => register("r", given)).toThrow(
        "failed to register shared memory region 'r': invalid args",
      );
    },
  );
});

describe("a region that requests use", () => {
  it("is unregistered when the last of them is done", () => {
    register("r");
    const [first, second] = [memory.find(range()), memory.find(range())];
    first.hold(client);
    second.hold(client);
    memory.unregister("", client);
    first.release();
    expect(names()).toEqual(["r"]);
    second.copyTo(new Uint8Array(4), 0);
    second.release();
    expect(names()).toEqual([]);
  });
});

describe("a region whose connection is gone", () => {
  const other = () => new FakeConnection();

  it("goes after a grace period, and only then", async () => {
    register("r");
    register("s", {}, other());
    client.hangUp();
    await clock.advance(GRACE_MS - 1);
    expect(names()).toEqual(["r", "s"]);
    await clock.advance(1);
    expect(names()).toEqual(["s"]);
  });

  it("waits for the requests that use it", async () => {
    register("r");
    const bytes = memory.find(range());
    bytes.hold(client);
    client.hangUp();
    await clock.advance(GRACE_MS);
    expect(names()).toEqual(["r"]);
    bytes.release();
    expect(names()).toEqual([]);
  });

  it("stays for a client that comes back over another connection and uses it", async () => {
    register("r");
    client.hangUp();
    const again = other();
    const bytes = memory.find(range());
    bytes.hold(again);
    bytes.release();
    await clock.advance(10 * GRACE_MS);
    expect(names()).toEqual(["r"]);
    again.hangUp();
    await clock.advance(GRACE_MS);
    expect(names()).toEqual([]);
  });

  it("makes place for a new one of its name, which the old grace period does not touch", async () => {
    register("r");
    client.hangUp();
    register("r", { byteLength: 5 }, other());
    await clock.advance(GRACE_MS);
    expect(memory.status("r")).toEqual([region("r", { byteLength: 5 })]);
  });

  it("can be unregistered by anybody who names it", () => {
    register("r");
    client.hangUp();
    memory.unregister("r", other());
    expect(names()).toEqual([]);
  });
});

describe("regions of others", () => {
  const other = new FakeConnection();

  it("stay when a client unregisters all", () => {
    register("mine");
    register("theirs", {}, other);
    memory.unregister("", client);
    expect(names()).toEqual(["theirs"]);
  });

  it("stay when a client unregisters them by name, without an error", () => {
    register("theirs", {}, other);
    memory.unregister("theirs", client);
    expect(names()).toEqual(["theirs"]);
  });
});
