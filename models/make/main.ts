/**
 * Makes the ONNX files of models/, the figures beside them, and the variants for boards.
 *
 *     node dist/models/make/main.js [--into FOLDER] [--boards | --times] [MODEL ...]
 *
 * All models unless some are named; into this package's models/ unless a folder
 * is given. With --boards it makes the variants only, from the ONNX files there. With --times it makes
 * nothing and prints how long one execution of the files there takes.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../../src/package-root.ts";
import { readConfigFile } from "../../src/registry/config-pbtxt.ts";
import { boardRecipes } from "./boards/board-recipes.ts";
import { makeBoards } from "./boards/make-boards.ts";
import { openOnnx } from "./onnx/run-onnx.ts";
import { Random } from "./random.ts";
import type { Figures, Recipe } from "./recipe.ts";
import { recipes } from "./recipes/index.ts";

/** Held-out data: no training starts from this seed. */
const FIGURES_SEED = 2026;
const FIGURES_SIZE = 10_000;
const FIXED_POINT_SIZE = 20_000;
/** As far as the model's batch limit allows. */
const TIMED_SIZES = [1, 64, 1024];

const { values, positionals } = parseArgs({
  options: { into: { type: "string" }, times: { type: "boolean" }, boards: { type: "boolean" } },
  allowPositionals: true,
});
const root = values.into ?? join(packageRoot, "models");
for (const recipe of chosen(positionals)) {
  if (values.times === true) {
    await time(recipe);
    continue;
  }
  if (values.boards !== true) await make(recipe);
  for (const board of boardRecipes.filter(({ model }) => model === recipe.name)) {
    const examples = { seed: FIGURES_SEED, size: FIXED_POINT_SIZE };
    const { farthest, figures } = await makeBoards(root, board, recipe, examples);
    const told = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
    print(`${recipe.name} on boards: at most ${farthest} off; ${told.join(", ")}`);
  }
}

function chosen(names: readonly string[]): readonly Recipe[] {
  const unknown = names.filter((name) => !recipes.some((recipe) => recipe.name === name));
  if (unknown.length > 0) {
    const known = recipes.map(({ name }) => name).join(", ");
    throw new Error(`no recipe for ${unknown.join(", ")}; there are ${known}`);
  }
  return names.length > 0 ? recipes.filter(({ name }) => names.includes(name)) : recipes;
}

async function make(recipe: Recipe): Promise<void> {
  const started = process.cpuUsage();
  const file = recipe.build();
  const seconds = (process.cpuUsage(started).user / 1e6).toFixed(1);
  mkdirSync(join(root, recipe.name, "1"), { recursive: true });
  writeFileSync(join(root, recipe.name, "1", "model.onnx"), file);
  print(`${recipe.name}: ${file.byteLength} bytes, ${seconds} s of CPU`);
  if (recipe.measure === undefined) return;

  // A whole event per row costs more than a row of numbers.
  const size = recipe.name === "met_regression" ? 1000 : FIGURES_SIZE;
  const model = await openOnnx(file);
  const figures = await recipe.measure(model.run, new Random(FIGURES_SEED), size);
  await model.close();
  const rounded: Figures = Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number(value.toFixed(3))]),
  );
  const text = JSON.stringify({ seed: FIGURES_SEED, size, figures: rounded }, null, 2);
  writeFileSync(join(root, recipe.name, "figures.json"), `${text}\n`);
  for (const [name, value] of Object.entries(rounded)) print(`  ${name} ${value}`);
}

async function time(recipe: Recipe): Promise<void> {
  const model = await openOnnx(readFileSync(join(root, recipe.name, "1", "model.onnx")));
  const config = await readConfigFile(join(root, recipe.name, "config.pbtxt"));
  const most = Number(config["max_batch_size"] ?? 0) || Number.POSITIVE_INFINITY;
  const medians: string[] = [];
  for (const size of new Set(TIMED_SIZES.map((size) => Math.min(size, most)))) {
    const inputs = recipe.sample(new Random(size), size);
    const times: number[] = [];
    const until = performance.now() + 1000;
    while (times.length < 5 || performance.now() < until) {
      const started = performance.now();
      await model.run(inputs);
      times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    medians.push(`${size}: ${(times[times.length >> 1] as number).toFixed(3)} ms`);
  }
  await model.close();
  print(`${recipe.name}  ${medians.join("  ")}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
