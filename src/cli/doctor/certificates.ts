/** Certificates of a port: readable, in time, whole, and with the key that belongs to them. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { type Finding, fail, ok, warn } from "./finding.ts";

export interface PortFiles {
  readonly certPath?: string | undefined;
  readonly keyPath?: string | undefined;
  /** Authorities of the other side. */
  readonly rootCertPath?: string | undefined;
}

const DAY_MS = 86_400_000;
/** Grid authorities renew in days, not hours. */
const SOON_DAYS = 21;
const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** @param section of the configuration: `grpc.tls`. @param nowMs since 1970 */
export async function checkCertificates(
  section: string,
  { certPath, keyPath, rootCertPath }: PortFiles,
  nowMs = Date.now(),
): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (certPath !== undefined) {
    const check = `${section}.certPath ${certPath}`;
    const chain = await readChain(check, certPath);
    if (!Array.isArray(chain)) findings.push(chain);
    else {
      findings.push(judgeOwn(check, chain, nowMs));
      if (keyPath !== undefined) findings.push(...(await judgeKey(section, keyPath, chain)));
    }
  }
  if (rootCertPath !== undefined) {
    const check = `${section}.rootCertPath ${rootCertPath}`;
    const authorities = await readChain(check, rootCertPath);
    findings.push(
      Array.isArray(authorities) ? judgeAuthorities(check, authorities, nowMs) : authorities,
    );
  }
  return findings;
}

async function readChain(check: string, path: string): Promise<X509Certificate[] | Finding> {
  try {
    const found = (await readFile(path, "utf8")).match(PEM) ?? [];
    if (found.length > 0) return found.map((pem) => new X509Certificate(pem));
    return fail(check, "no certificate in it", "name a PEM file: -----BEGIN CERTIFICATE-----");
  } catch (error) {
    return fail(check, reasonOf(error), "name a PEM file that the server's user can read");
  }
}

/** Server's own first, each signed by the next (RFC 8446 §4.4.2). */
function judgeOwn(check: string, chain: readonly X509Certificate[], nowMs: number): Finding {
  const untimely = chain.find((each) => nowMs < fromMs(each) || nowMs > untilMs(each));
  if (untimely !== undefined) {
    const name = oneLine(untimely.subject);
    if (nowMs > untilMs(untimely)) {
      return fail(check, `'${name}' expired on ${day(untilMs(untimely))}`, "renew it");
    }
    const remedy = "look at the clock of this machine, or wait";
    return fail(check, `'${name}' is valid from ${day(fromMs(untimely))} on`, remedy);
  }
  for (const [at, issuer] of chain.slice(1).entries()) {
    const issued = chain[at];
    if (issued?.checkIssued(issuer) && issued.verify(issuer.publicKey)) continue;
    return warn(
      check,
      `'${oneLine(issuer.subject)}' did not sign '${oneLine(issued?.subject ?? "")}' before it`,
      "put the server's certificate first, then the one that signed it, and so on: clients that lack one refuse",
    );
  }
  const first = chain.reduce((one, other) => (untilMs(other) < untilMs(one) ? other : one));
  const left = Math.floor((untilMs(first) - nowMs) / DAY_MS);
  const until = day(untilMs(first));
  if (left < SOON_DAYS) {
    return warn(
      check,
      `'${oneLine(first.subject)}' expires in ${left} days, on ${until}`,
      "renew it",
    );
  }
  const last = chain.at(-1);
  const ends = last?.subject === last?.issuer ? "its root" : `'${oneLine(last?.issuer ?? "")}'`;
  return ok(check, `valid until ${until}, ${chain.length} in the file, up to ${ends}`);
}

async function judgeKey(
  section: string,
  path: string,
  [own]: readonly X509Certificate[],
): Promise<Finding[]> {
  const check = `${section}.keyPath ${path}`;
  let key: KeyObject;
  try {
    key = createPrivateKey(await readFile(path));
  } catch (error) {
    const remedy = "name the certificate's private key, PEM, without a pass phrase";
    return [fail(check, reasonOf(error), remedy)];
  }
  if (own?.checkPrivateKey(key) !== true) {
    const remedy = `name the key that ${section}.certPath was made with`;
    return [fail(check, "not the key of the certificate", remedy)];
  }
  const { mode } = await stat(path);
  if ((mode & 0o007) === 0) return [ok(check, "the key of the certificate")];
  return [warn(check, "everybody on this machine may read it", `chmod o-rwx ${path}`)];
}

function judgeAuthorities(
  check: string,
  authorities: readonly X509Certificate[],
  nowMs: number,
): Finding {
  const expired = authorities.filter(({ validTo }) => Date.parse(validTo) < nowMs);
  const users = authorities.filter(({ ca }) => !ca);
  const some = (list: readonly X509Certificate[]) =>
    `${list.length} of ${authorities.length}, such as '${oneLine(list[0]?.subject ?? "")}'`;
  if (expired.length > 0) {
    const remedy = "renew them: whoever they signed is refused";
    return warn(check, `expired: ${some(expired)}`, remedy);
  }
  if (users.length > 0) {
    const remedy = "name certificates of authorities: what others have signed is refused";
    return warn(check, `no authority: ${some(users)}`, remedy);
  }
  return ok(check, `${authorities.length} authorities`);
}

const fromMs = ({ validFrom }: X509Certificate) => Date.parse(validFrom);
const untilMs = ({ validTo }: X509Certificate) => Date.parse(validTo);
const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const oneLine = (subject: string) => `/${subject.replaceAll("\n", "/")}`;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
