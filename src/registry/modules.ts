/** Which backend serves a configuration, and which file it wants. */
import type { BackendModule } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import type { ModelConfigFields } from "./model-config.ts";

/** What the registry uses of a backend. */
export type InspectingModule = Pick<
  BackendModule,
  "kind" | "platforms" | "formats" | "artifactOptional" | "inspect"
>;

/** Backends that Triton knows by two words. Source: Triton's model_config_utils.cc. */
export const TRITON_PAIRS = [
  { backend: "onnxruntime", platform: "onnxruntime_onnx", filename: "model.onnx" },
  { backend: "tensorrt", platform: "tensorrt_plan", filename: "model.plan" },
  { backend: "pytorch", platform: "pytorch_libtorch", filename: "model.pt" },
  { backend: "openvino", platform: "", filename: "model.xml" },
  { backend: "python", platform: "", filename: "model.py" },
] as const;

/** @throws StatusError INVALID_ARGUMENT where no backend of this gateway is meant */
export function moduleFor(
  config: ModelConfigFields,
  modules: readonly InspectingModule[],
): InspectingModule {
  const words = [config.backend ?? "", config.platform ?? ""].filter((word) => word !== "");
  const found = modules.find((module) => words.some((word) => module.platforms.includes(word)));
  if (found !== undefined) return found;
  const served = modules.flatMap((module) => module.platforms).join(", ");
  throw new StatusError(
    "INVALID_ARGUMENT",
    `unable to find backend library for backend '${words[0] ?? ""}' of model '${config.name ?? ""}': ` +
      `this gateway serves ${served}`,
  );
}

/** Name of the artifact inside a version folder; undefined for a backend that needs none. */
export function artifactFile(
  config: ModelConfigFields,
  module: InspectingModule,
): { readonly format: string; readonly filename: string } | undefined {
  const formats = Object.entries(module.formats);
  const first = formats[0];
  if (first === undefined) return undefined;
  const named = config.default_model_filename ?? "";
  if (named === "") return { format: first[0], filename: first[1] };
  const format = formats.find(([, filename]) => filename === named) ?? first;
  return { format: format[0], filename: named };
}
