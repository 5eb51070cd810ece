/** What a client may ask for: silicon of one vendor, a platform, a numeric class, one variant by name, or one artifact by digest. */
import { StatusError } from "../../errors.ts";
import type { Parameters } from "../../inference/request.ts";
import type { VariantIdentity } from "./variant-view.ts";

/** A field that is absent wishes for nothing. At least one is present. */
export interface ClientWish {
  readonly vendor?: string;
  readonly platform?: string;
  readonly numericClass?: string;
  readonly variant?: string;
  /** `sha256:<hex>` */
  readonly digest?: string;
}

/** How the fields are spelt in a request. */
export const WISHES = [
  { field: "vendor", parameter: "beamgate_vendor", header: "beamgate-vendor", noun: "vendor" },
  {
    field: "platform",
    parameter: "beamgate_platform",
    header: "beamgate-platform",
    noun: "platform",
  },
  {
    field: "numericClass",
    parameter: "beamgate_class",
    header: "beamgate-class",
    noun: "numeric class",
  },
  { field: "variant", parameter: "beamgate_variant", header: "beamgate-variant", noun: "name" },
  { field: "digest", parameter: "beamgate_digest", header: "beamgate-digest", noun: "digest" },
] as const;

const DIGEST = /^(?:sha256:)?([0-9a-f]{64})$/;

type Headers = Readonly<Record<string, string | undefined>>;

/** Those of the last request that wish for nothing: a connection's requests mostly share one object. */
let wishless: Headers | undefined;

/**
 * The wish of a request; undefined for none.
 * A parameter goes before the header of the same meaning; an empty header wishes for nothing.
 * @param headers names in lower case, of an object that does not change; left out where headers are not looked at
 * @throws StatusError INVALID_ARGUMENT for a parameter that is no string, or empty, and for a digest that is none
 */
export function parseWish(
  parameters: Parameters | undefined,
  headers?: Headers,
): ClientWish | undefined {
  const asked = headers === wishless ? undefined : headers;
  if (parameters === undefined && asked === undefined) return undefined;
  let wish: { -readonly [Field in keyof ClientWish]: string } | undefined;
  let found = false;
  for (const { field, parameter, header } of WISHES) {
    const told = asked?.[header];
    if (told) found = true;
    const value = stringParameter(parameters, parameter) ?? told;
    if (!value) continue;
    wish ??= {};
    wish[field] = field === "digest" ? readDigest(value) : value;
  }
  if (!found && asked !== undefined) wishless = asked;
  return wish;
}

function stringParameter(parameters: Parameters | undefined, key: string): string | undefined {
  const found = parameters?.get(key);
  if (found === undefined) return undefined;
  if (found.type === "string" && found.value !== "") return found.value;
  const given = found.type === "string" ? "an empty string" : `${found.type} ${found.value}`;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `parameter '${key}' is ${given}; send it as string_param with a value, or leave it out`,
  );
}

function readDigest(text: string): string {
  const [, hex] = DIGEST.exec(text) ?? [];
  if (hex !== undefined) return `sha256:${hex}`;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `the digest '${text}' is none, expected sha256: and 64 hexadecimal digits in lower case, ` +
      "as 'beamgate_artifact' of an answer has it",
  );
}

export function fulfils(view: VariantIdentity, wish: ClientWish): boolean {
  return (
    (wish.vendor === undefined || wish.vendor === view.vendor) &&
    (wish.platform === undefined || wish.platform === view.platform) &&
    (wish.numericClass === undefined || wish.numericClass === view.numericClass) &&
    (wish.variant === undefined || wish.variant === view.name) &&
    (wish.digest === undefined || wish.digest === view.digest)
  );
}

/** "vendor "intel" and numeric class "float32"", for people. */
export function describeWish(wish: ClientWish): string {
  return WISHES.filter(({ field }) => wish[field] !== undefined)
    .map(({ field, noun }) => `${noun} "${wish[field]}"`)
    .join(" and ");
}
