/** Bytes that are no HTTP/2, HTTP/2 that is no gRPC, gRPC that is no message, and compression bombs. */
import { randomBytes } from "node:crypto";
import { connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { callHeaders, Flag, Frame, frame, PREFACE, RawHttp2 } from "./raw-http2.ts";

const INFER = "/inference.GRPCInferenceService/ModelInfer";
const BOMB_BYTES = 32 * 1024 * 1024;
const BOMBS = 20;

type Scribble = (raw: RawHttp2) => void;
const empty = Buffer.alloc(0);
const opened = frame(Frame.HEADERS, Flag.END_HEADERS, 1, callHeaders(INFER));
const body = (bytes: Uint8Array) =>
  Buffer.concat([opened, frame(Frame.DATA, Flag.END_STREAM, 1, bytes)]);

/** Sent behind a correct greeting unless it says otherwise. */
const SCRIBBLES: Readonly<Record<string, Scribble>> = {
  noise: (raw) => raw.send(randomBytes(200_000)),
  "a second preface": (raw) => raw.send(PREFACE),
  "a frame of 16 MB": (raw) => raw.send(Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])),
  "broken HPACK": (raw) =>
    raw.send(
      frame(Frame.HEADERS, Flag.END_HEADERS, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])),
    ),
  "DATA on stream 0": (raw) => raw.send(frame(Frame.DATA, 0, 0, Buffer.alloc(100))),
  "DATA on an idle stream": (raw) => raw.send(frame(Frame.DATA, 0, 77, Buffer.alloc(100))),
  "a flood of CONTINUATION": (raw) => {
    raw.send(frame(Frame.HEADERS, 0, 1, callHeaders(INFER)));
    const more = frame(Frame.CONTINUATION, 0, 1, Buffer.from([0, 1, 97, 1, 97]));
    for (let at = 0; at < 20_000; at += 1) raw.send(more);
  },
  "a flood of PING without reading": (raw) => {
    raw.deafen();
    const ping = frame(Frame.PING, 0, 0, Buffer.alloc(8));
    for (let at = 0; at < 50_000; at += 1) raw.send(ping);
  },
  "a flood of SETTINGS without reading": (raw) => {
    raw.deafen();
    for (let at = 0; at < 50_000; at += 1) raw.send(frame(Frame.SETTINGS, 0, 0, empty));
  },
  "window overflow": (raw) => {
    for (let at = 0; at < 3; at += 1) {
      raw.send(frame(Frame.WINDOW_UPDATE, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])));
    }
  },
  "gRPC flag 255": (raw) => raw.send(body(Buffer.from([255, 0, 0, 0, 1, 0]))),
  "compressed without an encoding": (raw) => raw.send(body(Buffer.from([1, 0, 0, 0, 1, 0]))),
  "a message of 4 GB announced": (raw) =>
    raw.send(
      Buffer.concat([opened, frame(Frame.DATA, 0, 1, Buffer.from([0, 255, 255, 255, 255, 1]))]),
    ),
  "a cut-off message": (raw) => raw.send(body(Buffer.from([0, 0, 0, 1, 0, 1, 2, 3]))),
  "a message of noise": (raw) =>
    raw.send(body(Buffer.concat([Buffer.from([0, 0, 0, 0x20, 0]), randomBytes(0x2000)]))),
  "two messages in a unary call": (raw) => raw.send(body(Buffer.alloc(10))),
  "an endless varint": (raw) =>
    raw.send(body(Buffer.concat([Buffer.from([0, 0, 0, 0, 64]), Buffer.alloc(64, 0xff)]))),
};

/** Calls whose few bytes on the wire become 32 MB each. */
async function bombs(port: number): Promise<number> {
  const packed = gzipSync(Buffer.alloc(BOMB_BYTES));
  const head = Buffer.alloc(5);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(packed.length, 1);
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  let answers = 0;
  const calls = Array.from({ length: BOMBS }, () => {
    const stream = session.request({
      ":method": "POST",
      ":path": INFER,
      "content-type": "application/grpc",
      "grpc-encoding": "gzip",
      te: "trailers",
    });
    stream.on("response", () => {
      answers += 1;
    });
    stream.resume();
    stream.end(Buffer.concat([head, packed]));
    return new Promise<void>((resolve) => {
      stream.on("error", () => resolve());
      stream.on("close", () => resolve());
    });
  });
  const limit = new Promise((resolve) => setTimeout(resolve, 15_000).unref());
  await Promise.race([Promise.all(calls), limit]);
  session.destroy();
  return answers;
}

export async function garbage(port: number) {
  const bare = await RawHttp2.open(port, false);
  bare.send(randomBytes(100_000));
  await bare.room(300);
  bare.close();
  for (const scribble of Object.values(SCRIBBLES)) {
    const raw = await RawHttp2.open(port);
    scribble(raw);
    await raw.room(300);
    await new Promise((resolve) => setTimeout(resolve, 100));
    raw.close();
  }
  return { scribbles: Object.keys(SCRIBBLES).length + 1, bombAnswers: await bombs(port) };
}
