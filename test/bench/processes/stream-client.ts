/**
 * Sends the same message over and over on ModelStreamInfer, so many of them
 * unanswered at any time. Arguments: port, file with the message, connections,
 * messages in flight on each, seconds of warm-up, seconds measured. Prints
 * `measuring` and a `report`.
 */
import { readFileSync } from "node:fs";
import { type ClientHttp2Stream, connect } from "node:http2";
import { argv, cpuUsage, exit } from "node:process";
import { print } from "./print.ts";

const [port = "", file = "", connections, inFlight, warmupS, seconds] = argv.slice(2);
const message = readFileSync(file);
const framed = Buffer.alloc(5 + message.length);
framed.writeUInt32BE(message.length, 1);
message.copy(framed, 5);

/** Answers that came until now, and those among them that were errors. */
let answered = 0;
let failed = 0;

/** `ModelStreamInferResponse.error_message`, which comes first where there is one. */
const ERROR_MESSAGE = 0x0a;

class Conversation {
  readonly #stream: ClientHttp2Stream;
  readonly #burst: Buffer;
  /** Bytes of the current answer still to come; below zero while its prefix is read. */
  #left = 0;
  readonly #prefix = Buffer.alloc(6);
  #prefixFilled = 0;
  #owed = 0;

  constructor(stream: ClientHttp2Stream, window: number) {
    this.#stream = stream;
    // Answers are made good in bursts: one write for many messages.
    this.#burst = Buffer.concat(Array.from({ length: Math.max(1, window / 4) }, () => framed));
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    for (let sent = 0; sent < 4; sent++) stream.write(this.#burst);
  }

  #read(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      const taken = chunk.copy(this.#prefix, this.#prefixFilled, at);
      this.#prefixFilled += taken;
      at += taken;
      if (this.#prefixFilled < 6) continue;
      this.#prefixFilled = 0;
      this.#left = this.#prefix.readUInt32BE(1) - 1;
      this.#answered(this.#prefix[5] === ERROR_MESSAGE);
    }
  }

  #answered(isError: boolean): void {
    answered++;
    if (isError) failed++;
    if (++this.#owed < this.#burst.length / framed.length) return;
    this.#owed = 0;
    this.#stream.write(this.#burst);
  }
}

for (let i = 0; i < Number(connections); i++) {
  const session = connect(`http://127.0.0.1:${port}`, {
    settings: { initialWindowSize: 16 * 2 ** 20 },
  });
  session.on("connect", () => session.setLocalWindowSize(64 * 2 ** 20));
  session.on("error", () => exit(1));
  const stream = session.request({
    ":method": "POST",
    ":path": "/inference.GRPCInferenceService/ModelStreamInfer",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => exit(1));
  new Conversation(stream, Number(inFlight));
}

setTimeout(() => {
  const before = { answered, failed, cpu: cpuUsage(), at: performance.now() };
  print({ event: "measuring" });
  setTimeout(() => {
    const cpu = cpuUsage(before.cpu);
    const count = answered - before.answered;
    print({
      event: "report",
      answered: count,
      failed: failed - before.failed,
      requestsPerSecond: (count * 1000) / (performance.now() - before.at),
      clientCpuSeconds: (cpu.user + cpu.system) / 1e6,
    });
    exit(0);
  }, 1000 * Number(seconds));
}, 1000 * Number(warmupS));
