/** A 4 MB message in DATA frames of one byte each: 40 MB of frames. */
import { encodeQuestion } from "../../support/infer-messages.ts";
import { callHeaders, Flag, Frame, frame, grpcFrame, RawHttp2 } from "./raw-http2.ts";

const MESSAGE_BYTES = 4 * 1024 * 1024;
const LIMIT_MS = 40_000;

export async function oneByteFrames(port: number) {
  const data = new Uint8Array(MESSAGE_BYTES);
  const body = grpcFrame(
    encodeQuestion({
      model: "big",
      inputs: [{ name: "INPUT0", datatype: "FP32", shape: [MESSAGE_BYTES / 4], data }],
    }),
  );
  const raw = await RawHttp2.open(port);
  const headers = callHeaders("/inference.GRPCInferenceService/ModelInfer");
  raw.send(frame(Frame.HEADERS, Flag.END_HEADERS, 1, headers));
  const end = performance.now() + LIMIT_MS;
  let sent = 0;
  const cutOff = () => raw.ended !== undefined || raw.streamReset !== undefined;
  while (sent < body.length && !cutOff() && performance.now() < end) {
    const count = Math.min(4096, body.length - sent, raw.connectionWindow, raw.streamWindow);
    if (count <= 0) {
      await raw.room();
      continue;
    }
    const pieces: Buffer[] = [];
    for (let at = 0; at < count; at += 1) {
      pieces.push(frame(Frame.DATA, 0, 1, body.subarray(sent + at, sent + at + 1)));
    }
    raw.connectionWindow -= count;
    raw.streamWindow -= count;
    sent += count;
    if (!raw.send(Buffer.concat(pieces))) await raw.room();
    else await new Promise((resolve) => setImmediate(resolve)); // let window updates in
  }
  await raw.room(500);
  raw.close();
  return { frames: sent, ended: raw.ended ?? "no", streamReset: raw.streamReset ?? "no" };
}
