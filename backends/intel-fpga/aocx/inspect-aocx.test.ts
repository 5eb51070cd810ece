import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { makeElf } from "../../../test/support/make-elf.ts";
import { makeGbs } from "../../../test/support/make-gbs.ts";
import { scratchFile } from "../../../test/support/scratch-file.ts";
import type { ArtifactManifest, KernelManifest } from "../../contract.ts";
import { inspectAocx } from "./inspect-aocx.ts";

const written = scratchFile("made.aocx");

// Arguments: (words) space category size alignment locations qualifier name type access.
const POINTER = (name: string) => `10 2 1 8 1024 0 0 ${name} short* 0 0`;
const SCALAR = (name: string) => `10 0 0 4 1 0 0 ${name} uint 0 0`;
const PIPE = "11 0 1 4 1 0 8 0 pipe int 0 0";
const HIDDEN = "10 0 1 8 1 0 0 llvm_fpga_printf_buffer_start 0 0 0";

/** A kernel with its number of words, as the compiler counts them. */
function kernel(name: string, args: readonly string[]): string {
  const body = `${name} 0 256 1 0 0 1 0 1 0 ${args.length} ${args.join(" ")} 0 0 0 0 1 1 1 0 3 1`;
  return `${body.split(" ").length} ${body}`;
}

function autodiscovery(kernels: readonly string[], board = "a10"): string {
  // Two banks in one memory; then pipes, names of arguments, and words of the future.
  const device = `cafe ${board} 0 1 14 DDR 2 2 24 1 2 0 1024 1024 2048 0 - 0 - 0 0 1 ? later`;
  return `23 ${device.split(" ").length} ${device} ${kernels.length} ${kernels.join(" ")}    0000`;
}

const JET = kernel("jet_tagger", [POINTER("in"), POINTER("out"), SCALAR("n"), HIDDEN]);
const XML = `<board name="a10"><kernel name="jet_tagger" num_args="2">
<argument index="0" name="in" opencl_access_type="2" type_name="short*"></argument>
<argument index="1" name="n" opencl_access_type="0" type_name="uint"/></kernel></board>`;
const IMAGE = "raw image";

type Texts = Readonly<Record<string, string | Buffer>>;
const hardware = (more: Texts = {}): Texts => ({
  board: "a10",
  autodiscovery: autodiscovery([JET]),
  "fpga.bin": IMAGE,
  ...more,
});

const inspect = (texts: Texts, more: { manifest?: ArtifactManifest; format?: string } = {}) =>
  inspectAocx({
    digest: "",
    path: written(makeElf(Object.entries(texts).map(([name, text]) => [`.acl.${name}`, text]))),
    format: "aocx",
    platform: "any",
    ...more,
  });

describe("an image for an Intel board", () => {
  it("gives board, kernels, memories, clocks and tools", async () => {
    const facts = await inspect(
      hardware({
        version: "19.4.0.64",
        compileoptions: " -fp-relaxed\n",
        compilation_env: "ACL_VERSION=19.4\nTARGET_MODEL=arria10\nQUARTUS_VERSION=\nno line\n",
        quartus_report: "ALUTs: 83,037\nActual clock freq: 230.0\nKernel fmax: 231.05\n",
        "board_spec.xml": '<board name="a10"><device device_model="10ax_dm.xml"/></board>',
        "made.in.2031": "unknown sections are no matter",
      }),
    );
    expect(facts).toMatchObject({
      platform: "a10",
      details: {
        stage: "hardware",
        version: "19.4.0.64",
        hash: "cafe",
        memories: [{ name: "DDR", banks: 2, sizeBytes: 2048 }],
        image: { sizeBytes: IMAGE.length },
        compile: {
          options: "-fp-relaxed",
          targetModel: "arria10",
          clocksMhz: { actual: 230, kernelMax: 231.05 },
          deviceModel: "10ax_dm.xml",
        },
      },
    });
    expect(facts.details?.["kernels"]).toMatchObject([
      {
        name: "jet_tagger",
        arguments: [
          { name: "in", kind: "buffer" },
          { name: "out" },
          { name: "n", kind: "scalar", sizeBytes: 4 },
          { hidden: true },
        ],
      },
    ]);
  });

  it("finds the green bitstream of an acceleration card inside", async () => {
    const interfaceUuid = "9926ab6d-6c92-5a68-aabc-a7d84c545738";
    const uuid = "18b79ffa-2ee5-4aa0-96ef-4230dafacb5f";
    const gbs = makeGbs(
      {
        "afu-image": {
          "interface-uuid": interfaceUuid,
          "accelerator-clusters": [{ "accelerator-type-uuid": uuid }],
        },
      },
      "x".repeat(100_000),
    );
    const inside = (packed: Buffer) => makeElf([[".acl.gbs.gz", packed]]);
    const whole = await inspect(hardware({ "fpga.bin": inside(gzipSync(gbs)) }));
    expect(whole.details?.["image"]).toMatchObject({
      sections: [".shstrtab", ".acl.gbs.gz"],
      gbs: { interfaceUuid, accelerators: [{ uuid }] },
    });
    await expect(inspect(hardware({ "fpga.bin": inside(Buffer.from("no gzip")) }))).rejects.toThrow(
      /section \.acl\.fpga\.bin, section \.acl\.gbs\.gz: it does not unpack/,
    );
  });

  it("needs the beginning of what is packed only", async () => {
    const interfaceUuid = "9926ab6d-6c92-5a68-aabc-a7d84c545738";
    const cluster = { "accelerator-type-uuid": "18b79ffa-2ee5-4aa0-96ef-4230dafacb5f" };
    const image = { "interface-uuid": interfaceUuid, "accelerator-clusters": [cluster] };
    const packed = gzipSync(makeGbs({ "afu-image": image }, "zeros:".padEnd(32 * 1024 ** 2, "0")));
    const bin = makeElf([[".acl.gbs.gz", packed.subarray(0, packed.length / 2)]]);
    const { details } = await inspect(hardware({ "fpga.bin": bin }));
    expect(details?.["image"]).toMatchObject({ gbs: { interfaceUuid } });
  });

  it("takes kernels from the XML where the hardware speaks an older version", async () => {
    const { details } = await inspect(
      hardware({ autodiscovery: "22 whatever follows", "kernel_arg_info.xml": XML }),
    );
    expect(details?.["kernels"]).toMatchObject([
      { name: "jet_tagger", arguments: [{ name: "in", kind: "buffer" }, { kind: "scalar" }] },
    ]);
  });

  it("tells pipes from what the host can set", async () => {
    const { details } = await inspect(
      hardware({ autodiscovery: autodiscovery([kernel("piped", [PIPE, POINTER("out")])]) }),
    );
    expect(details?.["kernels"]).toMatchObject([
      {
        arguments: [
          { name: "pipe", kind: "other" },
          { name: "out", kind: "buffer" },
        ],
      },
    ]);
  });

  it.each<[string, Texts, RegExp]>([
    ["no board", { autodiscovery: autodiscovery([JET]) }, /no section \.acl\.board/],
    ["no image", { board: "a10" }, /no section \.acl\.fpga\.bin/],
    [
      "an emulator's code",
      hardware({ "emulator_object.linux": "x" }),
      /for the emulator of board 'a10'/,
    ],
    [
      "another board inside",
      hardware({ autodiscovery: autodiscovery([JET], "s10") }),
      /board 's10', expected 'a10' as in \.acl\.board/,
    ],
    [
      "kernels at odds",
      hardware({ "kernel_arg_info.xml": XML }),
      /'jet_tagger' has 4 arguments in \.acl\.autodiscovery and 2 in/,
    ],
    [
      "a kernel in the XML only",
      hardware({ autodiscovery: autodiscovery([]), "kernel_arg_info.xml": XML }),
      /'jet_tagger' is in \.acl\.kernel_arg_info\.xml only/,
    ],
    [
      "a wrong count of arguments",
      hardware({ autodiscovery: "1", "kernel_arg_info.xml": XML.replace('"2"', '"3"') }),
      /num_args="3", expected 2/,
    ],
    [
      "words that are no numbers",
      hardware({ autodiscovery: autodiscovery([JET]).replace(" 256 ", " many ") }),
      /length of its registers is 'many', expected a number, at word/,
    ],
    [
      "more kernels than words",
      hardware({ autodiscovery: autodiscovery([]).replace(" 0  ", " 99 ") }),
      /99 kernels, expected at most/,
    ],
    [
      "a part beyond the end",
      hardware({ autodiscovery: "23 500 cafe a10" }),
      /the device of 500 words, expected at most 2/,
    ],
    [
      "a text that is cut off",
      hardware({ autodiscovery: "23 2 cafe a10" }),
      /the byte order is missing/,
    ],
  ])("is refused with %s", async (_what, texts, reason) => {
    await expect(inspect(texts)).rejects.toThrow(reason);
  });

  it("is taken without an image where it is said to have none", async () => {
    const facts = await inspect({ board: "a10" }, { format: "aocr" });
    expect(facts.details).toMatchObject({ stage: "linked", kernels: [] });
  });
});

describe("an image with its manifest", () => {
  const manifest = (changes: Partial<KernelManifest> = {}): ArtifactManifest => ({
    manifest: 1,
    backend: "intel-fpga",
    vendor: "intel",
    artifact: { file: "made.aocx", format: "aocx", platform: "a10" },
    numericClass: "ap_fixed<16,6>",
    inputs: [{ name: "jets", datatype: "FP32", shape: [16] }],
    outputs: [{ name: "scores", datatype: "FP32", shape: [5] }],
    kernel: {
      name: "jet_tagger",
      computeUnits: [],
      arguments: [
        { index: 0, role: "input", tensor: "jets" },
        { index: 1, role: "output", tensor: "scores" },
        { index: 2, role: "rows" },
      ],
      ...changes,
    },
  });

  it("has the tensors of the manifest, and no arguments that the runtime sets", async () => {
    await expect(inspect(hardware(), { manifest: manifest() })).resolves.toMatchObject({
      inputs: [{ name: "jets", shape: [-1, 16] }],
      outputs: [{ name: "scores", shape: [-1, 5] }],
      batchable: true,
    });
  });

  it("takes each compute unit for a kernel function of its own", async () => {
    const two = hardware({ autodiscovery: autodiscovery([JET, JET.replace("tagger", "second")]) });
    const units = (...computeUnits: string[]) => ({ manifest: manifest({ computeUnits }) });
    await expect(inspect(two, units("jet_tagger", "jet_second"))).resolves.toBeDefined();
    await expect(inspect(two, units("jet_tagger", "jet_third"))).rejects.toThrow(
      /kernel 'jet_third', expected one of 'jet_tagger', 'jet_second'/,
    );
    await expect(inspect(two, units("jet_tagger", "jet_tagger"))).rejects.toThrow(
      /compute unit 'jet_tagger' is listed twice/,
    );
  });

  it("is refused for another kernel, for banks, or without kernels to compare", async () => {
    const other = { manifest: manifest({ name: "tau" }) };
    await expect(inspect(hardware(), other)).rejects.toThrow(/kernel 'tau', expected 'jet_tagger'/);
    const banked = manifest({
      arguments: [{ index: 0, role: "input", tensor: "jets", banks: [0] }],
    });
    await expect(inspect(hardware(), { manifest: banked })).rejects.toThrow(
      /argument 0: banks, expected none: aoc decides where buffers lie/,
    );
    const silent = hardware({ autodiscovery: "" });
    await expect(inspect(silent, { manifest: manifest() })).rejects.toThrow(
      /neither \.acl\.autodiscovery nor \.acl\.kernel_arg_info\.xml/,
    );
  });
});
