/**
 * Tokens. Half the mutants are of a signed token's text, of which none may count but for what was signed;
 * the others are of its claims, signed again as their issuer would.
 */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { StatusError } from "../../../src/errors.ts";
import { silent } from "../../../src/logger.ts";
import { hasScope, inGroup } from "../../../src/tenants/claims.ts";
import { KeySet } from "../../../src/tenants/key-set.ts";
import { verifyToken } from "../../../src/tenants/token-verifier.ts";
import { pick } from "../mutate.ts";
import type { MakeFamily } from "./family.ts";
import { mutateJson } from "./mutate-json.ts";

const NOW_S = 1_800_000_000;
const URL = "https://issuer.example/";
const CLAIMS = {
  ...{ iss: URL, sub: "physicist", jti: "1", "wlcg.ver": "1.0", aud: "grpcs://gate:8001" },
  ...{ iat: NOW_S - 10, nbf: NOW_S - 10, exp: NOW_S + 3_600 },
  ...{ "wlcg.groups": ["/cms", "/cms/uscms"], scope: "compute.create storage.read:/cms/models" },
};
const HEADER = { alg: "ES256", kid: "ec", typ: "JWT" };
const encoded = (text: string | Buffer) => Buffer.from(text).toString("base64url");

export const makeJwtFamily: MakeFamily = async (scratch) => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const file = join(scratch, "jwks.json");
  const key = { ...publicKey.export({ format: "jwk" }), kid: "ec", alg: "ES256", use: "sig" };
  writeFileSync(file, JSON.stringify({ keys: [key] }));
  const keySets = new Map(
    (["wlcg", "iam"] as const).map((profile) => {
      const url = profile === "wlcg" ? URL : `${URL}iam`;
      const issuer = { name: profile, url, profile, jwks: { file }, audiences: [CLAIMS.aud] };
      const set = new KeySet(issuer, {
        now: () => NOW_S * 1000,
        fetchText: () => Promise.reject(new Error("nobody is asked")),
        changed() {},
        log: silent,
      });
      return [url, set] as const;
    }),
  );
  for (const set of keySets.values()) await set.read();
  const signed = (claims: string | Buffer) => tokenOf(claims, privateKey);
  const iam = { ...CLAIMS, iss: `${URL}iam`, groups: ["atlas"] };
  const claims = [CLAIMS, iam].map((each) => Buffer.from(JSON.stringify(each)));
  const tokens = claims.map((each) => Buffer.from(signed(each)));
  const verify = async (token: string): Promise<"counts" | "refused"> => {
    try {
      const verified = await verifyToken(token, keySets, NOW_S * 1000);
      inGroup(verified.claims, "/cms");
      hasScope(verified.claims, "storage.read:/cms/models");
      return "counts";
    } catch (thrown) {
      // jose has TypeErrors of its own as causes of what it refuses.
      if (thrown instanceof StatusError && thrown.code === "UNAUTHENTICATED") return "refused";
      throw thrown;
    }
  };
  return {
    seeds: [...tokens, ...claims],
    mutate: (_, random) => mutateJson(pick(claims, random), random),
    read: async (mutant) => {
      // Claims begin with a bracket, whatever else became of them; a token is base64url.
      if (mutant[0] === 0x7b) return `resigned: ${await verify(signed(mutant))}`;
      const token = mutant.toString("latin1");
      const outcome = await verify(token);
      if (
        outcome === "counts" &&
        !claims.some((own) => isDeepStrictEqual(payloadOf(token), JSON.parse(String(own))))
      ) {
        throw new Error("a token that nobody signed counts");
      }
      return outcome;
    },
  };
};

function tokenOf(claims: string | Buffer, key: KeyObject): string {
  const text = `${encoded(JSON.stringify(HEADER))}.${encoded(claims)}`;
  const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${encoded(signature)}`;
}

function payloadOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}
