import {
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { memoryStore } from "../../../test/support/memory-store.ts";
import { JET, scratchFolder } from "../../../test/support/registration.ts";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { StatusError } from "../../errors.ts";
import { silent } from "../../logger.ts";
import type { Registration } from "../catalog/types.ts";
import { DropFolder, type DropOutcome } from "./drop-folder.ts";
import { RegistrationRefused } from "./refused.ts";
import type { Registrar } from "./registrar.ts";

const scratch = scratchFolder();
const store = memoryStore();
afterAll(() => store.close());
let root = "";
let made = 0;
beforeEach(() => {
  root = join(scratch, `drop-${made++}`);
  mkdirSync(root);
});

type Register = Registrar["register"];

/** Accepts everything, unless the case says otherwise. */
function rig(answer?: (registration: Registration) => Error | undefined) {
  const clock = new VirtualClock();
  const turn = { mine: true };
  const registered: Registration[] = [];
  const register: Register = async (registration) => {
    registered.push(registration);
    const error = answer?.(registration);
    if (error !== undefined) throw error;
    const { artifact: digest, vendor, file } = registration;
    const artifact = {
      digest,
      vendor,
      file,
      variant: vendor,
      backend: "b",
      platform: "p",
      format: "f",
      sizeBytes: 1,
      numericClass: "c",
      facts: {},
      checks: [],
      state: "ready" as const,
      registeredBy: "x",
      registeredAt: "y",
    };
    return { generation: 1, unchanged: false, artifact, checks: [] };
  };
  const drop = new DropFolder({
    mine: async () => turn.mine,
    folder: root,
    registrar: { register },
    blobs: store.blobs,
    maxArtifactBytes: 2 ** 20,
    clock,
    now: () => 0,
    log: silent,
    quietMs: 1000,
  });
  /** Looks, waits as long as a file must be quiet, looks again. */
  const settle = async (): Promise<readonly DropOutcome[]> => {
    await drop.look();
    await clock.advance(1000);
    return await drop.look();
  };
  return { drop, clock, turn, registered, settle };
}

const outcome = (...path: string[]): DropOutcome =>
  JSON.parse(readFileSync(join(root, ...path, "registration.json"), "utf8"));

function write(path: string, content: string | Uint8Array = path): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), content);
}

describe("a version folder in which there is nothing to register", () => {
  const made: [string, (folder: string) => void, RegExp][] = [
    [
      "a link",
      (folder) => symlinkSync("/etc/hostname", join(folder, "model.onnx")),
      /but model\.onnx; expected a plain file .*links and pipes are not followed/,
    ],
    [
      "two ONNX files of other names",
      (folder) => {
        for (const name of ["a.onnx", "b.onnx"]) writeFileSync(join(folder, name), name);
      },
      /but a\.onnx, b\.onnx; expected/,
    ],
    [
      "an artifact without its manifest",
      (folder) => {
        mkdirSync(join(folder, "u50"));
        writeFileSync(join(folder, "u50", "net.xclbin"), "x");
      },
      /but u50; expected .*manifest\.json/,
    ],
  ];
  it.each(made)("is told so: %s", async (_, make, reason) => {
    mkdirSync(join(root, "m/1"), { recursive: true });
    make(join(root, "m/1"));
    const { settle, registered } = rig();
    expect(await settle()).toMatchObject([{ outcome: "refused" }]);
    expect(outcome("m", "1").reason).toMatch(reason);
    expect(await settle()).toEqual([]);
    expect(registered).toEqual([]);
    // Once it is there it is registered like any other.
    write("m/1/model.onnx.part", "model");
    renameSync(join(root, "m/1/model.onnx.part"), join(root, "m/1/model.onnx"));
    expect(await settle()).toMatchObject([{ outcome: "registered" }]);
  });

  it("is nobody's concern while it is empty", async () => {
    mkdirSync(join(root, "m/1"), { recursive: true });
    expect(await rig().settle()).toEqual([]);
  });
});

describe("a model that is dropped", () => {
  it("takes golden inputs alone along: the outputs are the reference's", async () => {
    write("m/1/model.onnx");
    write("m/1/golden-inputs.npz");
    const { settle, registered } = rig();
    await settle();
    expect(Object.keys(registered[0]?.golden ?? {})).toEqual(["inputs"]);
  });

  it("is registered with its variants, the ONNX file first, as its folders say", async () => {
    cpSync(JET, join(root, "jet_tagger"), { recursive: true });
    const { registered, settle } = rig();
    const outcomes = await settle();
    expect(outcomes.map(({ outcome: word }) => word)).toEqual([
      "registered",
      "registered",
      "registered",
    ]);
    expect(registered.map(({ vendor, file }) => `${vendor} ${file}`)).toEqual([
      "cpu model.onnx",
      "intel jet_tagger.cl",
      "xilinx jet_tagger.xclbin",
    ]);
    const [onnx, intel] = registered;
    expect(onnx).toMatchObject({
      name: "jet_tagger",
      version: "1",
      config: expect.stringContaining("probabilities"),
    });
    // What the configuration names comes along, other files of the model do not.
    expect(Object.keys(onnx?.files ?? {})).toEqual(["labels.txt"]);
    expect(onnx).not.toHaveProperty("manifest");
    expect(intel).toMatchObject({ manifest: { vendor: "intel" } });
    expect(outcome("jet_tagger", "1", "u50")).toMatchObject({
      outcome: "registered",
      state: "ready",
      digest: registered[2]?.artifact,
    });
  });

  it("is left to the gateway whose turn it is", async () => {
    write("m/1/model.onnx");
    const { registered, turn, settle } = rig();
    turn.mine = false;
    expect([await settle(), registered.length]).toEqual([[], 0]);
    turn.mine = true;
    await settle();
    expect(registered).toHaveLength(1);
  });

  it("brings golden files, external data, a signature and a class along", async () => {
    write("m/2/graph.onnx");
    write("m/2/weights.bin");
    write("m/2/golden-inputs.npz");
    write("m/2/golden-outputs.npz");
    write("m/2/signature.json", JSON.stringify({ keyId: "k", value: "v", extra: 1 }));
    write("m/2/equivalence.json", JSON.stringify({ class: { kind: "ulp", max: 2 } }));
    const { registered, settle } = rig();
    await settle();
    expect(registered).toHaveLength(1);
    expect(registered[0]).toMatchObject({
      version: "2",
      file: "graph.onnx",
      golden: { inputs: expect.stringMatching(/^sha256/) },
      signature: { keyId: "k" },
      equivalence: { class: { max: 2 } },
    });
    expect(Object.keys(registered[0]?.files ?? {})).toEqual(["2/weights.bin"]);
  });

  it("waits until its files are quiet", async () => {
    write("m/1/model.onnx", "half");
    const { drop, clock, registered } = rig();
    await drop.look();
    await clock.advance(900);
    write("m/1/model.onnx", "half and more");
    await drop.look();
    await clock.advance(900);
    expect(await drop.look()).toEqual([]);
    await clock.advance(100);
    expect(await drop.look()).toHaveLength(1);
    expect(registered).toHaveLength(1);
  });

  it("is registered once, also by the next process, until a file changes", async () => {
    write("m/1/model.onnx");
    const first = rig();
    await first.settle();
    expect(await first.settle()).toEqual([]);
    const second = rig();
    expect(await second.settle()).toEqual([]);
    write("m/1/model.onnx", "new bytes");
    expect(await second.settle()).toHaveLength(1);
  });
});

describe("what is refused", () => {
  it("says so beside it, with the checks, and is not asked about again", async () => {
    write("m/1/model.onnx");
    const check = {
      check: "container",
      outcome: "failed",
      reason: "broken",
      remedy: "build it",
    } as const;
    const { settle } = rig(() => new RegistrationRefused([check], undefined));
    await settle();
    expect(outcome("m", "1")).toMatchObject({
      outcome: "refused",
      reason: expect.stringContaining("broken"),
      checks: [check],
    });
    expect(await settle()).toEqual([]);
  });

  it("because of the moment is asked about again later", async () => {
    write("m/1/model.onnx");
    let busy = true;
    const { settle, drop, clock, registered } = rig(() =>
      busy ? new StatusError("RESOURCE_EXHAUSTED", "disk full") : undefined,
    );
    await settle();
    expect(outcome("m", "1")).toMatchObject({ outcome: "failed", reason: "disk full" });
    expect(await settle()).toEqual([]);
    busy = false;
    await clock.advance(30_000);
    expect(await drop.look()).toMatchObject([{ outcome: "registered" }]);
    expect(registered).toHaveLength(2);
  });

  const broken: [string, Record<string, string>, RegExp][] = [
    ["a manifest that is no JSON", { "manifest.json": "{" }, /manifest\.json: /],
    [
      "a manifest of a vendor that is none",
      { "manifest.json": JSON.stringify({ vendor: "amd", artifact: { file: "a" } }) },
      /vendor: /,
    ],
    [
      "a manifest whose file is not there",
      {
        "manifest.json": JSON.stringify({
          vendor: "xilinx",
          artifact: { file: "../../../etc/passwd" },
        }),
      },
      /there is no plain file '\.\.\/\.\.\/\.\.\/etc\/passwd' beside it/,
    ],
    [
      "a class that is none",
      {
        "manifest.json": JSON.stringify({ vendor: "xilinx", artifact: { file: "a.xclbin" } }),
        "a.xclbin": "x",
        "equivalence.json": '{"class":{"kind":"nearly"}}',
      },
      /equivalence\.json: class\.kind/,
    ],
  ];
  it.each(broken)("%s", async (_, files, reason) => {
    for (const [name, content] of Object.entries(files)) write(`m/1/u50/${name}`, content);
    const { settle, registered } = rig();
    await settle();
    expect(registered).toEqual([]);
    expect(outcome("m", "1", "u50").reason).toMatch(reason);
  });
});

describe("links", () => {
  it("are not followed, neither to files nor to folders, nor where one takes a file's place later", async () => {
    const outside = join(scratch, `outside-${made}`);
    mkdirSync(join(outside, "1"), { recursive: true });
    writeFileSync(join(outside, "1", "model.onnx"), "secret");
    symlinkSync(outside, join(root, "whole"));
    mkdirSync(join(root, "version"));
    symlinkSync(join(outside, "1"), join(root, "version", "1"));
    mkdirSync(join(root, "file", "1"), { recursive: true });
    symlinkSync(join(outside, "1", "model.onnx"), join(root, "file", "1", "model.onnx"));
    write("later/1/model.onnx");
    const { drop, clock, registered } = rig();
    await drop.look();
    await clock.advance(1000);
    // Between the look and the reading: the folder is another one, with a file of that name.
    renameSync(join(root, "later", "1"), join(outside, "moved"));
    symlinkSync(join(outside, "moved"), join(root, "later", "1"));
    await drop.look();
    expect(registered).toEqual([]);
    rmSync(join(root, "later", "1"));
  });

  it("in the place of an outcome are replaced", async () => {
    write("m/1/model.onnx");
    const victim = join(scratch, `victim-${made}`);
    writeFileSync(victim, "precious");
    symlinkSync(victim, join(root, "m", "1", "registration.json"));
    const { settle } = rig();
    await settle();
    expect(readFileSync(victim, "utf8")).toBe("precious");
    expect(outcome("m", "1").outcome).toBe("registered");
  });
});

describe("a watcher", () => {
  it("looks by itself, and ends at close", async () => {
    write("m/1/model.onnx");
    const { drop, clock, registered } = rig();
    drop.start();
    for (let round = 0; round < 2_000 && registered.length === 0; round++) {
      await clock.advance(1000);
      // Files are read on other threads, whatever the clock says.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(registered).toHaveLength(1);
    await drop.close();
    expect(clock.pending).toBe(0);
  });
});
