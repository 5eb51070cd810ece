/** Messages that announce 40 MB, send nearly all of it and never end. */
import { connect } from "node:http2";
import { encodeQuestion } from "../../support/infer-messages.ts";
import { grpcFrame } from "./raw-http2.ts";

const MESSAGES = 14;
const ANNOUNCED_BYTES = 40 * 1024 * 1024;
const SENT_PART = 0.97;
const HOLD_MS = 12_000;

/** Half of them on connections of their own, half on one connection. */
export async function halfSent(port: number) {
  const width = ANNOUNCED_BYTES / 4;
  const data = new Uint8Array(ANNOUNCED_BYTES);
  const message = encodeQuestion({
    model: "big",
    inputs: [{ name: "INPUT0", datatype: "FP32", shape: [width], data }],
  });
  const body = grpcFrame(message);
  const shared = connect(`http://127.0.0.1:${port}`);
  const sessions = [shared];
  let sentBytes = 0;
  let refused = 0;
  for (let at = 0; at < MESSAGES; at += 1) {
    const session = at % 2 === 0 ? shared : connect(`http://127.0.0.1:${port}`);
    if (session !== shared) sessions.push(session);
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": "/inference.GRPCInferenceService/ModelInfer",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    stream.on("response", () => {
      refused += 1;
    });
    const end = Math.floor(body.length * SENT_PART);
    const step = 256 * 1024;
    let sent = 0;
    const push = () => {
      while (sent < end && !stream.destroyed) {
        const piece = body.subarray(sent, Math.min(end, sent + step));
        sent += piece.length;
        sentBytes += piece.length;
        if (!stream.write(piece)) {
          stream.once("drain", push);
          return;
        }
      }
    };
    push();
  }
  await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
  for (const session of sessions) session.destroy();
  return { messages: MESSAGES, offeredBytes: sentBytes, refused };
}
