/** The listener of `--metrics-port`: `/metrics` for Prometheus, and what its alerts lead to. */
import { Readable } from "node:stream";
import type { Logger } from "../logger.ts";
import { createApp, route } from "./app.ts";
import { authorize, type Gate } from "./authorize.ts";
import { HttpListener } from "./listener.ts";
import { addRunbook, type RunbookPages } from "./runbook.ts";

export interface MetricsServerOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly log: Logger;
  /** undefined: nobody is asked who he is. */
  readonly gate?: Gate | undefined;
  /** Default: without pages. */
  readonly runbook?: RunbookPages;
  readonly metrics: {
    /** @param accept of the request. `pieces` are sent as they come */
    page(accept: string | undefined): {
      readonly contentType: string;
      readonly pieces: AsyncIterable<string>;
    };
  };
}

/** Nobody has a reason to send a scrape a body. */
const MAX_BODY_BYTES = 1024;
/** A page of at most so much is sent at once, and so is whole or an error; of a longer one this much comes first. */
const WHOLE_BYTES = 256 * 1024;

export function createMetricsServer(options: MetricsServerOptions): HttpListener {
  const { metrics, log } = options;
  const app = createApp({ maxBodyBytes: MAX_BODY_BYTES, log });
  authorize(app, options.gate);
  route(app, "GET", "/metrics", async (request, reply) => {
    const { contentType, pieces } = metrics.page(request.headers.accept);
    const iterator = pieces[Symbol.asyncIterator]();
    const { beginning, ended } = await begin(iterator);
    const body = ended ? beginning : Readable.from(whole(beginning, iterator));
    return reply.header("content-type", contentType).send(body);
  });
  addRunbook(app, options.runbook ?? new Map());
  return new HttpListener("metrics", "Metrics Service", "--metrics-port", app, options);
}

async function begin(iterator: AsyncIterator<string>) {
  const pieces: Buffer[] = [];
  let bytes = 0;
  while (bytes <= WHOLE_BYTES) {
    const next = await iterator.next();
    if (next.done === true) return { beginning: Buffer.concat(pieces), ended: true };
    const piece = Buffer.from(next.value);
    pieces.push(piece);
    bytes += piece.byteLength;
  }
  return { beginning: Buffer.concat(pieces), ended: false };
}

/** Bytes: a stream of strings would count its room in pieces. */
async function* whole(beginning: Buffer, rest: AsyncIterator<string>): AsyncGenerator<Buffer> {
  yield beginning;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
    yield Buffer.from(next.value);
  }
}
