/** Answers that nobody takes: the client's flow-control window is 0, and it asks on. */
import { connect } from "node:http2";
import { encodeQuestion } from "../../support/infer-messages.ts";
import { grpcFrame } from "./raw-http2.ts";

const REQUESTS = 300;
const ANSWER_BYTES = 1024 * 1024;
const WATCHES = 500;
const HOLD_MS = 15_000;

export async function unread(port: number) {
  const data = new Uint8Array(ANSWER_BYTES);
  const body = grpcFrame(
    encodeQuestion({
      model: "big",
      inputs: [{ name: "INPUT0", datatype: "FP32", shape: [ANSWER_BYTES / 4], data }],
    }),
  );
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
  session.on("error", () => {});
  let opened = 0;
  let answers = 0;
  let ended = 0;
  const call = (path: string, message: Buffer) => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    stream.on("close", () => {
      ended += 1; // by the server: this side ends nothing
    });
    stream.on("response", () => {
      answers += 1; // headers only: the window holds back every DATA frame
    });
    stream.end(message);
    opened += 1;
  };
  for (let at = 0; at < WATCHES && !session.closed; at += 1) {
    call("/grpc.health.v1.Health/Watch", grpcFrame(new Uint8Array(0)));
  }
  for (let at = 0; at < REQUESTS && !session.closed; at += 1) {
    call("/inference.GRPCInferenceService/ModelInfer", body);
    if (at % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
  const did = { opened, answers, ended, closedByServer: session.destroyed };
  session.destroy();
  return did;
}
