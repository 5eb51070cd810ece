import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import type { Stretch } from "../../test/support/mutate-binary.ts";
import { surviveMutants } from "../../test/support/survive-mutants.ts";
import { BackendError } from "../contract.ts";
import { inspectIntel } from "./artifact.ts";

const real = join(packageRoot, "..", "shared", "artifacts");
const EXAMPLE = "intel_example.aocr";
const NLB = "pac_nlb0_d8424dc4.gbs";
const present = (name: string) => existsSync(join(real, name));

const inspect = (name: string, platform = "", format = name.split(".").at(-1) ?? "") =>
  inspectIntel({ digest: "", path: join(real, name), format, platform });

describe("a file that aoc linked (../shared/artifacts, else skipped)", () => {
  it.skipIf(!present(EXAMPLE))("gives board, tool, kernels with arguments, memory", async () => {
    const { platform, details } = await inspect(EXAMPLE);
    expect(platform).toBe("a10_ref_small");
    expect(details).toMatchObject({
      board: "a10_ref_small",
      stage: "linked",
      version: "2024.2.1",
      target: "fpga",
      hash: "bccecf7d6b8fe092df81b636921c48a5202850f4",
      memories: [{ name: "DDR", banks: 1, sizeBytes: 128 * 1024 * 1024 }],
      compile: {
        targetModel: "arria10",
        options: "-cl-kernel-arg-info",
        deviceModel: "10ax115s2f45i1sg_dm.xml",
      },
    });
    const kernels = details?.["kernels"] as { name: string; arguments: { name: string }[] }[];
    expect(
      kernels.map((kernel) => [kernel.name, ...kernel.arguments.map(({ name }) => name)]),
    ).toEqual([
      ["printit", "A", "llvm_fpga_printf_buffer_start", "llvm_fpga_printf_buffer_size"],
      ["vecaccum", "A", "B"],
      ["vecsum", "A", "B", "C"],
    ]);
    expect(kernels[2]?.arguments[2]).toEqual({
      index: 2,
      name: "C",
      kind: "buffer",
      type: "int*",
      sizeBytes: 8,
      hidden: false,
    });
  });

  it.skipIf(!present(EXAMPLE))("refuses it as an image, and for another board", async () => {
    await expect(inspect(EXAMPLE, "", "aocx")).rejects.toThrow(/no section \.acl\.fpga\.bin/);
    await expect(inspect(EXAMPLE, "pac_a10")).rejects.toThrow(
      "compiled for board 'a10_ref_small', expected 'pac_a10'",
    );
  });
});

describe("a green bitstream of an acceleration card (../shared/artifacts, else skipped)", () => {
  it.skipIf(!present(NLB))("gives interface and accelerators", async () => {
    const { platform, details } = await inspect(NLB);
    expect(platform).toBe("69528db6-eb31-577a-8c36-68f9faa081f6");
    expect(details).toMatchObject({
      interfaceUuid: "69528db6-eb31-577a-8c36-68f9faa081f6",
      accelerators: [
        { uuid: "d8424dc4-a4a3-c413-f89e-433683f9040b", name: "nlb_400", contexts: 1 },
      ],
      imageBytes: 1,
    });
    await expect(inspect(NLB, "9926ab6d-6c92-5a68-aabc-a7d84c545738")).rejects.toThrow(
      /made for interface 69528db6-.*expected '9926ab6d/,
    );
  });
});

describe("what is no artifact for these boards", () => {
  it("refuses other formats and missing files with the reason", async () => {
    const given = { digest: "", platform: "any" };
    await expect(inspectIntel({ ...given, path: real, format: "xclbin" })).rejects.toThrow(
      /format 'xclbin', expected aocx, aocr or gbs/,
    );
    const missing = inspectIntel({ ...given, path: join(real, "none"), format: "aocx" });
    await expect(missing).rejects.toThrow(/cannot serve the aocx file.*ENOENT/);
    await expect(missing).rejects.toBeInstanceOf(BackendError);
  });
});

describe("1000 mutants of each real file (../shared/artifacts, else skipped)", () => {
  const files: [string, number, Stretch[]][] = [
    // Head; board to version; autodiscovery; XML; section table.
    [
      EXAMPLE,
      30_001,
      [
        [0, 400],
        [0x1180, 0x1d40],
        [0x1d80, 0x2180],
        [0x2180, 0x3190],
        [588_200, 588_880],
      ],
    ],
    [NLB, 40_001, [[0, 426]]],
  ];
  it.skipIf(!present(EXAMPLE)).each(files)(
    "%s: refused as artifacts, or read, each within 100 ms",
    { timeout: 300_000 },
    async (name, seed, hot) => {
      const tally = await surviveMutants({
        bytes: readFileSync(join(real, name)),
        seed,
        mutants: 1000,
        hot,
        limitMs: 100,
        inspect: (path) =>
          inspectIntel({ digest: "", path, format: name.split(".").at(-1) ?? "", platform: "any" }),
      });
      expect(tally.failures).toEqual([]);
      expect(tally.refused).toBeGreaterThan(200);
      expect(tally.read).toBeGreaterThan(20);
      expect(tally.grownMiB).toBeLessThan(400);
    },
  );
});
