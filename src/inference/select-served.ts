/** The versions that a question about statistics is about. */
import { StatusError } from "../errors.ts";

/**
 * @param name empty: every model. @param version empty: every version of it
 * @throws StatusError INVALID_ARGUMENT with Triton's text where there is none
 */
export function selectServed<T extends { readonly name: string; readonly version: string }>(
  served: readonly T[],
  name: string,
  version: string,
): readonly T[] {
  if (name === "") return served;
  const versions = served.filter((each) => each.name === name);
  if (versions.length === 0) throw unavailable(`requested model '${name}' is not available`);
  if (version === "") return versions;
  const one = versions.filter((each) => each.version === version);
  if (one.length === 0) {
    throw unavailable(`requested model version is not available for model '${name}'`);
  }
  return one;
}

function unavailable(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
