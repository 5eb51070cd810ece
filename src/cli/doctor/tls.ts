/** Files of TLS: those with which the port would not start, and those that clients would refuse. */
import { lastDay, outOfTime, readTls, TlsFileError } from "../../tenants/tls/tls-files.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

interface Slice {
  readonly useSsl: boolean;
  readonly mutual: boolean;
  readonly certPath?: string | undefined;
  readonly keyPath?: string | undefined;
  readonly rootCertPath?: string | undefined;
}

/** @param nowMs since 1970 */
export async function checkTls(
  name: "grpc" | "http",
  { enabled, tls }: { readonly enabled: boolean; readonly tls: Slice },
  nowMs = Date.now(),
): Promise<Finding> {
  const check = `${name} TLS`;
  const { useSsl, mutual, certPath, keyPath, rootCertPath } = tls;
  if (!enabled || !useSsl || certPath === undefined || keyPath === undefined) {
    return ok(check, "switched off");
  }
  try {
    const root = rootCertPath === undefined ? {} : { rootCertPath };
    const read = readTls({ certPath, keyPath, mutual, ...root }, `${name}.tls`);
    const trouble = outOfTime(read, nowMs);
    if (trouble === undefined) return ok(check, `the certificate is valid until ${lastDay(read)}`);
    return warn(
      check,
      `the certificate '${certPath}': ${trouble}`,
      "clients will refuse it: renew it",
    );
  } catch (error) {
    if (error instanceof TlsFileError) return fail(check, error.found, error.remedy);
    throw error;
  }
}
