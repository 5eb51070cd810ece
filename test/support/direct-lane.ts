/** The direct lane before a server of Node that answers everything with what it was asked, and raw clients of both. */
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { vi } from "vitest";
import { StatusError } from "../../src/errors.ts";
import type { Gate } from "../../src/http/authorize.ts";
import { DirectLane } from "../../src/http/direct/direct-lane.ts";
import { ByteBudget } from "../../src/inference/byte-budget.ts";
import { joinPieces } from "../../src/inference/pieces.ts";
import type { InferCall, ModelSignature, WireRequest } from "../../src/inference/request.ts";

/** What a test has to end when it is over. */
export type Ends = (() => unknown)[];

export interface Asked {
  readonly wire: WireRequest;
  readonly call: InferCall;
}

/** A lane before a server of Node that answers everything with `node: <method> <body>`. */
export async function serveDirectly(
  ends: Ends,
  answerAtOnce = true,
  budget = new ByteBudget(2 ** 20),
  create: (listener: RequestListener) => Server = createServer,
  gate?: Gate,
) {
  const asked: Asked[] = [];
  const atNode: string[] = [];
  let closing = false;
  const signature: ModelSignature = {
    name: "m",
    version: "1",
    maxBatchSize: 0,
    inputs: [{ name: "IN", datatype: "UINT8", shape: [-1] }],
    outputs: [{ name: "OUT", datatype: "UINT8", shape: [-1] }],
    decoupled: false,
    reproducible: false,
  };
  const room = {
    infer: (wire: WireRequest, call: InferCall) => {
      asked.push({ wire, call });
      if (answerAtOnce) answer({ wire, call });
    },
    signature: (model: string) => {
      if (model === "m") return signature;
      throw new StatusError("NOT_FOUND", `no ${model}`);
    },
    load: (format: string, model: string, version: string) => `${format} of ${model}/${version}`,
    budget,
    maxInputBytes: 2 ** 20,
    now: () => performance.now(),
    closing: () => closing,
  };
  const lane = new DirectLane(room, gate);
  const server = create((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => {
      const told = `${request.method} ${Buffer.concat(pieces)}`;
      atNode.push(told);
      response.end(`node: ${told}`);
    });
  });
  lane.attach(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    lane.destroyAll();
    server.closeAllConnections();
    server.close();
  });
  const drain = () => {
    closing = true;
    server.close();
    lane.drain();
  };
  return { lane, server, asked, atNode, budget, drain };
}

/** Sends the bytes of a raw request back. */
export function answer({ wire, call }: Asked): void {
  const [{ data, shape } = { data: undefined, shape: [] }] = wire.inputs;
  if (data === undefined) throw new Error("a request without an input");
  const tensor = { name: "OUT", datatype: "UINT8", shape, data: joinPieces(data) } as const;
  call.respond({ model: "m", version: "1", id: "", outputs: [tensor] }, true);
}

/** A client that collects what it is sent. */
export async function rawClient(
  ends: Ends,
  server: Server,
  open: (port: number) => Socket = (port) => connect(port, "127.0.0.1"),
) {
  const { port } = server.address() as AddressInfo;
  const socket = open(port);
  await new Promise((resolve) => {
    socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", resolve);
  });
  ends.push(() => socket.destroy());
  let got = "";
  let ended = false;
  socket.on("data", (chunk) => {
    got += chunk.toString("latin1");
  });
  socket.on("close", () => {
    ended = true;
  });
  socket.on("error", () => {});
  return { socket, got: () => got, ended: () => ended };
}

/** An infer request. @param more header lines, each with its end */
export const raw = (body: string, more = "", model = "m") =>
  `POST /v2/models/${model}/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\nInference-Header-Content-Length: 0\r\n${more}\r\n${body}`;

export const bodies = (text: string) =>
  [...text.matchAll(/\r\n\r\n(?:\{.*?\]\}|)(.*?)(?=HTTP\/1\.1|$)/gs)].map(([, body]) => body);
export const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000 });
