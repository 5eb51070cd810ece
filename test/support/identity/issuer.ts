/** An issuer of tokens for one test: keys, its set of public ones, and whatever token is asked for. */
import { createHmac, KeyObject, sign } from "node:crypto";
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";

type Keys = Awaited<ReturnType<typeof generateKeyPair>>;

type KeyMap = ReadonlyMap<string, { readonly algorithm: string; readonly pair: Keys }>;

export interface Asked {
  /** Laid over the usual ones; undefined takes one away. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  /** Of the keys; absent: the first. */
  readonly kid?: string;
}

export class TestIssuer {
  readonly url: string;
  readonly #keys: KeyMap;

  private constructor(url: string, keys: KeyMap) {
    this.url = url;
    this.#keys = keys;
  }

  /** @param algorithms by the id of a key */
  static async create(
    url: string,
    algorithms: Readonly<Record<string, string>>,
  ): Promise<TestIssuer> {
    const keys = new Map<string, { algorithm: string; pair: Keys }>();
    for (const [kid, algorithm] of Object.entries(algorithms)) {
      const pair = await generateKeyPair(algorithm, { extractable: true });
      keys.set(kid, { algorithm, pair });
    }
    return new TestIssuer(url, keys);
  }

  /** @param kids absent: all */
  async jwks(kids: readonly string[] = [...this.#keys.keys()]): Promise<string> {
    const keys = kids.map(async (kid) => {
      const { algorithm, pair } = this.#key(kid);
      return { ...(await exportJWK(pair.publicKey)), kid, alg: algorithm, use: "sig" };
    });
    return JSON.stringify({ keys: await Promise.all(keys) });
  }

  /** @param nowS seconds since 1970 */
  claims(nowS: number): Record<string, unknown> {
    return {
      ...{ iss: this.url, sub: "physicist", jti: "1", "wlcg.ver": "1.0", aud: "grpcs://gate:8001" },
      ...{ iat: nowS - 10, nbf: nowS - 10, exp: nowS + 3_600, "wlcg.groups": ["/cms"] },
    };
  }

  async token(nowS: number, { claims = {}, header = {}, kid }: Asked = {}): Promise<string> {
    const id = kid ?? [...this.#keys.keys()][0] ?? "";
    const { algorithm, pair } = this.#key(id);
    const payload = withoutAbsent({ ...this.claims(nowS), ...claims });
    const full = withoutAbsent({ alg: algorithm, kid: id, typ: "JWT", ...header });
    return new SignJWT(payload as JWTPayload)
      .setProtectedHeader(full as unknown as { alg: string })
      .sign(pair.privateKey);
  }

  /** Signed with the first key, of RSA, whatever head and payload say: also what no object has, and no library signs. */
  tokenOfText(payload: string, header: object = {}): string {
    const [id = ""] = this.#keys.keys();
    const { algorithm, pair } = this.#key(id);
    const head = encoded({ alg: algorithm, kid: id, ...header });
    const signed = `${head}.${Buffer.from(payload).toString("base64url")}`;
    const key = KeyObject.from(pair.privateKey);
    return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
  }

  /** Signed by nobody. */
  unsigned(nowS: number): string {
    return `${encoded({ alg: "none" })}.${encoded(this.claims(nowS))}.`;
  }

  /** Signed with the public key as if it were a secret. */
  async confused(nowS: number, kid: string): Promise<string> {
    const text = `${encoded({ alg: "HS256", kid })}.${encoded(this.claims(nowS))}`;
    const secret = await exportSPKI(this.#key(kid).pair.publicKey);
    return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
  }

  #key(kid: string) {
    const key = this.#keys.get(kid);
    if (key === undefined) throw new Error(`no key ${kid}`);
    return key;
  }
}

function withoutAbsent(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
