/** PoCL as the board of a test. */
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArtifactManifest, ModelVariant } from "../../../contract.ts";
import type { BoardChoice, OpenClBoard } from "../board.ts";
import { OpenClInstance } from "../instance.ts";

/** Where Debian's pocl-opencl-icd announces itself. */
export const POCL = existsSync("/etc/OpenCL/vendors/pocl.icd");

export const ON_POCL: BoardChoice = {
  platform: /^Portable Computing Language$/,
  device: (_, index) => index === 0,
};

/** A folder for PoCL's own cache; to be called before any library is opened. */
export function privatePocl(): string {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-pocl-"));
  process.env["POCL_CACHE_DIR"] = folder;
  return folder;
}

/** The board's image as an instance for batches of up to `maxBatchSize` rows. */
export function instanceOn(
  board: OpenClBoard,
  manifest: ArtifactManifest,
  maxBatchSize: number,
): OpenClInstance {
  const spec = ({ name, datatype, shape }: ArtifactManifest["inputs"][number]) => ({
    ...{ name, datatype, shape },
  });
  const variant: ModelVariant = {
    ...{ model: "m", version: "1", maxBatchSize },
    ...{ inputs: manifest.inputs.map(spec), outputs: manifest.outputs.map(spec) },
    artifact: { digest: "", path: "", format: "cl", platform: "pocl", manifest },
  };
  return new OpenClInstance(variant, {
    device: { id: "pocl", vendor: "test", platform: "pocl", emulated: true },
    ...{ board, naming: "functions", release: () => {} },
  });
}
