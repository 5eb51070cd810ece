/** Artifacts for FPGA boards: xclbin, aocx (and aocr), gbs, xmodel. */
import { gzipSync } from "node:zlib";
import { ArtifactFile } from "../../../backends/common/artifact-file/artifact-file.ts";
import { Place } from "../../../backends/common/artifact-file/place.ts";
import {
  MalformedProtobuf,
  ProtobufWindow,
} from "../../../backends/common/protobuf-wire/protobuf-window.ts";
import { readAocxFile } from "../../../backends/intel-fpga/aocx/read-aocx.ts";
import { inspectIntel } from "../../../backends/intel-fpga/artifact.ts";
import { readGbsFile } from "../../../backends/intel-fpga/gbs/read-gbs.ts";
import { inspectXilinx } from "../../../backends/xilinx-u50/artifact.ts";
import { readXclbinFile } from "../../../backends/xilinx-u50/xclbin/read-xclbin.ts";
import { readXirGraph } from "../../../backends/xilinx-u50/xmodel/xir-graph.ts";
import { makeElf } from "../../support/make-elf.ts";
import { makeGbs } from "../../support/make-gbs.ts";
import { clocks, deviceTree, KINDS, makeXclbin } from "../../support/make-xclbin.ts";
import { makeXmodel } from "../../support/make-xmodel.ts";
import { type Family, isMeant, type MakeFamily, outcomeOf } from "./family.ts";
import { asFile, inMemory } from "./in-memory.ts";

type Read = (bytes: Buffer) => Promise<unknown>;
type Inspect = typeof inspectIntel;

/** What was read must be plain JSON, whatever was in the file: it is kept on record and sent. */
const family = (
  scratch: string,
  format: string,
  seeds: readonly Buffer[],
  read: Read,
  inspect: Inspect,
): Family => ({
  seeds,
  read: (mutant, random) => {
    const path = asFile(mutant, scratch, random);
    return outcomeOf(async () =>
      JSON.stringify(
        path === undefined
          ? await read(mutant)
          : await inspect({ digest: "", path, format, platform: "any" }),
        (_, value) => (typeof value === "bigint" ? String(value) : value),
      ),
    );
  },
});

const artifactFile = (bytes: Buffer, format: string) =>
  new ArtifactFile(inMemory(bytes), bytes.length, new Place(format));

const INTERFACE = "69528db6-eb31-577a-8c36-68f9faa081f6";
const GBS = makeGbs(
  {
    version: 1,
    "platform-name": "pac",
    "afu-image": {
      "magic-no": 488_605_312,
      "interface-uuid": INTERFACE,
      "clock-frequency-high": 400,
      "clock-frequency-low": "auto",
      power: 0,
      "accelerator-clusters": [
        {
          name: "nlb",
          "total-contexts": 1,
          "accelerator-type-uuid": "d8424dc4-a4a3-c413-f89e-433683f9040b",
        },
      ],
    },
  },
  "image",
);

/** A kernel as the compiler writes it: a count of words, then the words. */
const KERNEL = [
  "jet_tagger 0 256 1 0 0 1 0 1 0 2",
  "10 2 1 8 1024 0 0 in short* 0 0",
  "10 0 0 4 1 0 0 n uint 0 0",
  "0 0 0 0 1 1 1 0 3 1",
].join(" ");
const DEVICE = "cafe a10 0 1 14 DDR 2 2 24 1 2 0 1024 1024 2048 0 - 0 - 0 0 1 ? later";
const words = (text: string) => `${text.split(" ").length} ${text}`;
const ACL: Readonly<Record<string, string>> = {
  ".acl.board": "a10",
  ".acl.version": "19.4.0.64",
  ".acl.target": "fpga",
  ".acl.autodiscovery": `23 ${words(DEVICE)} 1 ${words(KERNEL)}    0000`,
  ".acl.compileoptions": " -fp-relaxed\n",
  ".acl.compilation_env": "ACL_VERSION=19.4\nTARGET_MODEL=arria10\nQUARTUS_VERSION=\nno line\n",
  ".acl.quartus_report": "ALUTs: 83,037\nActual clock freq: 230.0\nKernel fmax: 231.05\n",
  ".acl.board_spec.xml": '<board name="a10"><device device_model="10ax_dm.xml"/></board>',
  ".acl.kernel_arg_info.xml":
    '<board><kernel name="k"><argument name="a" type_name="int*" address_qualifier="1"/></kernel></board>',
};

const aocx = (image: Buffer | undefined, bits: 32 | 64 = 32) =>
  makeElf(
    [...Object.entries(ACL), ...(image === undefined ? [] : ([[".acl.fpga.bin", image]] as const))],
    bits,
  );

export const makeXclbinFamily: MakeFamily = (scratch) => {
  const more = {
    [KINDS.CLOCK_FREQ_TOPOLOGY]: clocks([[300, 1, "DATA_CLK"]]),
    [KINDS.PARTITION_METADATA]: deviceTree([["interface_uuid", INTERFACE.replaceAll("-", "")]]),
    [KINDS.KEYVALUE_METADATA]: Buffer.from("key:value\nno pair\n"),
    [KINDS.BUILD_METADATA]: Buffer.from(
      '{"build_metadata":{"xclbin":{"generated_by":{"name":"v++","version":"2023.1"}}}}',
    ),
  };
  const seeds = [makeXclbin(), makeXclbin({ sections: more }), makeXclbin({ mode: 1 })];
  const read: Read = (bytes) => readXclbinFile(artifactFile(bytes, "xclbin"));
  return family(scratch, "xclbin", seeds, read, inspectXilinx);
};

export const makeAocxFamily: MakeFamily = (scratch) => {
  const packed = makeElf([[".acl.gbs.gz", gzipSync(GBS)]]);
  const seeds = [aocx(Buffer.from("image")), aocx(packed), aocx(undefined), aocx(packed, 64)];
  const read: Read = (bytes) => readAocxFile(artifactFile(bytes, "aocx"));
  return family(scratch, "aocx", seeds, read, inspectIntel);
};

export const makeGbsFamily: MakeFamily = (scratch) =>
  family(scratch, "gbs", [GBS], (bytes) => readGbsFile(artifactFile(bytes, "gbs")), inspectIntel);

export const makeXmodelFamily: MakeFamily = (scratch) =>
  family(scratch, "xmodel", [makeXmodel()], readXmodel, inspectXilinx);

async function readXmodel(bytes: Buffer): Promise<unknown> {
  try {
    return await readXirGraph(new ProtobufWindow(inMemory(bytes), bytes.length));
  } catch (thrown) {
    if (!(thrown instanceof MalformedProtobuf) && !isMeant(thrown)) throw thrown;
    throw new Place("xmodel").refusal(String(thrown));
  }
}
