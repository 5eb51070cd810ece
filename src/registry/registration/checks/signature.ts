import { toStatusError } from "../../../errors.ts";
import { type Check, failed, passed, skipped } from "../check.ts";

/** Somebody who is trusted with this vendor's artifacts signed these bytes. */
export const signatureCheck: Check = {
  name: "signature",
  needs: [],
  async run({ candidate, checkers }) {
    const { vendor, signature, digest } = candidate;
    const { trust, rules } = checkers;
    if (vendor === undefined || rules[vendor] === undefined) return skipped("no vendor was given");
    if (candidate.again === true) return skipped("it was judged when the artifact was registered");
    if (signature === undefined) {
      if (!rules[vendor].requireSignature) {
        return skipped(`none was given, and the registry of ${vendor} asks for none`);
      }
      return failed(
        `none was given, and the registry of ${vendor} asks for one`,
        "sign the artifact (beamgate model sign) with a key of the gateway's trust file",
      );
    }
    if (digest === undefined) return skipped("nobody hashed the bytes");
    try {
      const { id } = await trust.verify({ digest, vendor, signature });
      return passed(`by key '${id}'`);
    } catch (thrown) {
      const { code, message } = toStatusError(thrown);
      const [what, remedy] = REMEDIES.get(code) ?? ["", "try again"];
      return failed(`${what}${message}`, trust.configured ? remedy : NO_TRUST);
    }
  },
};

const NO_TRUST = "name the file of trusted keys in registry.trustFile of the gateway";
const REMEDIES: ReadonlyMap<string, readonly [prefix: string, remedy: string]> = new Map([
  ["UNAUTHENTICATED", ["", "sign these bytes again, with a key of the gateway's trust file"]],
  ["PERMISSION_DENIED", ["", "sign with a key that is valid now and for this vendor"]],
  ["FAILED_PRECONDITION", ["", "correct the trust file of the gateway"]],
]);
