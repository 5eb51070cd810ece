import { StatusError } from "../../../errors.ts";
import { VENDORS } from "../../catalog/types.ts";
import { checkModelName } from "../../paths.ts";
import { type Check, failed, missing, passed } from "../check.ts";

const MAX_NAME_BYTES = 200;
/** `name:version@vendor` is how people point at an artifact. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const RESERVED = /[:@?#%*"<>|\u0000-\u001f\u007f]/;
/** What an int64 and a JavaScript number both hold. */
const VERSION = /^[1-9]\d{0,14}$/;

/** Model and version can be served, and named by whoever wants them. */
export const nameCheck: Check = {
  name: "name",
  needs: [],
  run(context) {
    const { name, version, vendor } = context.candidate;
    if (name === undefined) return missing(context, "name", "give the model's name");
    const problem = problemOfName(name);
    if (problem !== undefined)
      return failed(problem, "choose a name of letters, digits, _, - and .");
    if (version === undefined) return missing(context, "version", "give a version, e.g. 1");
    if (!VERSION.test(version)) {
      return failed(
        `version '${version}' is no version`,
        "give a decimal number from 1 on, of at most 15 digits, without leading zeros",
      );
    }
    if (vendor === undefined)
      return missing(context, "vendor", `name one of ${VENDORS.join(", ")}`);
    if (VENDORS.includes(vendor)) return passed(`${name}, version ${version}, for ${vendor}`);
    return failed(`there is no vendor '${vendor}'`, `name one of ${VENDORS.join(", ")}`);
  },
};

/** For those who have a name and nothing else. */
export const isVersion = (version: string): boolean => VERSION.test(version);

export function problemOfName(name: string): string | undefined {
  try {
    checkModelName(name);
  } catch (thrown) {
    return thrown instanceof StatusError ? thrown.message : String(thrown);
  }
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    return `a name of ${Buffer.byteLength(name)} bytes, expected at most ${MAX_NAME_BYTES}`;
  }
  if (/^[.-]/.test(name)) return `name '${name}' begins with ${name[0]}`;
  if (name.trim() !== name) return `name '${name}' begins or ends with a space`;
  const wrong = RESERVED.exec(name)?.[0];
  return wrong === undefined
    ? undefined
    : `name '${name}' has the character ${JSON.stringify(wrong)}`;
}
