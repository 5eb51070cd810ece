/** What the gate says where it cannot come to a verdict. */
import { createWriteStream, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BackendError } from "../../../backends/contract.ts";
import {
  ADDING_CONFIG,
  addingGraph,
  anArtifact,
  FakeCatalog,
} from "../../../test/support/fake-catalog.ts";
import { StatusError } from "../../errors.ts";
import { silent } from "../../logger.ts";
import { writeNpz } from "../../npz/write-npz.ts";
import type { InspectingModule } from "../modules.ts";
import type { GateExecutor } from "./executor.ts";
import { Gate, type GateParts, type GivenGolden } from "./gate.ts";

const onnx: InspectingModule = {
  kind: "arm-cpu",
  platforms: ["onnxruntime", "onnxruntime_onnx"],
  formats: { onnx: "model.onnx" },
  inspect: async () => ({ platform: "any" }),
};

let folder: string;
let catalog: FakeCatalog;
/** Where the artifact was laid out, each time it was loaded. */
let loaded: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-gate-test-"));
  catalog = new FakeCatalog();
  loaded = [];
});
afterEach(async () => {
  catalog.remove();
  await rm(folder, { recursive: true, force: true });
});

const adding: GateExecutor["execute"] = async (requests) =>
  requests.map((request) =>
    request.map((x) => ({ ...x, name: "y", data: Uint8Array.from(x.data) })),
  );

function prove(execute: GateExecutor["execute"] | Error, given?: GivenGolden) {
  const digest = catalog.put(addingGraph(0));
  catalog.set("jets", "1", { config: ADDING_CONFIG, artifacts: [anArtifact({ digest })] });
  const model = catalog.model("jets");
  const [version] = Object.values(model.versions);
  const [artifact] = version?.artifacts ?? [];
  if (version === undefined || artifact === undefined) throw new Error("no artifact");
  const parts: GateParts = {
    modules: [onnx],
    log: silent,
    blobPath: (each) => catalog.blobPath(each),
    blobs: {
      path: (each) => catalog.blobPath(each),
      async put(source) {
        const path = join(folder, "made");
        await pipeline(source, createWriteStream(path));
        const bytes = readFileSync(path);
        return { digest: catalog.put(bytes), sizeBytes: bytes.length };
      },
    },
    async executorOf(definition) {
      loaded.push(definition.artifact.path);
      if (execute instanceof Error) {
        throw new StatusError("INTERNAL", execute.message.replace("PATH", loaded[0] ?? ""), {
          cause: execute,
        });
      }
      const device = { id: "d0", vendor: "none", platform: "any", emulated: true };
      return { device, maxBatchSize: 64, execute, async close() {} };
    },
    goldenRows: 16,
    software: "test",
    now: () => 0,
    date: () => "2026-11-28T00:00:00Z",
  };
  const { signal } = new AbortController();
  return new Gate(parts).prove(model, version, artifact, given, () => {}, signal);
}

/** Golden inputs of 8 rows. */
async function inputs(spoil: (bytes: Buffer) => void = () => {}): Promise<GivenGolden> {
  const path = join(folder, "in.npz");
  const values = new Uint8Array(Float32Array.from({ length: 16 }, Math.random).buffer);
  await writeNpz(path, [{ name: "x", datatype: "FP32", shape: [8, 2], chunks: [values] }]);
  const bytes = readFileSync(path);
  spoil(bytes);
  return { inputs: catalog.put(bytes) };
}

describe("the gate", () => {
  it("makes the golden outputs of a reference, and leaves nothing behind", async () => {
    const { verdict, golden } = await prove(adding);
    expect(verdict).toMatchObject({ passed: true, rows: 16 });
    expect(golden).toMatchObject({ rows: 16, source: "generated" });
    expect(loaded.length).toBe(2);
    const [root = ""] = loaded[0]?.split(/(?<=beamgate-given-[^/]*)\//) ?? [];
    // The name by which the next gateway knows what one left that was killed.
    expect(basename(root)).toMatch(/^beamgate-given-/);
    expect(readdirSync(tmpdir())).not.toContain(basename(root));
  });

  it.each([
    ["load", new BackendError("artifact", "Load model from PATH failed: it is no graph")],
    ["execution", async () => Promise.reject(new BackendError("artifact", "PATH is no graph"))],
  ] as const)(
    "refuses a reference at '%s', without paths of this machine",
    async (check, fault) => {
      const refused = await prove(fault, await inputs()).catch((thrown: unknown) => thrown);
      expect(refused).toMatchObject({ check, code: "INVALID_ARGUMENT" });
      const { message } = refused as Error;
      expect(message).toContain("is no graph");
      expect(message).not.toContain(tmpdir());
    },
  );

  it("asks for golden inputs where a reference fails with those that were generated", async () => {
    const choosy = async () => Promise.reject(new BackendError("artifact", "index out of range"));
    await expect(prove(choosy)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringMatching(/index out of range; give golden inputs/),
    });
  });

  it("says that no device was free, and nothing of the reference", async () => {
    const none = async () => Promise.reject(new StatusError("UNAVAILABLE", "no board is free"));
    await expect(prove(none)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  it("refuses golden files that turn out to be damaged, without paths of this machine", async () => {
    const given = await inputs((bytes) => bytes.writeUInt8((bytes[150] ?? 0) ^ 1, 150));
    await expect(prove(adding, given)).rejects.toMatchObject({
      check: "golden",
      message: expect.stringMatching(/^the file of golden inputs: its check sum is wrong/),
    });
  });
});
