import { describe, expect, it } from "vitest";
import { quickestMs } from "../../test/support/quickest.ts";
import { kernelsOf } from "./source.ts";

const names = (source: string) => kernelsOf(source).map(({ name }) => name);

describe("kernels of OpenCL C", () => {
  it("are found with their parameters", () => {
    const source = `__kernel void add(__global const int *x, __global int *sum, uint rows) {}`;
    expect(kernelsOf(source)).toEqual([
      {
        name: "add",
        parameters: ["__global const int * x", "__global int * sum", "uint rows"],
      },
    ]);
  });

  it.each([
    [
      "attributes before",
      "__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void k(int a) {}",
    ],
    ["attributes behind void", "kernel void __attribute__((task)) k(int a) {}"],
    ["a comment between", "kernel /* not: kernel void x() */ void // y(\n k(int a) {}"],
    ["parameters with brackets", "kernel void k(__attribute__((aligned(4))) int a) {}"],
    ["a name over two lines", "ker\\\nnel void k(int a) {}"],
  ])("with %s are found", (_, source) => {
    expect(names(source)).toEqual(["k"]);
    expect(kernelsOf(source)[0]?.parameters).toHaveLength(1);
  });

  it.each([
    ["comments", "// kernel void k() {}\n/* kernel void k() {} */"],
    ["texts", `constant char *t = "kernel void k() {}";`],
    ["macros", "#define M kernel void k() {}"],
    ["words that only contain it", "void kernel_of(int a) {} void subkernel(int b) {}"],
    ["an unfinished source", "kernel"],
    ["an open bracket", "kernel ("],
    ["a number for a name", "kernel void 5(int a) {}"],
  ])("are not seen in %s", (_, source) => {
    expect(names(source).filter((name) => name !== "")).toEqual([]);
  });

  it("without parameters have none, whether void is written or not", () => {
    const source = "kernel void a() {} kernel void b(void) {}";
    expect(kernelsOf(source).map(({ parameters }) => parameters.length)).toEqual([0, 0]);
  });

  it("are read from large hostile sources in no time", async () => {
    for (const piece of [
      "kernel ",
      "/*",
      '"',
      "kernel void k(",
      "((((",
      "kernel __attribute__((",
      "kernel x ",
      "#",
      "\\\n",
      "'",
    ]) {
      const hostile = piece.repeat(1_000_000 / piece.length);
      expect(await quickestMs(2000, () => kernelsOf(hostile))).toBeLessThan(2000);
    }
  });
});
