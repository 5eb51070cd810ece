import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Pieces } from "../../inference/request.ts";
import { MessageReader, type MessageSink } from "./message-reader.ts";
import { joined } from "./piece-list.ts";

class Sink implements MessageSink {
  readonly messages: string[] = [];
  readonly raw: Pieces[] = [];
  readonly flags: number[] = [];
  refusals = 0;
  reader: MessageReader | undefined;

  beginMessage(): boolean {
    if (this.refusals === 0) return true;
    this.refusals--;
    return false;
  }

  endMessage(message: Pieces, compressed: boolean): void {
    this.raw.push(message);
    this.messages.push(`${compressed ? "z:" : ""}${joined(message).toString("latin1")}`);
  }

  badFlag(flag: number): void {
    this.flags.push(flag);
  }
}

function framed(text: string, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(text.length, 1);
  return Buffer.concat([prefix, Buffer.from(text, "latin1")]);
}

function setUp() {
  const sink = new Sink();
  const reader = new MessageReader(sink);
  sink.reader = reader;
  return { sink, reader };
}

describe("messages in chunks", () => {
  it("come out whole, however they were cut", () => {
    const texts = fc.array(fc.string({ maxLength: 40, unit: "binary-ascii" }), { maxLength: 8 });
    fc.assert(
      fc.property(texts, fc.array(fc.nat(30)), (wanted, cuts) => {
        const { sink, reader } = setUp();
        let rest = Buffer.concat(wanted.map((text, i) => framed(text, i % 2)));
        for (const cut of [...cuts, rest.length]) {
          // A slice of a large buffer, as the network delivers it.
          const network = Buffer.alloc(65_536);
          const size = rest.copy(network, 100, 0, Math.min(cut, rest.length));
          if (size > 0) reader.push(network.subarray(100, 100 + size));
          network.fill(0xee, 100 + size);
          rest = rest.subarray(size);
        }
        expect(sink.messages).toEqual(wanted.map((text, i) => (i % 2 ? `z:${text}` : text)));
        expect(reader.midMessage).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it("wait at their prefix when there is no room, and lose nothing", () => {
    const { sink, reader } = setUp();
    sink.refusals = 1;
    reader.push(framed("first").subarray(0, 7));
    reader.push(Buffer.concat([framed("first").subarray(7), framed(""), framed("second")]));
    expect([sink.messages, reader.holding, reader.backlogBytes]).toEqual([[], true, 5 + 5 + 11]);
    reader.resume();
    expect([sink.messages, reader.holding]).toEqual([["first", "", "second"], false]);
  });

  it("wait again when the second has no room either", () => {
    const { sink, reader } = setUp();
    sink.refusals = 1;
    reader.push(Buffer.concat([framed("a"), framed(""), framed("c")]));
    sink.refusals = 1;
    reader.resume();
    expect(sink.messages).toEqual(["a"]);
    reader.resume();
    expect(sink.messages).toEqual(["a", "", "c"]);
  });

  it("with a flag that means nothing end the reading", () => {
    const { sink, reader } = setUp();
    reader.push(Buffer.concat([framed("a"), framed("b", 2), framed("c")]));
    expect([sink.messages, sink.flags]).toEqual([["a"], [2]]);
    reader.push(framed("d"));
    expect(sink.messages).toEqual(["a"]);
  });
});

describe("what a message keeps alive", () => {
  const pinned = ({ pieces }: Pieces) =>
    [...new Set(pieces.map((piece) => piece.buffer))].reduce((sum, b) => sum + b.byteLength, 0);

  it("is not the network buffer it came in, where it is a small part of that", () => {
    const { sink, reader } = setUp();
    const network = Buffer.alloc(65_536);
    const size = framed("x".repeat(95)).copy(network, 1000);
    reader.push(network.subarray(1000, 1000 + size));
    expect(sink.raw[0]?.pieces[0]?.buffer).not.toBe(network.buffer);
  });

  it("is the network buffer where it fills it: no copy", () => {
    const { sink, reader } = setUp();
    const network = Buffer.alloc(65_536);
    const size = framed("x".repeat(40_000)).copy(network, 0);
    reader.push(network.subarray(0, size));
    expect(sink.raw[0]?.pieces[0]?.buffer).toBe(network.buffer);
  });

  it("is hardly more than its bytes when it comes byte by byte", () => {
    const { sink, reader } = setUp();
    const bytes = framed("y".repeat(100_000));
    // Written over again and again, as no network buffer is: what was kept must be a copy.
    const network = Buffer.alloc(65_536);
    for (const byte of bytes) reader.push(network.subarray(7, 8).fill(byte));
    const [message] = sink.raw;
    expect(message?.byteLength).toBe(100_000);
    expect(message?.pieces.length).toBeLessThan(120);
    expect(message && pinned(message)).toBeLessThan(200_000);
  });
});
