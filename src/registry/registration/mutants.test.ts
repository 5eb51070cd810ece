/** Whatever the bytes are, a registration ends: with checks that passed, or with one that failed and says why. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeElf } from "../../../test/support/make-elf.ts";
import { makeGbs } from "../../../test/support/make-gbs.ts";
import { makeXmodel } from "../../../test/support/make-xmodel.ts";
import { mutateBinary } from "../../../test/support/mutate-binary.ts";
import { checkers, fileOf, jetTagger, scratchFolder } from "../../../test/support/registration.ts";
import type { Vendor } from "../catalog/types.ts";
import type { Candidate } from "./candidate.ts";
import { runChecks } from "./run-checks.ts";

const folder = scratchFolder();
const path = join(folder, "mutant");
const against = checkers(folder);
const MUTANTS = 150;

function candidate(bytes: Uint8Array, vendor: Vendor, of: Partial<Candidate> = {}): Candidate {
  writeFileSync(path, bytes);
  const { digest: _, ...file } = fileOf(path);
  return { name: "m", version: "1", vendor, files: new Map(), whole: true, ...of, ...file };
}

/** @returns checks that failed, each with all that a person needs */
async function outcome(given: Candidate): Promise<readonly string[]> {
  const { results, found } = await runChecks(given, against);
  expect(results).toHaveLength(17);
  for (const { reason, outcome: word, remedy } of results) {
    expect(reason).toBeTruthy();
    expect(reason).not.toMatch(/is not a function|undefined|Cannot read prop|not iterable/);
    if (word === "failed") expect(remedy).toBeTruthy();
  }
  // On record and on the wire it is JSON.
  JSON.stringify(found.facts ?? {});
  return results.filter((each) => each.outcome === "failed").map(({ check }) => check);
}

const xilinx = jetTagger("xilinx");
const intel = jetTagger("intel");
const cpu = jetTagger("cpu");
const told = ({ manifest, config }: Candidate) => ({
  ...(manifest === undefined ? {} : { manifest: withoutDigest(manifest) }),
  ...(config === undefined ? {} : { config, name: "jet_tagger" }),
});
function withoutDigest(manifest: unknown): unknown {
  const { artifact, ...rest } = manifest as { artifact: { digest?: string } };
  const { digest: _, ...named } = artifact;
  return { ...rest, artifact: named };
}
const gbs = makeGbs(
  {
    "platform-name": "pac",
    "afu-image": {
      "interface-uuid": "69528db6-eb31-577a-8c36-68f9faa081f6",
      "accelerator-clusters": [{ "accelerator-type-uuid": "d8424dc4-a4a3-c413-f89e-433683f9040b" }],
    },
  },
  "image",
);
const aocr = makeElf([
  [".acl.board", "pac_a10"],
  [".acl.version", "20.1.0"],
  [".acl.autodiscovery", "23 pac_a10"],
]);

describe.each<[string, Vendor, Uint8Array, Partial<Candidate>]>([
  ["an xclbin", "xilinx", readFileSync(xilinx.path), told(xilinx)],
  ["OpenCL C", "intel", readFileSync(intel.path), told(intel)],
  ["an ONNX file", "cpu", readFileSync(cpu.path), told(cpu)],
  ["an xmodel", "xilinx", makeXmodel(), {}],
  ["a green bitstream", "intel", gbs, {}],
  ["an aocr", "intel", aocr, {}],
])(`${MUTANTS} mutants of %s`, (_, vendor, bytes, of) => {
  it("are refused with a reason, or pass", { timeout: 120_000 }, async () => {
    let refused = 0;
    for (let seed = 1; seed <= MUTANTS; seed++) {
      const failed = await outcome(candidate(mutateBinary(seed, bytes), vendor, of));
      if (failed.length > 0) refused += 1;
    }
    expect(refused).toBeGreaterThan(MUTANTS / 10);
  });
});

describe("random bytes", () => {
  const heads = [
    "",
    "xclbin2\0",
    "\u007fELF",
    "PK\u0003\u0004",
    "\u0008\u0008",
    "\n\u0004deep",
    "__kernel ",
  ];
  it("are refused, whatever they begin with", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...heads),
        fc.uint8Array({ maxLength: 2000 }),
        fc.constantFrom<Vendor>("xilinx", "intel", "nvidia", "arm", "cpu"),
        async (head, tail, vendor) => {
          const bytes = Buffer.concat([Buffer.from(head, "latin1"), tail]);
          expect(await outcome(candidate(bytes, vendor))).not.toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("whatever is told about an artifact", () => {
  it("is judged, not thrown", { timeout: 120_000 }, async () => {
    const bytes = readFileSync(cpu.path);
    await fc.assert(
      fc.asyncProperty(
        fc.record(
          { manifest: fc.anything(), config: fc.string(), name: fc.string(), version: fc.string() },
          { requiredKeys: [] },
        ),
        async (of) => {
          const { manifest, ...rest } = of;
          const written = JSON.stringify(manifest);
          await outcome(
            candidate(bytes, "cpu", {
              ...rest,
              ...(written === undefined ? {} : { manifest: JSON.parse(written) }),
            }),
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});
