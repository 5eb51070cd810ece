import { describe, expect, it } from "vitest";
import { readHead } from "./read-head.ts";

const LINE = "POST /v2/models/m/infer HTTP/1.1";
const head = (...fields: string[]) => [LINE, "Host: x", ...fields].join("\r\n");
const told = (line: string) => readHead([line, "Host: x", "Content-Length: 4"].join("\r\n"));

describe("the head of a plain infer request", () => {
  it("names model, version, lengths and headers", () => {
    const read = told("POST /v2/models/a.b-c/versions/3/infer HTTP/1.1");
    expect(read).toMatchObject({ model: "a.b-c", version: "3", contentLength: 4 });
    expect(told(LINE)?.version).toBe("");
    const fields = ["content-length:12", "Inference-Header-Content-Length:   7 ", "X: a", "x: b"];
    expect(readHead(head(...fields))).toMatchObject({
      contentLength: 12,
      headerLengthText: "7",
      headers: { host: "x", x: "a, b" },
    });
  });

  it("may say that the connection is kept", () => {
    expect(readHead(head("Content-Length: 1", "Connection: Keep-Alive"))).toBeDefined();
  });

  it("has no header of an object's prototype", () => {
    const read = readHead(head("Content-Length: 1", "__proto__: x", "constructor: y"));
    expect(read?.headers.constructor).toBe("y");
    expect(Object.getPrototypeOf(read?.headers)).toBe(null);
    expect(readHead(head("Content-Length: 1"))?.headers.toString).toBeUndefined();
  });
});

describe("what is left to Node", () => {
  it.each([
    ["another method", "PUT /v2/models/m/infer HTTP/1.1"],
    ["a method in lower case", "post /v2/models/m/infer HTTP/1.1"],
    ["another page", "POST /v2/models/m/generate HTTP/1.1"],
    ["a query", "POST /v2/models/m/infer?x=1 HTTP/1.1"],
    ["an escape", "POST /v2/models/m%20n/infer HTTP/1.1"],
    ["a whole address", "POST http://h/v2/models/m/infer HTTP/1.1"],
    ["no name", "POST /v2/models//infer HTTP/1.1"],
    ["a name with a slash", "POST /v2/models/a/b/infer HTTP/1.1"],
    ["a version that is no number", "POST /v2/models/m/versions/1.0/infer HTTP/1.1"],
    ["a long name", `POST /v2/models/${"m".repeat(1025)}/infer HTTP/1.1`],
    ["HTTP/1.0", "POST /v2/models/m/infer HTTP/1.0"],
    ["two spaces", "POST  /v2/models/m/infer HTTP/1.1"],
    ["a space behind", "POST /v2/models/m/infer HTTP/1.1 "],
    ["a line feed in the line", "POST /v2/models/m/infer HTTP/1.1\nX: y"],
  ])("%s", (_case, line) => {
    expect(told(line)).toBeUndefined();
  });

  it.each([
    ["a body without a length", []],
    ["a body in chunks", ["Content-Length: 4", "Transfer-Encoding: chunked"]],
    ["two lengths", ["Content-Length: 4", "Content-Length: 4"]],
    ["a list of lengths", ["Content-Length: 4, 4"]],
    ["a signed length", ["Content-Length: +4"]],
    ["a hexadecimal length", ["Content-Length: 0x4"]],
    ["a huge length", ["Content-Length: 12345678901"]],
    ["an empty length", ["Content-Length:"]],
    ["a space before the colon", ["Content-Length : 4"]],
    ["a folded line", ["Content-Length: 4", " folded"]],
    ["no colon", ["Content-Length: 4", "nothing"]],
    ["no name", ["Content-Length: 4", ": value"]],
    ["a control character", ["Content-Length: 4", "X: a\u0001b"]],
    ["a bare carriage return", ["Content-Length: 4", "X: a\rb"]],
    ["a bare line feed", ["Content-Length: 4", "X: a\nTransfer-Encoding: chunked"]],
    ["a tab", ["Content-Length: 4\t"]],
    ["a NUL", ["Content-Length: 4", "X: \0"]],
    ["bytes above 127", ["Content-Length: 4", "X: \u00e9"]],
    ["a compressed body", ["Content-Length: 4", "Content-Encoding: gzip"]],
    ["an answer that may be compressed", ["Content-Length: 4", "Accept-Encoding: gzip"]],
    ["a question before the body", ["Content-Length: 4", "Expect: 100-continue"]],
    ["a change of protocol", ["Content-Length: 4", "Upgrade: h2c"]],
    ["a connection that ends", ["Content-Length: 4", "Connection: close"]],
    ["two hosts", ["Content-Length: 4", "Host: y"]],
    ["two lengths of the JSON", Array(2).fill("Inference-Header-Content-Length: 1")],
  ])("%s", (_case, fields) => {
    expect(readHead(head(...fields))).toBeUndefined();
  });

  it("a request without a host", () => {
    expect(readHead(`${LINE}\r\nContent-Length: 4`)).toBeUndefined();
  });
});
