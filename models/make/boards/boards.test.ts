import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.ts";
import { readManifest } from "../../../src/registry/manifest.ts";
import { openOnnx } from "../onnx/run-onnx.ts";
import { Random } from "../random.ts";
import { recipes } from "../recipes/index.ts";
import { boardRecipes } from "./board-recipes.ts";
import { BOARDS, compileVariant, manifestText } from "./compile-variant.ts";
import { fixedPointModel } from "./fixed-point-model.ts";
import { GOLDEN_FILE, writeGoldenInputs } from "./golden-inputs.ts";
import { type FixedPointFigures, farthestOf } from "./make-boards.ts";

const models = join(packageRoot, "models");
const scratch = mkdtempSync(join(tmpdir(), "beamgate-boards-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(boardRecipes)("$model on boards", (recipe) => {
  const folder = join(models, recipe.model);
  const onnx = readFileSync(join(folder, "1", "model.onnx"));
  const network = recipe.quantise(onnx);
  const declared: FixedPointFigures = JSON.parse(
    readFileSync(join(folder, "fixed-point.json"), "utf8"),
  );

  it.each(BOARDS)("for %s is in the repository as the script makes it, and small", (board) => {
    const { manifest, artifact } = compileVariant(board, network, recipe.options);
    const variant = join(folder, "1", board);
    const path = join(variant, manifest.artifact.file);
    expect(readFileSync(join(variant, "manifest.json"), "utf8")).toBe(manifestText(manifest));
    expect(Buffer.compare(readFileSync(path), artifact)).toBe(0);
    expect(statSync(path).size).toBeLessThan(1e6);
  });

  it("has golden inputs in the repository as the script makes them", async () => {
    const made = join(scratch, `${recipe.model}.npz`);
    const [model] = recipes.filter(({ name }) => name === recipe.model);
    if (model === undefined) throw new Error(`no recipe for ${recipe.model}`);
    await writeGoldenInputs(made, model);
    expect(Buffer.compare(readFileSync(made), readFileSync(join(folder, GOLDEN_FILE)))).toBe(0);
  });

  it("promises the same bits on all boards", async () => {
    const manifests = await Promise.all(
      BOARDS.map((board) => readManifest(join(folder, "1", board))),
    );
    expect(new Set(manifests.map(({ numericClass }) => numericClass)).size).toBe(1);
  });

  it("stays within its tolerance of the ONNX file on fresh data", async () => {
    const source = recipes.find(({ name }) => name === recipe.model);
    const inputs = source?.sample(new Random(271), 4000) ?? {};
    const model = await openOnnx(onnx);
    const wanted = await model.run(inputs);
    await model.close();
    const found = await fixedPointModel(network)(inputs);
    expect(declared.tolerance).toBe(recipe.tolerance);
    expect(declared.farthest).toBeLessThanOrEqual(recipe.tolerance);
    const farthest = farthestOf(wanted, found);
    expect(farthest).toBeGreaterThan(0);
    expect(farthest).toBeLessThanOrEqual(recipe.tolerance);
  });

  it("is told in the README, with its figures", () => {
    const readme = readFileSync(join(models, "README.md"), "utf8");
    for (const value of [...Object.values(declared.figures), declared.farthest]) {
      expect(readme).toContain(String(value));
    }
  });
});

describe("compile-board", () => {
  const program = join(packageRoot, "dist", "models", "make", "compile-board.js");
  const onnx = readFileSync(join(models, "jet_tagger", "1", "model.onnx"));
  const network = join(scratch, "network.json");
  const [jets] = boardRecipes;
  writeFileSync(network, JSON.stringify(jets?.quantise(onnx)));

  const compile = (...words: string[]) =>
    execFileSync(process.execPath, [program, ...words], { encoding: "utf8", stdio: "pipe" });
  const refusal = (...words: string[]): string => {
    try {
      return compile(...words);
    } catch (cause) {
      return (cause as { readonly stderr: string }).stderr;
    }
  };

  it.each(BOARDS)("makes the variant for %s that the repository has", (board) => {
    const out = join(scratch, board);
    const named = ["--class", "ap_fixed-jet_tagger-1", "--rows-per-call", "1024"];
    const told = compile(network, "--for", board, "--out", out, ...named);
    const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
    const committed = join(models, "jet_tagger", "1", board, "manifest.json");
    expect(manifest).toEqual(JSON.parse(readFileSync(committed, "utf8")));
    expect(told).toContain(manifest.artifact.digest);
  });

  it("gives raw integers to clients who want them", async () => {
    const out = join(scratch, "integers");
    compile(network, "--for", "intel", "--out", out, "--integers");
    const { inputs, outputs } = await readManifest(out);
    const told = [...inputs, ...outputs].map(({ name, datatype }) => `${name} ${datatype}`);
    expect(told).toEqual(["input INT32", "probabilities UINT16"]);
  });

  it("says what is wrong, and writes nothing", () => {
    const to = ["--out", join(scratch, "nothing")];
    const broken = join(scratch, "broken.json");
    writeFileSync(broken, JSON.stringify({ format: "hls4ml-golden-1", name: "x" }));
    expect(refusal(network, "--for", "u50")).toMatch(/^usage: /);
    expect(refusal(network, "--for", "u250", ...to)).toMatch(/^--for u250: there are u50, intel/);
    expect(refusal(join(scratch, "no.json"), "--for", "u50", ...to)).toMatch(/^ENOENT/);
    expect(refusal(broken, "--for", "u50", ...to)).toMatch(/^network.arithmetic: is missing/);
    expect(refusal(network, "--for", "u50", ...to, "--units", "33")).toMatch(
      /^--units 33: expected a whole number from 1 to 32/,
    );
    expect(refusal(network, "--for", "u50", ...to, "--name", "../x")).toMatch(
      /^"\.\.\/x" is no name/,
    );
    expect(() => statSync(join(scratch, "nothing"))).toThrow("ENOENT");
  });
});
