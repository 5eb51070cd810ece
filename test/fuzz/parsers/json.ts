/** JSON of requests: against `JSON.parse`, and as the request that it should be. */
import { readInferRequest } from "../../../src/http/infer/read-request.ts";
import { parseJson } from "../../../src/http/parse-json.ts";
import { onePiece } from "../../../src/inference/pieces.ts";
import { HTTP_SEEDS } from "../corpus.ts";
import { type Family, LARGEST_SEED_BYTES, outcomeOf } from "./family.ts";
import { mutateJson } from "./mutate-json.ts";

const PLACE = { model: "simple", version: "", maxInputBytes: 1024 * 1024 };
/** What is more than JSON here, on purpose. */
const MORE_THAN_JSON = /NaN|Inf/;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const texts = [
  '{"inputs":[{"name":"x","datatype":"INT64","shape":[2],"data":[9223372036854775807,-9223372036854775808]}]}',
  '{"inputs":[{"name":"x","datatype":"FP64","shape":[3],"data":[NaN,-Infinity,1e400]}]}',
  `${"[".repeat(90)}1234567890123456789${"]".repeat(90)}`,
].map((text) => Buffer.from(text));

export function makeJsonFamily(): Family {
  return {
    seeds: [...HTTP_SEEDS.map(({ body }) => body), ...texts].filter(
      ({ length }) => length > 0 && length <= LARGEST_SEED_BYTES,
    ),
    mutate: (seed, random) => (isJson(seed) ? mutateJson(seed, random) : seed),
    read: async (mutant, random) => {
      const outcome = await outcomeOf(() => parseJson(mutant));
      const plain = plainOutcome(mutant);
      if (plain !== undefined && plain !== outcome) {
        throw new Error(`JSON.parse: ${plain}, parseJson: ${outcome}`);
      }
      if (outcome === "refused") return "no JSON";
      const jsonBytes = random.chance(0.5) ? mutant.length : random.integer(mutant.length + 1);
      return outcomeOf(() => readInferRequest(onePiece(mutant), jsonBytes, PLACE));
    },
  };
}

function isJson(seed: Buffer): boolean {
  return plainOutcome(seed) === "read";
}

/** undefined where ours may differ: numbers that JSON has not, depth, and bytes that are no text. */
function plainOutcome(bytes: Buffer): "read" | "refused" | undefined {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return undefined;
  }
  if (MORE_THAN_JSON.test(text) || (text.match(/[[{]/g)?.length ?? 0) > 100) return undefined;
  try {
    JSON.parse(text);
    return "read";
  } catch {
    return "refused";
  }
}
