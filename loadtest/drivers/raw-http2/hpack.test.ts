import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { FRAME, FrameCutter, frame, PREFACE, settingsFrame } from "./frames.ts";
import { encodeHeaders, type Header, HpackDecoder } from "./hpack.ts";
import { huffmanText } from "./huffman.ts";

/** The header blocks that node:http2 (nghttp2) sends for these answers, one request after the other. */
async function blocksOf(answers: readonly Record<string, string>[]): Promise<Header[][]> {
  const server = http2.createServer();
  let answered = 0;
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200, ...answers[answered++] }, {
      endStream: true,
      sendDate: false,
    } as http2.ServerStreamResponseOptions);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const decoder = new HpackDecoder();
  const blocks: Header[][] = [];
  const get = encodeHeaders(
    [
      { name: ":method", value: "GET" },
      { name: ":scheme", value: "http" },
      { name: ":path", value: "/" },
      { name: ":authority", value: "localhost" },
    ],
    0,
  ).first;
  const ask = () => socket.write(frame(FRAME.HEADERS, 5, 2 * blocks.length + 1, get));
  const done = new Promise<void>((resolve) => {
    const cutter = new FrameCutter({
      data() {},
      frame(type, _flags, _stream, bytes, start, end) {
        if (type !== FRAME.HEADERS) return;
        const headers: Header[] = [];
        decoder.decode(bytes, start, end, (name, value) => headers.push({ name, value }));
        blocks.push(headers);
        if (blocks.length === answers.length) resolve();
        else ask();
      },
    });
    socket.on("data", (read) => cutter.push(read));
  });
  socket.write(Buffer.concat([PREFACE, settingsFrame([])]));
  ask();
  await done;
  socket.destroy();
  server.close();
  return blocks;
}

describe("headers that node:http2 encodes", () => {
  it("come out as they went in, for every character gRPC allows", async () => {
    const printable = String.fromCharCode(...Array.from({ length: 93 }, (_, at) => 0x21 + at));
    // lower-case letters are short in Huffman's code: this is what makes nghttp2 use it
    const texts = [printable, "a".repeat(200) + printable, "aaaa \\ aaaa", "0", ""];
    const blocks = await blocksOf(texts.map((text) => ({ "grpc-message": text })));
    expect(blocks.map((block) => block.find(({ name }) => name === "grpc-message")?.value)).toEqual(
      texts,
    );
  });

  it("stay right when old entries are pushed out of the table", async () => {
    const answers = Array.from({ length: 60 }, (_, at) => ({
      "grpc-message": `message ${at} ${"x".repeat(at * 7)}`,
      "grpc-status": String(at % 3),
    }));
    const blocks = await blocksOf(answers);
    blocks.forEach((block, at) => {
      expect(block).toContainEqual({ name: "grpc-message", value: answers[at]?.["grpc-message"] });
      expect(block).toContainEqual({ name: "grpc-status", value: answers[at]?.["grpc-status"] });
    });
  });
});

describe("encoded request headers", () => {
  const headers = [
    { name: ":method", value: "POST" },
    { name: "te", value: "trailers" },
    { name: "x-long", value: "v".repeat(300) },
  ];
  const decoded = (decoder: HpackDecoder, block: Uint8Array) => {
    const seen: Header[] = [];
    decoder.decode(block, 0, block.length, (name, value) => seen.push({ name, value }));
    return seen;
  };

  it("are an index each from the second request on", () => {
    const { first, later } = encodeHeaders(headers, 4096);
    const decoder = new HpackDecoder();
    expect(decoded(decoder, first)).toEqual(headers);
    expect(decoded(decoder, later)).toEqual(headers);
    expect(decoded(decoder, later)).toEqual(headers);
    expect(later.length).toBe(headers.length);
  });

  it("are spelled out for a peer without a table", () => {
    const { first, later } = encodeHeaders(headers, 0);
    expect(decoded(new HpackDecoder(), later)).toEqual(headers);
    expect(first).toBe(later);
  });
});

describe("a Huffman string outside of what gRPC allows", () => {
  it("ends in a question mark instead of going wrong", () => {
    expect(huffmanText(Uint8Array.from([0xff, 0xff, 0xff, 0xff]), 0, 4)).toBe("?");
  });
});
