/** What a file is to a registration, by its name; people may say otherwise. */
export const PARTS = [
  "artifact",
  "manifest",
  "config",
  "golden inputs",
  "golden outputs",
  "signature",
  "beside it",
] as const;
export type Part = (typeof PARTS)[number];

const ARTIFACTS: Readonly<Record<string, string>> = {
  onnx: "cpu",
  xclbin: "xilinx",
  xmodel: "xilinx",
  aocx: "intel",
  gbs: "intel",
  cl: "intel",
  zip: "cpu",
};

export function partOf(name: string): Part {
  const lower = name.toLowerCase();
  const ending = lower.slice(lower.lastIndexOf(".") + 1);
  if (ending in ARTIFACTS) return "artifact";
  if (ending === "pbtxt") return "config";
  if (ending === "npz") return /out|expect|answer/.test(lower) ? "golden outputs" : "golden inputs";
  if (ending === "sig" || /^signature.*\.json$/.test(lower)) return "signature";
  if (ending === "json" && lower.includes("manifest")) return "manifest";
  return "beside it";
}

/** Whose registry takes such a file, mostly. */
export function vendorOf(name: string): string | undefined {
  return ARTIFACTS[name.toLowerCase().slice(name.lastIndexOf(".") + 1)];
}

/** @returns why these files make no registration; undefined: they do */
export function whyNot(parts: readonly Part[]): string | undefined {
  const count = (part: Part) => parts.filter((each) => each === part).length;
  if (count("artifact") === 0) return "No file is the artifact: drop one, or say which it is.";
  const twice = PARTS.find((part) => part !== "beside it" && count(part) > 1);
  if (twice !== undefined) return `Several files are the ${twice}: a registration has one.`;
  if (count("golden outputs") > 0 && count("golden inputs") === 0) {
    return "There are golden outputs without the inputs that they belong to.";
  }
  return undefined;
}
