/** Models for the boards of `test-board.ts`, and the file that gives a gateway such boards. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.ts";
import type { TemporaryRepository } from "./model-repository.ts";

export interface BoardModel {
  readonly name: string;
  readonly maxBatchSize: number;
  readonly usPerRow: number;
  readonly loadMs?: number;
  /** Lines of config.pbtxt. */
  readonly more?: string;
}

/** `x` → `y`, FP32[2]. */
export function addBoardModel(repository: TemporaryRepository, model: BoardModel): void {
  const { name, maxBatchSize, usPerRow, loadMs = 0, more = "" } = model;
  const tensor = (of: string) => `{ name: "${of}" data_type: TYPE_FP32 dims: [ 2 ] }`;
  repository.add(
    name,
    `name: "${name}" backend: "test-board" max_batch_size: ${maxBatchSize}
     input [ ${tensor("x")} ] output [ ${tensor("y")} ]
     dynamic_batching { } ${more}`,
  );
  const folder = join(repository.folder, name, "1", "only");
  mkdirSync(folder);
  writeFileSync(join(folder, "model.board"), JSON.stringify({ add: 1, usPerRow, loadMs }));
  const manifest = {
    ...{ manifest: 1, backend: "test-board", vendor: "test", numericClass: "exact" },
    artifact: { file: "model.board", format: "board", platform: "tb1" },
    inputs: [{ name: "x", datatype: "FP32", shape: [2] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [2] }],
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
}

/** @param options of the backend @param rest of the configuration @returns flags of `serve` */
export function withBoards(
  repository: TemporaryRepository,
  options: { readonly boards: number; readonly executionsFile?: string },
  rest: object = {},
): readonly string[] {
  const file = join(repository.folder, "gateway.json");
  const module = join(packageRoot, "dist/test/support/test-board.js");
  const backends = [{ kind: "test-board", package: module, options }];
  writeFileSync(file, JSON.stringify({ backends, ...rest }));
  return ["--config", file];
}
