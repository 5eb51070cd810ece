/** Questions of the command line to a running gateway, by HTTP. */
import { CliError, Exit } from "./io.ts";

const TIMEOUT_MS = 600_000;

/** Nothing answers there, or it is something else. */
export class NoGateway extends CliError {}

/** @throws NoGateway, CliError with the gateway's own words */
export async function askGateway(
  url: string,
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<unknown> {
  const base = /^https?:\/\//.test(url) ? url : `http://${url}`;
  let response: Response;
  try {
    response = await fetch(new URL(path, base), {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    const remedy = "start it with 'beamgate serve', or name it with --url";
    throw new NoGateway(Exit.unavailable, `no gateway answers at ${base}: ${remedy}`, { cause });
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok && answer !== undefined) return answer;
  const { error } = (answer ?? {}) as { readonly error?: unknown };
  if (typeof error === "string" && error !== "Not Found") {
    throw new CliError(response.status === 503 ? Exit.unavailable : Exit.refused, error);
  }
  throw new NoGateway(
    Exit.unavailable,
    `what answers at ${base} is no beamgate that knows ${path} (status ${response.status})`,
  );
}
