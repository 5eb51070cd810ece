/** BUILD_METADATA and KEYVALUE_METADATA: JSON about tools, and pairs that builders added. */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import { parseJson } from "../../common/artifact-file/json.ts";
import { present } from "../../common/artifact-file/present.ts";

export interface BuildMetadata {
  /** `v++ 2021.1`. */
  readonly linkedBy?: string;
  /** `xclbinutil 2.11.0`. */
  readonly packagedBy?: string;
}

/** @throws BackendError `artifact` when it is no JSON object */
export function readBuildMetadata(view: ByteView): BuildMetadata {
  const root = parseJson(view);
  if (!root.isObject) throw view.place.refusal("no JSON object");
  const xclbin = root.at("build_metadata", "xclbin");
  const tool = (...keys: string[]): string | undefined => {
    const { text: name } = xclbin.at(...keys, "name");
    return name === undefined
      ? undefined
      : `${name} ${xclbin.at(...keys, "version").text ?? ""}`.trim();
  };
  return present({ linkedBy: tool("generated_by"), packagedBy: tool("packaged_by") });
}

/** @throws BackendError `artifact` when it is no JSON object */
export function readKeyValues(view: ByteView): Readonly<Record<string, string>> {
  const root = parseJson(view);
  if (!root.isObject) throw view.place.refusal("no JSON object");
  const pairs = root
    .at("key_values")
    .items.map((pair) => [pair.at("key").text ?? "", pair.at("value").text ?? ""]);
  return Object.fromEntries(pairs.filter(([key]) => key !== ""));
}
