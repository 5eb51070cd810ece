/** The file of tenants, and what it names. */
import { X509Certificate } from "node:crypto";
import { access, constants, readFile } from "node:fs/promises";
import { readKeyFile } from "../../tenants/api-keys.ts";
import { readTenantsFile, type TenantsFile } from "../../tenants/tenants-file.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

export async function checkTenants(path: string | undefined): Promise<Finding[]> {
  if (path === undefined) return [ok("tenants", "no file: nobody is asked who calls")];
  const check = `tenants ${path}`;
  let file: TenantsFile;
  try {
    file = await readTenantsFile(path);
  } catch (error) {
    return [fail(check, reasonOf(error), "correct the file; 'Who may call' in the README has one")];
  }
  const { tenants, identities, issuers, anonymous } = file;
  const used = new Set(
    [...identities, ...(anonymous ? [anonymous] : [])].map((each) => each.tenant),
  );
  const idle = tenants.map(({ name }) => name).filter((name) => !used.has(name));
  const found = `${tenants.length} tenants, ${identities.length} rules`;
  const keyFiles = identities.flatMap((rule) => (rule.kind === "key" ? [rule.file] : []));
  const jwksFiles = issuers.flatMap(({ jwks }) => ("file" in jwks ? [jwks.file] : []));
  const caFiles = issuers.flatMap(({ caFile }) => caFile ?? []);
  return [
    idle.length === 0
      ? ok(check, found)
      : warn(check, `${found}; nobody can be ${idle.join(", ")}`, "add a rule under identities"),
    ...(await Promise.all([...new Set(keyFiles)].map(checkKeyFile))),
    ...(await Promise.all([...new Set(jwksFiles)].map(checkJwksFile))),
    ...(await Promise.all([...new Set(caFiles)].map(checkCaFile))),
  ];
}

async function checkKeyFile(path: string): Promise<Finding> {
  const check = `keys ${path}`;
  try {
    const hashes = await readKeyFile(path);
    if (hashes.length > 0) return ok(check, `${hashes.length} keys`);
    return warn(check, "no key in it", `beamgate key new --file ${path}`);
  } catch (error) {
    return fail(check, reasonOf(error), `make one: beamgate key new --file ${path}`);
  }
}

async function checkJwksFile(path: string): Promise<Finding> {
  const check = `keys of an issuer ${path}`;
  try {
    await access(path, constants.R_OK);
    return ok(check, "readable");
  } catch (error) {
    return fail(check, reasonOf(error), "let the server's user read it, or name jwksUri");
  }
}

async function checkCaFile(path: string): Promise<Finding> {
  const check = `authorities of an issuer ${path}`;
  try {
    return ok(check, `first: ${new X509Certificate(await readFile(path)).subject}`);
  } catch (error) {
    return fail(check, reasonOf(error), "name a PEM file with the authorities of its web server");
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
