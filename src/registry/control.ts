/** What a client may ask of the repository (RepositoryModelLoad and -Unload): parameters in, Triton's texts out. */
import { type CodeName, StatusError } from "../errors.ts";

/** `ModelRepositoryParameter`, whichever front-end read it; `unset`: sent without a value. */
export type ControlParameter =
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "int64"; readonly value: number | bigint | string }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "unset" };

export type ControlParameters = ReadonlyMap<string, ControlParameter>;

/** What is loaded in place of what the repository holds; stays until the next load of the model. */
export interface LoadOverride {
  /** The whole ModelConfig as JSON. */
  readonly config?: string;
  /** By path below the model's folder: the model consists of these, not of the repository's. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

const FILE = "file:";

/** @throws StatusError INVALID_ARGUMENT */
export function loadOverride(parameters: ControlParameters): LoadOverride {
  let config: string | undefined;
  const files = new Map<string, Uint8Array>();
  for (const [name, parameter] of parameters) {
    if (name === "config") {
      if (parameter.type !== "string") throw wrongType("load", name, "string_param");
      config = parameter.value;
    } else if (name.startsWith(FILE)) {
      if (parameter.type !== "bytes") throw wrongType("load", name, "bytes_param");
      files.set(name.slice(FILE.length), parameter.value);
    } else {
      throw new StatusError("INVALID_ARGUMENT", `unrecognized load parameter '${name}'.`);
    }
  }
  return { ...(config === undefined ? {} : { config }), ...(files.size === 0 ? {} : { files }) };
}

/**
 * Whether the models of an ensemble's steps are to go with it. Other parameters
 * of an unload are passed over, as in Triton.
 * @throws StatusError INVALID_ARGUMENT
 */
export function unloadsDependents(parameters: ControlParameters): boolean {
  const name = "unload_dependents";
  const parameter = parameters.get(name);
  if (parameter === undefined) return false;
  if (parameter.type !== "bool") throw wrongType("unload", name, "bool_param");
  return parameter.value;
}

function wrongType(action: "load" | "unload", name: string, expected: string): StatusError {
  const what = action === "load" ? `load parameter '${name}'` : `'${name}' parameter`;
  return new StatusError(
    "INVALID_ARGUMENT",
    `invalid value type for ${what}, expected ${expected}.`,
  );
}

/** How a load ended. */
export type LoadOutcome =
  | { readonly kind: "loaded" }
  /** The model is nowhere, or its configuration is wrong; the reason is in index and log. */
  | { readonly kind: "not polled" }
  | { readonly kind: "no version" }
  /** At least one version; what served before goes on serving. */
  | { readonly kind: "failed"; readonly versions: ReadonlyMap<string, StatusError> };

/** undefined: it went well. */
export function outcomeError(model: string, outcome: LoadOutcome): StatusError | undefined {
  switch (outcome.kind) {
    case "loaded":
      return undefined;
    case "not polled":
      return new StatusError(
        "INTERNAL",
        `failed to load '${model}', failed to poll from model repository`,
      );
    case "no version":
      return new StatusError("INTERNAL", `failed to load '${model}', no version is available`);
    case "failed": {
      const reasons = [...outcome.versions].map(
        ([version, { code, message }]) =>
          `version ${version} is at UNAVAILABLE state: ${TRITON_WORDS[code] ?? "Internal"}: ${message};`,
      );
      return new StatusError(
        "INVALID_ARGUMENT",
        `load failed for model '${model}': ${reasons.join("")}\n`,
      );
    }
  }
}

/** How Triton writes a status in a sentence; what it has no word for is internal. */
const TRITON_WORDS: { readonly [code in CodeName]?: string } = {
  UNKNOWN: "Unknown",
  NOT_FOUND: "Not found",
  INVALID_ARGUMENT: "Invalid argument",
  UNAVAILABLE: "Unavailable",
  UNIMPLEMENTED: "Unsupported",
  ALREADY_EXISTS: "Already exists",
  CANCELLED: "Cancelled",
};

/** @throws StatusError in every mode in which the repository itself decides what is loaded */
export function refuseUnlessExplicit(controlMode: string): void {
  if (controlMode === "explicit") return;
  throw new StatusError(
    "UNAVAILABLE",
    "explicit model load / unload is not allowed if polling is enabled",
  );
}
