import { describe, expect, it } from "vitest";
import { encodeQuestion } from "../../../test/support/infer-messages.ts";
import { aSignature } from "../../../test/support/requests.ts";
import { StatusError } from "../../errors.ts";
import type { InferCall, InferResponse, WireRequest } from "../../inference/request.ts";
import { PREFIX_BYTES } from "../transport/frame.ts";
import type { HotStream, HotStreamListener } from "../transport/hot-stream.ts";
import { loadInferenceDefinition } from "./definition.ts";
import { streamHandler } from "./stream.ts";

const rpc = loadInferenceDefinition().service["ModelStreamInfer"];

interface Answer {
  readonly error_message: string;
  readonly infer_response: {
    readonly model_name: string;
    readonly model_version: string;
    readonly id: string;
    readonly parameters: Readonly<Record<string, { readonly bool_param: boolean }>>;
    readonly raw_output_contents: readonly Buffer[];
  };
}

/** What the transport gives, and what a client would see of it. */
class FakeStream implements HotStream {
  readonly headers: HotStream["headers"];
  readonly peer = "127.0.0.1:1";
  readonly connection = { gone: false, whenGone() {} };
  readonly receivedAt = 5;
  readonly deadline = 1000;
  cancelled = false;
  onCancel: (() => void) | undefined;
  readonly sent: Answer[] = [];
  /** `OK` or the error that ended it. */
  status: string | undefined;
  released = 0;
  paused = false;
  /** The client does not read. */
  stuck = false;

  constructor(headers: HotStream["headers"] = {}) {
    this.headers = headers;
  }

  send(framed: Buffer): boolean {
    const answer = rpc?.responseDeserialize(framed.subarray(PREFIX_BYTES)) as Answer;
    this.sent.push(answer);
    return !this.stuck;
  }

  readonly compresses = false;

  sendMessages(framed: Buffer, messages: number): boolean {
    let at = 0;
    for (let left = messages; left > 0; left--) {
      const end = at + PREFIX_BYTES + framed.readUInt32BE(at + 1);
      this.send(framed.subarray(at, end));
      at = end;
    }
    expect(at).toBe(framed.length);
    return !this.stuck;
  }

  release(bytes: number): void {
    this.released += bytes;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  end(): void {
    this.status ??= "OK";
  }

  fail({ code, message }: StatusError): void {
    this.status ??= `${code}: ${message}`;
  }

  hangUp(): void {
    this.cancelled = true;
    this.onCancel?.();
  }

  /** What the client saw, an answer a word: `id=first byte`, `id!error`, `.` where it is the final one. */
  get seen(): string[] {
    return this.sent.map(({ error_message: error, infer_response: response }) => {
      const { id, parameters, raw_output_contents: raw } = response;
      const final = parameters["triton_final_response"]?.bool_param === true ? "." : "";
      return error === "" ? `${id}=${raw[0]?.[0] ?? ""}${final}` : `${id}!${error}${final}`;
    });
  }
}

interface Asked {
  readonly wire: WireRequest;
  readonly call: InferCall;
}

/** A stream to a gateway with the models `one` (an answer each), `many` (decoupled) and no other. */
function aStream(headers: HotStream["headers"] = {}) {
  const stream = new FakeStream(headers);
  const asked: Asked[] = [];
  const infer = (wire: WireRequest, call: InferCall) => {
    if (wire.model === "many" || wire.model === "one") {
      call.found?.(aSignature({ name: wire.model, decoupled: wire.model === "many" }));
      asked.push({ wire, call });
    } else {
      call.fail(new StatusError("NOT_FOUND", `no ${wire.model}`));
    }
  };
  const listener: HotStreamListener = streamHandler({ infer })(stream);
  let bytes = 0;
  const ask = (model: string, id: string, more: object = {}) => {
    const message = encodeQuestion({ model, id, inputs: [], ...more });
    bytes += message.length;
    listener.message({ byteLength: message.length, pieces: [message] });
  };
  const callOf = (id: string): InferCall => {
    const found = asked.find(({ wire }) => wire.id === id);
    if (!found) throw new Error(`nobody asked ${id}`);
    return found.call;
  };
  const answer = (id: string, value: number | undefined, final = true) => {
    const data = Uint8Array.of(value ?? 0);
    const output = { name: "y", datatype: "UINT8", shape: [1], data } as const;
    const outputs = value === undefined ? [] : [output];
    callOf(id).respond({ model: "m", version: "1", id, outputs }, final);
  };
  return { stream, listener, ask, answer, callOf, asked, bytes: () => bytes };
}

describe("requests of models with one answer each", () => {
  it("are answered in the order of asking, whoever is ready first", () => {
    const { stream, ask, answer } = aStream();
    for (const id of ["a", "b", "c"]) ask("one", id);
    answer("c", 3);
    answer("b", 2);
    expect(stream.seen).toEqual([]);
    answer("a", 1);
    expect(stream.seen).toEqual(["a=1.", "b=2.", "c=3."]);
  });

  it("have the deadline, the headers and the connection of their stream", () => {
    const { stream, ask, callOf } = aStream({ "x-run": "7" });
    ask("one", "a");
    const { deadline, connection, headers, manyResponses, timeline } = callOf("a");
    expect({ deadline, headers, manyResponses }).toEqual({
      deadline: 1000,
      headers: { "x-run": "7" },
      manyResponses: true,
    });
    expect(connection).toBe(stream.connection);
    expect(timeline.received).toBe(5);
  });

  it("give their bytes back to the receive budget when they are answered", () => {
    const { stream, ask, answer, bytes } = aStream();
    ask("one", "a");
    ask("one", "b");
    expect(stream.released).toBe(0);
    answer("b", 1);
    answer("a", 1);
    expect(stream.released).toBe(bytes());
  });

  it("may not have a second answer", () => {
    const { stream, ask, answer } = aStream();
    ask("one", "a");
    answer("a", 1, false);
    answer("a", 2);
    expect(stream.seen).toEqual(["a!more than one response to one request."]);
  });
});

describe("requests of decoupled models", () => {
  it("are answered as often as the model likes, in nobody's order", () => {
    const { stream, ask, answer } = aStream();
    ask("many", "a");
    ask("many", "b");
    answer("b", 1, false);
    answer("a", 1, false);
    answer("b", 2, false);
    expect(stream.seen).toEqual(["b=1", "a=1", "b=2"]);
  });

  it("get the empty final answer only if they asked for it", () => {
    const { stream, ask, answer } = aStream();
    ask("many", "silent");
    answer("silent", 1, false);
    answer("silent", undefined);
    expect(stream.seen).toEqual(["silent=1"]);
    ask("many", "told", { emptyFinal: true });
    answer("told", undefined);
    expect(stream.seen).toEqual(["silent=1", "told=."]);
  });

  it("neither wait for the others on the stream nor hold them up", () => {
    const { stream, ask, answer } = aStream();
    ask("one", "a");
    ask("many", "b");
    ask("one", "c");
    answer("b", 1, false);
    answer("c", 3);
    answer("a", 1);
    answer("b", undefined);
    expect(stream.seen).toEqual(["b=1", "a=1.", "c=3."]);
  });
});

describe("an error", () => {
  it("is an answer: before a model took the request with nothing but the id", () => {
    const { stream, ask, answer } = aStream();
    ask("nobody", "x");
    ask("one", "y");
    answer("y", 1);
    expect(stream.seen).toEqual(["x!no nobody", "y=1."]);
    expect(stream.sent[0]?.infer_response).toMatchObject({ model_name: "", parameters: {} });
    expect(stream.status).toBeUndefined();
  });

  it("of the model names it, and is final", () => {
    const { stream, ask, callOf } = aStream();
    ask("one", "x");
    ask("many", "y");
    callOf("y").fail(new StatusError("INTERNAL", "broken"));
    callOf("x").fail(new StatusError("INTERNAL", "broken"));
    expect(stream.seen).toEqual(["y!broken.", "x!broken."]);
    const named = { model_name: "one", model_version: "1" };
    expect(stream.sent[1]?.infer_response).toMatchObject(named);
  });

  it("keeps its place among the answers", () => {
    const { stream, ask, answer } = aStream();
    ask("one", "a");
    ask("nobody", "b");
    expect(stream.seen).toEqual([]);
    answer("a", 1);
    expect(stream.seen).toEqual(["a=1.", "b!no nobody"]);
  });

  it("is told of bytes that are no request, too", () => {
    const { stream, listener } = aStream();
    listener.message({ byteLength: 2, pieces: [Buffer.of(0x0a, 9)] });
    expect(stream.seen).toEqual(["!Unable to parse request: it ends in the middle of a field"]);
  });

  it("ends the stream, and what else is asked on it, where the client wants gRPC's way", () => {
    const { stream, ask, answer, callOf } = aStream({ triton_grpc_error: "true" });
    ask("one", "a");
    let told = false;
    callOf("a").onCancel = () => {
      told = true;
    };
    ask("nobody", "b");
    expect(stream.status).toBe("NOT_FOUND: no nobody");
    expect([told, callOf("a").cancelled]).toEqual([true, true]);
    answer("a", 1);
    expect(stream.seen).toEqual([]);
  });
});

describe("the end of a stream", () => {
  it("comes with OK after the last answer, once the client has said its last word", () => {
    const { stream, listener, ask, answer } = aStream();
    ask("one", "a");
    ask("many", "b");
    listener.halfClosed();
    answer("a", 1);
    expect(stream.status).toBeUndefined();
    answer("b", undefined);
    expect(stream.status).toBe("OK");
  });

  it("comes at once where nothing was asked", () => {
    const { stream, listener } = aStream();
    listener.halfClosed();
    expect(stream.status).toBe("OK");
  });

  it("waits for what the client has not read", () => {
    const { stream, listener, ask, answer } = aStream();
    stream.stuck = true;
    ask("one", "a");
    ask("one", "b");
    listener.halfClosed();
    answer("a", 1);
    answer("b", 2);
    expect([stream.seen, stream.status]).toEqual([["a=1."], undefined]);
    stream.stuck = false;
    listener.drain?.();
    expect([stream.seen, stream.status]).toEqual([["a=1.", "b=2."], "OK"]);
  });

  it("cancels everything when the client hangs up", () => {
    const { stream, ask, callOf, answer } = aStream();
    const told: string[] = [];
    for (const [model, id] of [
      ["one", "a"],
      ["many", "b"],
      ["one", "c"],
    ] as const) {
      ask(model, id);
      callOf(id).onCancel = () => told.push(id);
    }
    answer("c", 3);
    stream.hangUp();
    expect(told.sort()).toEqual(["a", "b"]);
    expect(callOf("a").cancelled).toBe(true);
    expect(stream.seen).toEqual([]);
  });

  it("when the server leaves: what was asked is answered, then the client is told", () => {
    const { stream, listener, ask, answer } = aStream();
    ask("one", "a");
    listener.shutdown?.(new StatusError("UNAVAILABLE", "the server leaves"));
    expect([stream.paused, stream.status]).toEqual([true, undefined]);
    answer("a", 1);
    expect(stream.seen).toEqual(["a=1."]);
    expect(stream.paused).toBe(true);
    expect(stream.status).toBe("UNAVAILABLE: the server leaves");
  });
});

describe("a stream that is too fast for one side", () => {
  it("is not read while its client does not read", () => {
    const { stream, listener, ask, answer } = aStream();
    stream.stuck = true;
    ask("one", "a");
    answer("a", 1);
    ask("one", "b");
    expect(stream.paused).toBe(true);
    stream.stuck = false;
    listener.drain?.();
    expect(stream.paused).toBe(false);
  });

  it("is not read while thousands of its requests are worked on", () => {
    const { stream, ask, answer } = aStream();
    let asked = 0;
    while (!stream.paused && asked < 20_000) ask("one", String(asked++));
    expect(asked).toBe(4096);
    for (let i = 0; i < 2047; i++) answer(String(i), 1);
    expect(stream.paused).toBe(true);
    answer("2047", 1);
    expect(stream.paused).toBe(false);
  });

  it("is ended where a decoupled model's answers pile up unread", () => {
    const { stream, ask, callOf } = aStream();
    stream.stuck = true;
    ask("many", "a");
    const data = new Uint8Array(2 ** 20);
    const outputs = [{ name: "y", datatype: "UINT8", shape: [data.length], data }] as const;
    const response: InferResponse = { model: "many", version: "1", id: "a", outputs };
    for (let i = 0; i < 70 && stream.status === undefined; i++)
      callOf("a").respond(response, false);
    expect(stream.status).toContain("RESOURCE_EXHAUSTED: more than 67108864 bytes of responses");
    expect(callOf("a").cancelled).toBe(true);
  });
});
