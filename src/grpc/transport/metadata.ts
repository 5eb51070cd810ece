/** grpc-js' Metadata and HTTP/2 headers. */
import { Metadata } from "@grpc/grpc-js";
import type { RequestHeaders, ResponseHeaders } from "../http2/protocol.ts";

/** Headers that steer the call itself; a handler does not see them. */
const OF_THE_TRANSPORT = [
  "te",
  "content-type",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
];

/** What the client sent along; values of `-bin` keys as bytes. */
export function metadataFrom(headers: RequestHeaders): Metadata {
  const metadata = new Metadata();
  for (const [key, header] of Object.entries(headers)) {
    if (key.startsWith(":") || OF_THE_TRANSPORT.includes(key) || header === undefined) continue;
    addValues(metadata, key, header);
  }
  return metadata;
}

function addValues(metadata: Metadata, key: string, value: string): void {
  try {
    if (!key.endsWith("-bin")) metadata.add(key, value);
    // Several values of one key come joined; base64 itself has no comma.
    else for (const part of value.split(",")) metadata.add(key, Buffer.from(part.trim(), "base64"));
  } catch {
    // A key or value that gRPC does not allow: the client cannot have meant it for us.
  }
}

/** Metadata as it goes out; names of the transport are left out. */
export function headersFrom(metadata: Metadata | undefined): ResponseHeaders | undefined {
  if (!metadata) return undefined;
  const headers: Record<string, string[]> = {};
  for (const key of Object.keys(metadata.getMap())) {
    if (key.startsWith(":") || key.startsWith("grpc-") || OF_THE_TRANSPORT.includes(key)) continue;
    headers[key] = metadata
      .get(key)
      .map((value) => (typeof value === "string" ? value : value.toString("base64")));
  }
  return headers;
}
