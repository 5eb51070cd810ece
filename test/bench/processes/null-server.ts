/**
 * The least a gRPC server on node:http2 can do: read the request, answer fixed
 * bytes. Shows what of a figure is the load client's and node:http2's own cost.
 */
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { print } from "./print.ts";

const HEADERS = { ":status": 200, "content-type": "application/grpc" };
const TRAILERS = { "grpc-status": "0" };
const EMPTY_MESSAGE = Buffer.alloc(5);

const server = http2.createServer();
server.on("stream", (stream) => {
  stream.on("error", () => undefined); // a load client that leaves
  stream.on("wantTrailers", () => stream.sendTrailers(TRAILERS));
  stream.on("end", () => {
    stream.respond(HEADERS, { waitForTrailers: true, sendDate: false } as object);
    stream.end(EMPTY_MESSAGE);
  });
  stream.resume();
});
server.listen(0, "127.0.0.1", () => print({ port: (server.address() as AddressInfo).port }));
