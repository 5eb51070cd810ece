/** Model repositories in temporary folders, made of models that need no artifact. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface EchoModel {
  readonly name: string;
  readonly maxBatchSize: number;
  /** Elements of the only tensor, batch axis left out. */
  readonly dims: readonly number[];
  readonly datatype?: string;
  readonly delayMs?: number;
  /** Time per row, for a model that is quick to load and slow with a large batch. */
  readonly delayUsPerRow?: number;
  readonly instances?: number;
  /** Further lines of config.pbtxt. */
  readonly more?: string;
}

/** An identity of one tensor, `INPUT0` → `OUTPUT0`, in the echo backend. */
export function echoConfig(model: EchoModel): string {
  const tensor = (name: string) =>
    `{ name: "${name}" data_type: TYPE_${model.datatype ?? "FP32"} dims: [ ${model.dims.join(", ")} ] }`;
  return `
name: "${model.name}"
backend: "echo"
max_batch_size: ${model.maxBatchSize}
input [ ${tensor("INPUT0")} ]
output [ ${tensor("OUTPUT0")} ]
parameters { key: "mode" value { string_value: "identity" } }
parameters { key: "delay_ms" value { string_value: "${model.delayMs ?? 0}" } }
parameters { key: "delay_us_per_row" value { string_value: "${model.delayUsPerRow ?? 0}" } }
instance_group [ { kind: KIND_CPU count: ${model.instances ?? 1} } ]
${model.more ?? ""}
`;
}

export interface TemporaryRepository {
  readonly folder: string;
  add(name: string, config: string, files?: Readonly<Record<string, Uint8Array>>): void;
  remove(): void;
}

/** Those that are there. */
const folders = new Set<string>();
// Also where the test ended early.
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export function temporaryRepository(): TemporaryRepository {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-models-"));
  folders.add(folder);
  const remove = () => {
    folders.delete(folder);
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    folder,
    add(name, config, files = {}) {
      mkdirSync(join(folder, name, "1"), { recursive: true });
      if (config !== "") writeFileSync(join(folder, name, "config.pbtxt"), config);
      for (const [path, bytes] of Object.entries(files)) {
        writeFileSync(join(folder, name, path), bytes);
      }
    },
    remove,
  };
}
