import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeQuestion } from "../../../test/support/infer-messages.ts";
import { StatusError } from "../../errors.ts";
import { joinPieces } from "../../inference/pieces.ts";
import type { InferCall, InferResponse, WireRequest } from "../../inference/request.ts";
import { PREFIX_BYTES } from "../transport/frame.ts";
import type { HotStream } from "../transport/hot-stream.ts";
import { loadInferenceDefinition } from "./definition.ts";
import type { Inference } from "./infer.ts";
import { streamHandler } from "./stream.ts";

const rpc = loadInferenceDefinition().service["ModelStreamInfer"];
const MOST_ROWS = 8;

interface Asked {
  readonly wire: WireRequest;
  readonly call: InferCall;
}

/** A stream whose messages are delivered several at a time, to models that give back what they get. */
function aStream(compresses = false, more: Partial<Inference> = {}) {
  const asked: Asked[] = [];
  /** `id=first byte of its data`, or `id!error`. */
  const seen: string[] = [];
  let released = 0;
  let status: string | undefined;
  const receive = (message: Buffer) => {
    const answer = rpc?.responseDeserialize(message) as {
      error_message: string;
      infer_response: { id: string; raw_output_contents: Buffer[] };
    };
    const { id, raw_output_contents: raw } = answer.infer_response;
    seen.push(
      answer.error_message === "" ? `${id}=${raw[0]?.[0]}` : `${id}!${answer.error_message}`,
    );
  };
  const stream: HotStream = {
    headers: {},
    peer: "",
    connection: { gone: false, whenGone() {} },
    receivedAt: 1,
    deadline: Number.POSITIVE_INFINITY,
    cancelled: false,
    onCancel: undefined,
    compresses,
    send(framed) {
      receive(framed.subarray(PREFIX_BYTES));
      return true;
    },
    sendMessages(framed, messages) {
      let at = 0;
      for (let left = messages; left > 0; left--) {
        const end = at + PREFIX_BYTES + framed.readUInt32BE(at + 1);
        receive(framed.subarray(at + PREFIX_BYTES, end));
        at = end;
      }
      expect(at).toBe(framed.length);
      return true;
    },
    release(bytes) {
      released += bytes;
    },
    pause() {},
    resume() {},
    end() {
      status ??= "OK";
    },
    fail({ code }) {
      status ??= code;
    },
  };
  const inference = {
    infer: (wire: WireRequest, call: InferCall) => void asked.push({ wire, call }),
    bundleRows: (model: string) => (model === "plain" ? MOST_ROWS : 0),
    ...more,
  };
  const listener = streamHandler(inference)(stream);
  let bytes = 0;
  return {
    stream,
    listener,
    asked,
    seen,
    status: () => status,
    bytes: () => bytes,
    released: () => released,
    /** What one read of the socket brings. */
    deliver(...requests: readonly { model?: string; id: string; value: number }[]) {
      const messages = requests.map(({ model = "plain", id, value }) =>
        encodeQuestion({
          model,
          id,
          inputs: [{ name: "x", datatype: "UINT8", shape: [1, 2], data: Uint8Array.of(value, 9) }],
        }),
      );
      const chunk = Buffer.concat(messages);
      let at = 0;
      for (const message of messages) {
        const end = at + message.length;
        bytes += message.length;
        const taken = listener.borrow?.(chunk, at, end) === true;
        if (!taken) listener.message({ byteLength: message.length, pieces: [message] });
        at = end;
      }
      chunk.fill(0); // the network's buffer is used again
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Gives each row back; one whose first byte is `guilty` fails whatever it is in. */
function run({ wire, call }: Asked, guilty?: number): void {
  const [input] = wire.inputs;
  const data = joinPieces(input?.data ?? { byteLength: 0, pieces: [] });
  const rows = Array.from({ length: data.length / 2 }, (_, row) => data[2 * row]);
  if (guilty !== undefined && rows.includes(guilty)) {
    call.fail(new StatusError("INTERNAL", `${guilty} is guilty`));
    return;
  }
  const response: InferResponse = {
    model: wire.model,
    version: "1",
    id: wire.id,
    outputs: [{ name: "y", datatype: "UINT8", shape: input?.shape ?? [], data }],
  };
  call.respond(response, true);
}

const alike = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ id: String(from + i), value: from + i }));

describe("requests that come together and are alike but for id and data", () => {
  it("take the line as one, and each gets its own answer", async () => {
    const { deliver, asked, seen, bytes, released } = aStream();
    deliver(...alike(6));
    await turn();
    expect(asked.map(({ wire }) => [wire.bundled, wire.inputs[0]?.shape])).toEqual([
      [undefined, [1, 2]], // the first one is what the others are compared with
      [5, [5, 2]],
    ]);
    for (const each of asked) run(each);
    expect(seen).toEqual(["0=0", "1=1", "2=2", "3=3", "4=4", "5=5"]);
    expect(released()).toBe(bytes());
  });

  it("are as many as the model allows, and no more", async () => {
    const { deliver, asked } = aStream();
    deliver(...alike(1 + MOST_ROWS + 3));
    await turn();
    expect(asked.map(({ wire }) => wire.bundled ?? 1)).toEqual([1, MOST_ROWS, 3]);
  });

  it("end before one that is traced, which takes the line alone", async () => {
    const asked: (number | undefined)[] = [];
    const traced: number[] = [];
    const left = () => 3 - (asked.reduce<number>((sum, count = 1) => sum + count, 0) % 4);
    const infer = ({ bundled }: WireRequest) => {
      if (left() === 0) traced.push(asked.length);
      asked.push(bundled);
    };
    const { deliver } = aStream(false, { infer, untraced: left });
    deliver(...alike(9));
    await turn();
    // The first is what the others are compared with; every fourth is traced.
    expect(asked).toEqual([undefined, 2, undefined, 3, undefined, undefined]);
    expect(traced).toEqual([2, 4]);
  });

  it("are asked one by one where one does not pay for another", async () => {
    const { deliver, asked, seen } = aStream();
    deliver(...alike(5));
    await turn();
    for (const each of asked) run(each, 3);
    expect(asked.map(({ wire }) => [wire.id, wire.bundled])).toEqual([
      ["0", undefined],
      ["", 4],
      ["1", undefined],
      ["2", undefined],
      ["3", undefined],
      ["4", undefined],
    ]);
    expect(seen).toEqual(["0=0", "1=1", "2=2", "3!3 is guilty", "4=4"]);
  });

  it("go alone where the model wants it, the answers are compressed, or only one came", async () => {
    const other = aStream();
    other.deliver(...alike(3).map((request) => ({ ...request, model: "other" })));
    const compressed = aStream(true);
    compressed.deliver(...alike(3));
    const single = aStream();
    single.deliver(...alike(1));
    single.deliver(...alike(1, 1));
    await turn();
    for (const { asked } of [other, compressed, single]) {
      expect(asked.every(({ wire }) => wire.bundled === undefined)).toBe(true);
    }
    for (const each of single.asked) run(each);
    expect(single.seen).toEqual(["0=0", "1=1"]);
  });

  it("are given up together when the client hangs up", async () => {
    const { deliver, asked, stream } = aStream();
    deliver(...alike(4));
    await turn();
    let told = 0;
    for (const { call } of asked) call.onCancel = () => told++;
    stream.onCancel?.();
    expect([told, asked.every(({ call }) => call.cancelled)]).toEqual([2, true]);
  });

  it("are answered before the stream ends", async () => {
    const { deliver, listener, asked, status, seen } = aStream();
    deliver(...alike(4));
    listener.halfClosed();
    await turn();
    expect(status()).toBeUndefined();
    for (const each of asked) run(each);
    expect([status(), seen.length]).toEqual(["OK", 4]);
  });
});

describe("any conversation", () => {
  const anyRequest = fc.record({
    model: fc.constantFrom("plain", "plain", "plain", "other"),
    id: fc.string({ maxLength: 4 }),
    value: fc.integer({ min: 0, max: 200 }),
  });

  it("is answered as if every request came alone, in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(anyRequest, { maxLength: 12 }), { maxLength: 6 }),
        fc.integer({ min: 0, max: 200 }),
        fc.infiniteStream(fc.nat()),
        async (deliveries, guilty, order) => {
          const { deliver, asked, seen, bytes, released } = aStream();
          for (const delivery of deliveries) {
            deliver(...delivery);
            await turn();
          }
          const waiting = [...asked];
          let known = asked.length;
          while (waiting.length > 0) {
            const [next] = waiting.splice((order.next().value ?? 0) % waiting.length, 1);
            if (next) run(next, guilty);
            waiting.push(...asked.slice(known));
            known = asked.length;
          }
          const expected = deliveries
            .flat()
            .map(({ id, value }) =>
              value === guilty ? `${id}!${guilty} is guilty` : `${id}=${value}`,
            );
          expect(seen).toEqual(expected);
          expect(released()).toBe(bytes());
        },
      ),
      { numRuns: 200 },
    );
  });
});
