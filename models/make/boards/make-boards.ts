/** Writes the variants of one model of the repository, and how far they are from its ONNX file. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openOnnx } from "../onnx/run-onnx.ts";
import { Random } from "../random.ts";
import type { Figures, NamedTensors, Recipe, RunModel } from "../recipe.ts";
import type { BoardRecipe } from "./board-recipes.ts";
import { BOARDS, compileVariant, writeVariant } from "./compile-variant.ts";
import { fixedPointModel } from "./fixed-point-model.ts";
import { GOLDEN_FILE, writeGoldenInputs } from "./golden-inputs.ts";

export interface FixedPointFigures {
  readonly seed: number;
  readonly size: number;
  /** As far as an output may be from that of the ONNX file. */
  readonly tolerance: number;
  /** The farthest, of `size` examples. */
  readonly farthest: number;
  /** The same as in figures.json, on these examples: in fixed point, and of the ONNX file. */
  readonly figures: Figures;
  readonly onnxFigures: Figures;
}

/** @param root the repository, with the model's ONNX file in it */
export async function makeBoards(
  root: string,
  board: BoardRecipe,
  recipe: Recipe,
  examples: { readonly seed: number; readonly size: number },
): Promise<FixedPointFigures> {
  const folder = join(root, board.model);
  const onnx = readFileSync(join(folder, "1", "model.onnx"));
  const network = board.quantise(onnx);
  for (const name of BOARDS) {
    writeVariant(join(folder, "1", name), compileVariant(name, network, board.options));
  }
  await writeGoldenInputs(join(folder, GOLDEN_FILE), recipe);
  const { seed, size } = examples;
  const run = fixedPointModel(network);
  const model = await openOnnx(onnx);
  const figures = async (of: RunModel) =>
    rounded((await recipe.measure?.(of, new Random(seed), size)) ?? {}, 3);
  const inputs = recipe.sample(new Random(seed), size);
  const told: FixedPointFigures = {
    ...{ seed, size, tolerance: board.tolerance },
    ...rounded({ farthest: farthestOf(await model.run(inputs), await run(inputs)) }, 4),
    figures: await figures(run),
    onnxFigures: await figures(model.run),
  };
  await model.close();
  writeFileSync(join(folder, "fixed-point.json"), `${JSON.stringify(told, null, 2)}\n`);
  return told;
}

function rounded<Name extends string>(figures: Readonly<Record<Name, number>>, digits: number) {
  const entries = Object.entries<number>(figures);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Number(value.toFixed(digits))]),
  ) as Record<Name, number>;
}

export function farthestOf(wanted: NamedTensors, found: NamedTensors): number {
  let farthest = 0;
  for (const [name, { data }] of Object.entries(wanted)) {
    const other = found[name]?.data ?? [];
    for (const [n, value] of data.entries()) {
      const distance = Math.abs(Number(value) - Number(other[n]));
      // A NaN is as far as can be.
      if (!(distance <= farthest)) farthest = distance;
    }
  }
  return farthest;
}
