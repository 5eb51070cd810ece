/** What stands behind the address of an issuer: fetched within bounds, from nobody else. */
import type { IncomingMessage } from "node:http";

const TIMEOUT_MS = 5_000;
const LARGEST_BYTES = 1024 * 1024;

/** @param ca PEM of the only authorities that count; absent: those of Node. Rejects with the reason. */
export type FetchText = (uri: string, ca?: Buffer) => Promise<string>;

/** Follows nobody elsewhere, and takes no more than a set of keys may be long, in 5 s altogether. */
export const fetchText: FetchText = async (uri, ca) => {
  const { request } = uri.startsWith("https:")
    ? await import("node:https")
    : await import("node:http");
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { accept: "application/json", "user-agent": "beamgate" };
      const asked = request(uri, { agent: false, signal, headers, ...(ca && { ca }) }, resolve);
      asked.on("error", reject);
      asked.end();
    });
    return await textOf(answer);
  } catch (cause) {
    if (!signal.aborted) throw cause;
    throw new Error(`no whole answer within ${TIMEOUT_MS / 1000} s`, { cause });
  }
};

async function textOf(answer: IncomingMessage): Promise<string> {
  const { statusCode = 0 } = answer;
  try {
    if (statusCode >= 300 && statusCode < 400) {
      throw new Error(`HTTP status ${statusCode}: it sends us elsewhere, which we do not follow`);
    }
    if (statusCode !== 200) throw new Error(`HTTP status ${statusCode}`);
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of answer as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > LARGEST_BYTES) throw new Error(`more than ${LARGEST_BYTES} bytes`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString("utf8");
  } finally {
    answer.destroy();
  }
}
