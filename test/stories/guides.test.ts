/** The guides that need nothing but Node, bash and curl, run as they are written. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { guideBlocks, missingLine } from "../support/guides/extract.ts";
import { runGuide } from "../support/guides/run-guide.ts";
import { NO_REDIS } from "../support/redis/redis-server.ts";

const LIMIT_MS = 240_000;
const GUIDES = join(packageRoot, "src", "guides");
const NO_CURL = spawnSync("curl", ["--version"]).status === 0 ? undefined : "SKIPPED: no curl";

describe("a guide", () => {
  const names = readdirSync(GUIDES).filter((name) => name.endsWith(".md") && name !== "README.md");

  it.each(names)("%s has no block that nobody runs, writes or compares", (name) => {
    const blocks = guideBlocks(readFileSync(join(GUIDES, name), "utf8"));
    expect(blocks.filter(({ kind }) => kind === "run").length).toBeGreaterThan(4);
    for (const [at, { kind }] of blocks.entries()) {
      if (kind === "output") expect(blocks[at - 1]?.kind).toBe("run");
    }
  });

  it("with a block of another kind is refused by its line", () => {
    expect(() => guideBlocks("# A\n\n```sh\nrm -rf /\n```\n")).toThrow("line 3: `sh`");
    expect(() => guideBlocks("```sh run\necho\n")).toThrow("line 1: this block has no end");
  });

  it.each([
    ["…\nb\n…", "a\nb\nc", undefined],
    ["a\nb", "a\nb\nc", "c"],
    ["b", "a\nb", "b"],
    ["a\nc", "a\nb\nc", "c"],
    ["a\n…\nc", "a\nb\nc\n\n", undefined],
    ["d 5 …", "d   5 six\n", undefined],
    ["a.b", "aXb", "a.b"],
  ])("that says %j compares it with %j: %j is wrong", (expected, printed, missing) => {
    expect(missingLine(expected, printed)).toBe(missing);
  });
});

describe.skipIf(NO_CURL !== undefined)("run as written", () => {
  it(
    "fpga-developer.md",
    async () => {
      const { ran, compared } = await runGuide({ name: "fpga-developer", limitMs: LIMIT_MS });
      expect(ran).toBeGreaterThanOrEqual(9);
      expect(compared).toBeGreaterThanOrEqual(5);
    },
    LIMIT_MS + 20_000,
  );

  it.skipIf(NO_REDIS !== undefined)(
    "operator.md",
    async () => {
      const { ran } = await runGuide({ name: "operator", limitMs: LIMIT_MS });
      expect(ran).toBeGreaterThanOrEqual(8);
    },
    LIMIT_MS + 20_000,
  );
});
