/**
 * Closed loop over HTTP with autocannon: it keeps every connection busy by
 * itself. Used where answers are counted and not looked into; autocannon reads
 * bodies as text, which tensors do not survive.
 */
import autocannon from "autocannon";
import type { ClientRequest, DriverOptions } from "./driver.ts";
import { messageHeaders } from "./http-binary.ts";
import { encodeHttpRequest } from "./http-message.ts";

export interface ClosedHttpEvents {
  answered(latencyMs: number, bytes: number, error: string | undefined): void;
}

export interface ClosedHttpOptions extends Pick<DriverOptions, "address" | "identities"> {
  /** Sent in turn by every connection. */
  readonly requests: readonly ClientRequest[];
  readonly binary: boolean;
  readonly concurrency: number;
}

/** autocannon wants to know when it ends; we end it when we have enough. */
const LONGEST_S = 24 * 3600;
const TIMEOUT_S = 60;

/** Begins at once. @returns what ends it */
export function closedHttpLoop(
  options: ClosedHttpOptions,
  events: ClosedHttpEvents,
): () => Promise<void> {
  const { address, concurrency, binary, identities } = options;
  const scheme = address.tls === undefined ? "http" : "https";
  const headers = Object.fromEntries(
    (identities[0] ?? []).map(({ name, value }) => [name, value] as const),
  );
  const requests = options.requests.map((request) => {
    const message = encodeHttpRequest(request, binary);
    // autocannon writes the length by itself.
    const { "content-length": _, ...about } = messageHeaders(message);
    return {
      method: "POST" as const,
      path: message.path,
      body: message.body,
      headers: { ...headers, ...about },
    };
  });
  const instance = autocannon(
    {
      url: `${scheme}://${address.host}:${address.port}`,
      connections: concurrency,
      duration: LONGEST_S,
      timeout: TIMEOUT_S,
      requests,
      ...(address.tls === undefined ? {} : { tlsOptions: tlsOptions(address.tls) }),
    },
    () => undefined,
  );
  instance.on("response", (_client, status, bytes, latencyMs) => {
    events.answered(latencyMs, bytes, status === 200 ? undefined : `HTTP ${status}`);
  });
  instance.on("reqError", (error: Error) => {
    events.answered(0, 0, error.message);
  });
  const done = new Promise<void>((resolve) => instance.once("done", () => resolve()));
  return () => {
    (instance as unknown as { stop(): void }).stop();
    return done;
  };
}

function tlsOptions({ ca, cert, key }: NonNullable<DriverOptions["address"]["tls"]>) {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
