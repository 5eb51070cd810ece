import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { readCallHead } from "./call-head.ts";

const read = (headers: object) =>
  readCallHead(
    { ":method": "POST", "content-type": "application/grpc", ...headers },
    new VirtualClock(),
  );

describe("the headers of a call", () => {
  it.each([
    [{}, { encoding: "identity", deadline: Number.POSITIVE_INFINITY }],
    [{ "content-type": "application/grpc+proto" }, { encoding: "identity" }],
    [{ "content-type": "application/grpc;charset=utf-8" }, { encoding: "identity" }],
    [
      { "grpc-encoding": "deflate", "grpc-timeout": "5m" },
      { encoding: "deflate", deadline: 5 },
    ],
  ])("%j are read", (headers, head) => {
    expect(read(headers)).toMatchObject(head);
  });

  it.each([
    [{ "content-type": "application/grpc-web" }, 415],
    [{ "content-type": "text/plain" }, 415],
    [{ "content-type": undefined }, 415],
    [{ ":method": "GET" }, 405],
    [{ "grpc-encoding": "br" }, { code: "UNIMPLEMENTED" }],
    [
      { "grpc-timeout": "soon" },
      { code: "INTERNAL", message: 'Invalid grpc-timeout value "soon"' },
    ],
  ])("%j are refused", (headers, refusal) => {
    if (typeof refusal === "number") expect(read(headers)).toBe(refusal);
    else expect(read(headers)).toMatchObject(refusal);
  });
});
