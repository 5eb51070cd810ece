import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ArtifactManifest, KernelManifest } from "../../../backends/contract.ts";
import { makeElf } from "../../../test/support/make-elf.ts";
import { makeGbs } from "../../../test/support/make-gbs.ts";
import { field, message } from "../../../test/support/make-protobuf.ts";
import { deviceTree, KINDS, makeXclbin } from "../../../test/support/make-xclbin.ts";
import { makeXmodel } from "../../../test/support/make-xmodel.ts";
import {
  checkers,
  failures,
  identityModel,
  jetTagger,
  scratchFolder,
  U50,
  writer,
} from "../../../test/support/registration.ts";
import { newKeyPair, signArtifact } from "../trust/artifact-signature.ts";
import { Trust } from "../trust/trust.ts";
import { vendorRules } from "../vendors/vendor-rules.ts";
import type { Candidate, Checkers } from "./candidate.ts";
import { runChecks } from "./run-checks.ts";

const folder = scratchFolder();
const write = writer(folder);
const jet = { cpu: jetTagger("cpu"), xilinx: jetTagger("xilinx"), intel: jetTagger("intel") };
type Board = "xilinx" | "intel";

/** The board's artifact with other bytes; the manifest has their digest. */
function withBytes(board: Board, change: (bytes: Buffer) => Buffer): Candidate {
  const file = write(change(readFileSync(jet[board].path)), jet[board].file);
  return { ...jet[board], ...file, manifest: withDigest(jet[board].manifest, file.digest) };
}

function withDigest(manifest: ArtifactManifest | undefined, digest: string): unknown {
  return { ...manifest, artifact: { ...manifest?.artifact, digest } };
}

/** The board's artifact with another manifest. */
function withManifest(board: Board, change: (manifest: ArtifactManifest) => unknown): Candidate {
  return {
    ...jet[board],
    manifest: change(structuredClone(jet[board].manifest as ArtifactManifest)),
  };
}

/** Deep enough for a manifest. */
function kernelWith(
  board: Board,
  change: (kernel: { arguments: unknown[] }) => unknown,
): Candidate {
  return withManifest(board, (manifest) => ({
    ...manifest,
    kernel: change(manifest.kernel as unknown as { arguments: unknown[] }),
  }));
}

const replaced = (from: string, to: string) => (bytes: Buffer) =>
  Buffer.from(bytes.toString("latin1").replaceAll(from, to), "latin1");

const onnx = (bytes: Uint8Array, changes: Partial<Candidate> = {}): Candidate => ({
  ...{ name: "m", version: "1", vendor: "cpu", files: new Map(), whole: true },
  ...write(bytes, "model.onnx"),
  ...changes,
});

/** y = x, with a tensor whose values lie in another file. */
const withExternal = (location: string, length = 0) =>
  Buffer.concat([identityModel(), field(7, message(field(5, externalTensor(location, length))))]);
const externalTensor = (location: string, length: number) =>
  message(
    field(1, 2),
    field(8, "w"),
    field(13, message(field(1, "location"), field(2, location))),
    field(13, message(field(1, "length"), field(2, `${length}`))),
    field(14, 1),
  );

const withOperator = Buffer.concat([
  identityModel(),
  field(7, message(field(1, message(field(4, "Steal"), field(7, "evil.ops"))))),
  field(8, message(field(1, "evil.ops"), field(2, 1))),
]);

const zip = (names: readonly string[], attributes = 0) => {
  const local = names.map((name) => {
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(Buffer.byteLength(name), 26);
    return Buffer.concat([head, Buffer.from(name)]);
  });
  let at = 0;
  const central = names.map((name, index) => {
    const head = Buffer.alloc(46);
    head.writeUInt32LE(0x02014b50, 0);
    head.writeUInt16LE(3 << 8, 4);
    head.writeUInt16LE(Buffer.byteLength(name), 28);
    head.writeUInt32LE(attributes, 38);
    head.writeUInt32LE(at, 42);
    at += local[index]?.length ?? 0;
    return Buffer.concat([head, Buffer.from(name)]);
  });
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(names.length, 8);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(Buffer.concat(central).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, ...central, end]);
};
const bundle = (names: readonly string[], attributes = 0): Candidate =>
  onnx(zip(names, attributes), { vendor: "intel", file: "model.zip" });

const keys = { alice: newKeyPair(), old: newKeyPair(), intel: newKeyPair() };
const trusted = write(
  JSON.stringify([
    { id: "alice", publicKey: keys.alice.publicKey, vendors: ["xilinx"] },
    { id: "old", publicKey: keys.old.publicKey, vendors: ["xilinx"], notAfter: "2020-01-01" },
    { id: "intel", publicKey: keys.intel.publicKey, vendors: ["intel"] },
  ]),
  "trust.json",
);
const trust = new Trust(trusted.path);
const signed = (keyId: string, pair = keys.alice): Candidate => ({
  ...jet.xilinx,
  signature: { keyId, value: signArtifact(pair.privateKey, jet.xilinx.digest ?? "", "xilinx") },
});

const config = (text: string) => ({ config: text });
const TENSORS = `input { name: "x" data_type: TYPE_FP32 dims: 2 } output { name: "y" data_type: TYPE_FP32 dims: 2 }`;
const boards = (platform: string, emulated: boolean) => ({
  devices: () => [{ id: "u50-1", vendor: "xilinx", platform, emulated }],
});
const oldXclbin = makeXclbin({
  platform: U50,
  sections: {
    [KINDS.BUILD_METADATA]: Buffer.from(
      '{"build_metadata":{"xclbin":{"generated_by":{"name":"v++","version":"2019.2"}}}}',
    ),
  },
});
const INTERFACE = "862c7020-a250-293e-3203-6f19956669e5";
const withInterface = makeXclbin({
  platform: U50,
  interfaceUuid: INTERFACE,
  sections: { [KINDS.PARTITION_METADATA]: deviceTree([["interface_uuid", INTERFACE]]) },
});
const KERNEL: KernelManifest = {
  name: "jet_tagger",
  computeUnits: ["jet_tagger_1"],
  arguments: [
    { index: 0, role: "input", tensor: "x", banks: [0] },
    { index: 1, role: "output", tensor: "y", banks: [1] },
    { index: 2, role: "rows" },
  ],
};
const made = (bytes: Buffer, changes: Partial<ArtifactManifest> = {}): Candidate => ({
  ...jet.xilinx,
  ...write(bytes, "made.xclbin"),
  config: `max_batch_size: 8 ${TENSORS}`,
  manifest: {
    ...jet.xilinx.manifest,
    artifact: { file: "made.xclbin", format: "xclbin", platform: U50 },
    inputs: [{ name: "x", datatype: "FP32", shape: [2] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [2] }],
    kernel: KERNEL,
    ...changes,
  },
});
const tooOldAoc = makeElf([
  [".acl.board", "pac_a10"],
  [".acl.version", "18.1.0"],
  [".acl.autodiscovery", ""],
]);
const badGbs = makeGbs({ "afu-image": { "interface-uuid": "no" } }, "x");

const link = join(folder, "linked.bin");
symlinkSync("/etc/passwd", link);
const linked = new Map([["1/w.bin", link]]);
const small = { maxArtifactBytes: 1000 };

const REFUSALS: readonly [
  what: string,
  check: string,
  candidate: Candidate,
  reason: RegExp,
  checkers?: Partial<Checkers>,
][] = [
  ["a name that leaves the repository", "name", { ...jet.cpu, name: "../etc" }, /path traversal/],
  ["a name that reads as an address", "name", { ...jet.cpu, name: "a:1" }, /has the character ":"/],
  ["version 0", "name", { ...jet.cpu, version: "0" }, /version '0' is no version/],
  ["version 01", "name", { ...jet.cpu, version: "01" }, /version '01' is no version/],
  ["no bytes", "size", onnx(Buffer.alloc(0)), /the file is empty/],
  ["too many bytes", "size", jet.cpu, /18234 bytes, expected at most 1000/, small],
  [
    "a manifest that is none",
    "manifest",
    withManifest("xilinx", ({ inputs: _, ...rest }) => rest),
    /inputs/,
  ],
  [
    "one tampered byte",
    "digest",
    {
      ...withBytes("xilinx", (bytes) => bytes.fill("#", bytes.length - 9, bytes.length - 8)),
      manifest: jet.xilinx.manifest,
    },
    /the manifest says sha256:a8d7/,
  ],
  [
    "half an xclbin",
    "container",
    withBytes("xilinx", (bytes) => bytes.subarray(0, bytes.length / 2)),
    /a length of/,
  ],
  [
    "half an ONNX file",
    "container",
    onnx(readFileSync(jet.cpu.path).subarray(0, 9000)),
    /not an ONNX model, or it is truncated/,
  ],
  [
    "a gbs with a broken description",
    "container",
    onnx(badGbs, { vendor: "intel" }),
    /accelerator-clusters|interface-uuid/,
  ],
  [
    "a PNG",
    "container",
    onnx(Buffer.from("89504e470d0a1a0a0000", "hex")),
    /unknown format that begins with 89504e47/,
  ],
  [
    "a tar archive",
    "container",
    onnx(Buffer.concat([Buffer.alloc(257), Buffer.from("ustar\0"), Buffer.alloc(300)])),
    /a tar archive/,
  ],
  [
    "a manifest of another format",
    "container",
    withManifest("intel", (manifest) => ({
      ...manifest,
      artifact: { ...manifest.artifact, format: "aocx" },
    })),
    /the bytes are cl, the manifest says aocx/,
  ],
  [
    "a U50's image for Intel",
    "vendor",
    { ...jet.xilinx, vendor: "intel" },
    /the bytes are xclbin, which the registry of xilinx takes/,
  ],
  [
    "Intel's source for Xilinx",
    "vendor",
    { ...jet.intel, vendor: "xilinx" },
    /the bytes are cl, which the registry of intel takes/,
  ],
  ["an ONNX file for Xilinx", "vendor", { ...jet.cpu, vendor: "xilinx" }, /takes; that of xilinx/],
  [
    "a manifest of another vendor",
    "vendor",
    withManifest("xilinx", (manifest) => ({ ...manifest, vendor: "intel" })),
    /the manifest is for vendor 'intel'/,
  ],
  [
    "another shell than the manifest's",
    "platform",
    withBytes("xilinx", replaced(U50, "xilinx_u50_gen3x16_xdma_base_3")),
    /linked for platform 'xilinx_u50_gen3x16_xdma_base_3', expected/,
  ],
  [
    "another shell than the boards'",
    "platform",
    jet.xilinx,
    /the boards known here have xilinx_u50_gen3x4_xdma_base_2/,
    boards("xilinx_u50_gen3x4_xdma_base_2", true),
  ],
  [
    "another card",
    "platform",
    made(makeXclbin({ platform: "xilinx_u250_gen3x16_base_3" }), {
      artifact: { file: "made.xclbin", format: "xclbin", platform: "any" },
    }),
    /linked for xilinx_u250/,
  ],
  [
    "hardware emulation",
    "platform",
    made(makeXclbin({ platform: U50, mode: 4 })),
    /linked for hardware emulation/,
  ],
  [
    "another interface than the manifest's",
    "platform",
    made(withInterface, { parameters: { interface_uuid: "11111111-a250-293e-3203-6f19956669e5" } }),
    /its interface is 862c7020/,
  ],
  [
    "no manifest",
    "kernel",
    { ...jet.xilinx, manifest: undefined } as unknown as Candidate,
    /manifest is missing/,
  ],
  [
    "another kernel",
    "kernel",
    kernelWith("xilinx", (kernel) => ({ ...kernel, name: "other" })),
    /kernel 'other', expected 'run_network'/,
  ],
  [
    "an argument that is missing",
    "kernel",
    kernelWith("intel", ({ arguments: all, ...kernel }) => ({
      ...kernel,
      arguments: all.slice(0, 2),
      rowsPerCall: 16,
    })),
    /takes 3 arguments, the manifest names 2/,
  ],
  [
    "a scalar as a buffer",
    "kernel",
    made(makeXclbin({ platform: U50 }), {
      kernel: {
        ...KERNEL,
        arguments: [
          { index: 2, role: "input", tensor: "x" },
          { index: 1, role: "output", tensor: "y" },
          { index: 0, role: "rows" },
        ],
      },
    }),
    /expected of a buffer/,
  ],
  [
    "a bank without a wire",
    "kernel",
    kernelWith("xilinx", ({ arguments: all, ...kernel }) => ({
      ...kernel,
      arguments: all.map((each, at) =>
        at === 0 ? { ...(each as object), banks: [31, 31, 31, 31] } : each,
      ),
    })),
    /bank 31 for compute unit/,
  ],
  [
    "a compute unit that is not there",
    "kernel",
    kernelWith("xilinx", (kernel) => ({
      ...kernel,
      computeUnits: ["run_network_1", "run_network_2", "run_network_3", "run_network_9"],
    })),
    /compute unit 'run_network_9'/,
  ],
  [
    "an output of another datatype",
    "tensors",
    withManifest("intel", (manifest) => ({
      ...manifest,
      outputs: manifest.outputs.map((output) => ({ ...output, datatype: "FP64" })),
    })),
    /'probabilities' is FP32 in the model, FP64 in the manifest/,
  ],
  [
    "an input of another name",
    "tensors",
    onnx(identityModel(), config(`max_batch_size: 8 ${TENSORS.replace('"x"', '"z"')}`)),
    /unexpected inference input 'z', allowed inputs are: x/,
  ],
  [
    "an input of another shape",
    "tensors",
    onnx(identityModel(), config(`max_batch_size: 8 ${TENSORS.replace("dims: 2", "dims: 3")}`)),
    /specifies 2 dimensions/,
  ],
  [
    "a batch size burnt in",
    "fixed-batch",
    onnx(identityModel(4), config(`max_batch_size: 8 ${TENSORS}`)),
    /4 rows are burnt in, the gateway sends 1 to 8/,
  ],
  [
    "a batch size burnt in, tensors left out",
    "fixed-batch",
    onnx(identityModel(4), config("max_batch_size: 8")),
    /4 rows are burnt in/,
  ],
  ["an old v++", "toolchain", made(oldXclbin), /made by v\+\+ 2019\.2, expected 2020\.1 or later/],
  [
    "an old aoc",
    "toolchain",
    onnx(tooOldAoc, { vendor: "intel" }),
    /made by aoc 18\.1\.0, expected 19\.1/,
  ],
  [
    "a tool that is denied",
    "toolchain",
    onnx(Buffer.concat([identityModel(), field(3, "1.2")])),
    /made by beamgate 1\.2, which is refused: wrong sums/,
    {
      rules: vendorRules({
        tools: { cpu: [{ tool: "beamgate", denied: [{ version: "1.2", why: "wrong sums" }] }] },
      }),
    },
  ],
  [
    "external data upstairs",
    "external-data",
    onnx(withExternal("../../etc/passwd")),
    /'\.\.\/\.\.\/etc\/passwd' leads out/,
  ],
  [
    "external data at the root",
    "external-data",
    onnx(withExternal("/etc/passwd")),
    /'\/etc\/passwd' leads out/,
  ],
  [
    "external data behind backslashes",
    "external-data",
    onnx(withExternal("..\\w.bin")),
    /leads out/,
  ],
  [
    "external data that nobody gave",
    "external-data",
    onnx(withExternal("w.bin")),
    /'w\.bin' was not given/,
  ],
  [
    "external data that is a link",
    "external-data",
    onnx(withExternal("w.bin"), { files: linked }),
    /file '1\/w\.bin' is a link/,
  ],
  [
    "external data that is too short",
    "external-data",
    onnx(withExternal("w.bin", 100), { files: new Map([["w.bin", write("short").path]]) }),
    /is shorter than the model says: 5 bytes, needs 100/,
  ],
  [
    "a file that leads out",
    "external-data",
    onnx(identityModel(), { files: new Map([["../w.bin", write("w").path]]) }),
    /'\.\.\/w\.bin' leads out/,
  ],
  [
    "a library by name",
    "external-data",
    onnx(identityModel(), { files: new Map([["ops.so.1", write("w").path]]) }),
    /'ops\.so\.1' is a library/,
  ],
  [
    "a library by content",
    "external-data",
    onnx(identityModel(), { files: new Map([["labels.txt", write(makeElf([], 64)).path]]) }),
    /'labels\.txt' is a library/,
  ],
  [
    "an operator of nobody's",
    "external-data",
    onnx(withOperator),
    /operator evil\.ops::Steal is none of ONNX Runtime's/,
  ],
  [
    "an archive that leads out",
    "archive",
    bundle(["a.bin", "../../home/.ssh/keys"]),
    /leads out of the archive/,
  ],
  [
    "an archive with an absolute path",
    "archive",
    bundle(["/etc/passwd"]),
    /leads out of the archive/,
  ],
  [
    "an archive with a link",
    "archive",
    bundle(["a.bin"], 0o120777 * 2 ** 16),
    /"a\.bin" is a link/,
  ],
  [
    "an archive with a file twice",
    "archive",
    bundle(["a.bin", "A.BIN"]),
    /"A\.BIN" is there twice/,
  ],
  ["an unknown key", "signature", signed("bob"), /key 'bob' is unknown/, { trust }],
  ["an expired key", "signature", signed("old", keys.old), /key 'old' has expired/, { trust }],
  [
    "a key of another vendor",
    "signature",
    signed("intel", keys.intel),
    /is for intel, not for xilinx/,
    { trust },
  ],
  [
    "a signature by another key",
    "signature",
    signed("alice", keys.old),
    /not one by key 'alice'/,
    { trust },
  ],
  ["a signature where nobody is trusted", "signature", signed("alice"), /unknown: there is none/],
  [
    "no signature where one is asked for",
    "signature",
    jet.xilinx,
    /asks for one/,
    { trust, rules: vendorRules({ requireSignature: ["xilinx"] }) },
  ],
  [
    "a configuration that cannot be read",
    "config",
    { ...jet.cpu, config: "max_batch_size: many" },
    /failed to read text proto from config\.pbtxt:1/,
  ],
  [
    "a configuration of another model",
    "config",
    { ...jet.cpu, name: "jets" },
    /of model 'jet_tagger', not of 'jets'/,
  ],
  [
    "a library of operators",
    "config",
    onnx(identityModel(), config('model_operations { op_library_filename: "ops.so" }')),
    /op_library_filename of m is refused/,
  ],
  [
    "golden files that are none",
    "golden",
    { ...jet.cpu, golden: { inputs: jet.cpu.path, outputs: jet.cpu.path } },
    /is no npz file/,
  ],
  [
    "a class that means nothing",
    "equivalence",
    { ...jet.cpu, equivalence: { class: { kind: "ulp", max: -1 } } },
    /max is -1/,
  ],
];

describe("what is wrong in one thing is refused at the check of that thing", () => {
  it.each(REFUSALS)("%s: %s", async (_, check, candidate, reason, changes = {}) => {
    const failed = await failures(candidate, checkers(folder, changes));
    expect(failed.map((each) => each.check)).toEqual([check]);
    expect(failed[0]?.reason).toMatch(reason);
    expect(failed[0]?.remedy).toBeTruthy();
  });
});

describe("what is right passes every check that applies", () => {
  it.each(["cpu", "xilinx", "intel"] as const)("the jet tagger for %s", async (vendor) => {
    const { results, failed } = await runChecks(jet[vendor], checkers(folder));
    expect(failed).toBeUndefined();
    const passed = results.filter(({ outcome }) => outcome === "passed").map((each) => each.check);
    expect(passed).toEqual(
      expect.arrayContaining([
        "name",
        "digest",
        "container",
        "vendor",
        "platform",
        "tensors",
        "config",
      ]),
    );
    expect(passed.includes("kernel")).toBe(vendor !== "cpu");
  });

  it("a signature by a key that is trusted", async () => {
    const { failed, results } = await runChecks(signed("alice"), checkers(folder, { trust }));
    expect(failed).toBeUndefined();
    expect(results.find(({ check }) => check === "signature")?.reason).toBe("by key 'alice'");
  });

  it("a model with its weights beside it, and labels", async () => {
    const files = new Map([
      ["1/w.bin", write("12345678").path],
      ["labels.txt", write("up\ndown\n").path],
    ]);
    expect(await failures(onnx(withExternal("w.bin"), { files }), checkers(folder))).toEqual([]);
  });

  it("an xmodel, a bundle: kept, whatever runs them", async () => {
    expect(await failures(onnx(makeXmodel(), { vendor: "xilinx" }), checkers(folder))).toEqual([]);
    expect(await failures(bundle(["a/model.xml", "a/model.bin"]), checkers(folder))).toEqual([]);
  });

  it("a board's artifact where no board is known, and says so", async () => {
    const { results, failed } = await runChecks(
      jet.xilinx,
      checkers(folder, { devices: () => [] }),
    );
    expect(failed).toBeUndefined();
    expect(results.find(({ check }) => check === "platform")?.reason).toMatch(
      /only the vendor's rule was checked/,
    );
  });
});

describe("a dry run with little", () => {
  it("runs what an artifact and a vendor allow, and says why it skips the rest", async () => {
    const { path, sizeBytes, file } = jet.xilinx;
    const given: Candidate = {
      vendor: "xilinx",
      path,
      sizeBytes,
      file,
      files: new Map(),
      whole: false,
    };
    const { results, failed, found } = await runChecks(given, checkers(folder));
    expect(failed).toBeUndefined();
    const outcome = Object.fromEntries(results.map((each) => [each.check, each.outcome]));
    expect(outcome).toMatchObject({
      container: "passed",
      vendor: "passed",
      platform: "passed",
      kernel: "skipped",
      signature: "skipped",
    });
    expect(results.every(({ reason }) => reason.length > 0)).toBe(true);
    expect(found.facts?.platform).toBe(U50);
  });

  it("skips what depends on a check that failed", async () => {
    const { results } = await runChecks({ ...jet.xilinx, vendor: "intel" }, checkers(folder));
    expect(results.find(({ check }) => check === "kernel")).toEqual({
      check: "kernel",
      outcome: "skipped",
      reason: "check 'vendor' failed",
    });
  });
});
