/** Heads of requests through the reader that stands before Node's: what it takes, Node takes as the same. */

import { readHead } from "../../../src/http/direct/read-head.ts";
import type { Family } from "./family.ts";

const head = (...lines: string[]) => Buffer.from(lines.join("\r\n"));

export function makeHttpHeadFamily(): Family {
  return {
    seeds: [
      head("POST /v2/models/simple/infer HTTP/1.1", "Host: gate", "Content-Length: 12"),
      head(
        "POST /v2/models/simple/versions/1/infer HTTP/1.1",
        "Host: gate:8000",
        "Content-Length: 128",
        "Inference-Header-Content-Length: 64",
        "Connection: Keep-Alive",
        "Authorization: Bearer token",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "X: a",
        "x: b",
      ),
      head(
        "POST /v2/models/a.b-c/infer HTTP/1.1",
        "Host: x",
        "Content-Length: 1",
        "Transfer-Encoding: chunked",
      ),
    ],
    read: (mutant) => {
      const text = mutant.toString("latin1");
      const read = readHead(text);
      if (read === undefined) return "left to Node";
      const lengths = text.match(/^content-length:/gim)?.length ?? 0;
      const promises: readonly [boolean, string][] = [
        [lengths === 1, `${lengths} lengths`],
        [!/^transfer-encoding[ \t]*:/im.test(text), "another encoding of the body"],
        [Number.isSafeInteger(read.contentLength) && read.contentLength >= 0, "no length"],
        [!/[^\x20-\x7e\r\n]/.test(text), "a control character"],
        [!/(^|[^\r])\n|\r(?!\n)/.test(text), "a line that ends for some and not for others"],
      ];
      const broken = promises.find(([kept]) => !kept);
      if (broken !== undefined) throw new Error(`it was taken with ${broken[1]}`);
      return "read";
    },
  };
}
