/**
 * Sends messages of spans from a thread of its own. What sending takes (handshakes, compression, waiting) holds up no
 * request there; nor does V8 compile Node's streams, through which every request comes and goes, for the rare requests
 * to a collector, too.
 */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { packageRoot } from "../../package-root.ts";
import type { EncodedSpans } from "./protobuf-message.ts";

export interface SenderSettings {
  /** undefined: where the OTEL_* variables say. */
  readonly url: string | undefined;
  /** A message that takes longer is given up. */
  readonly timeoutMs: number;
}

export interface ToThread {
  readonly id: number;
  readonly message: EncodedSpans;
}

interface FromThread {
  readonly id: number;
  /** undefined: it has arrived. */
  readonly failure: string | undefined;
}

interface UnderWay {
  resolve(): void;
  reject(error: Error): void;
}

/** Of what is told first: that the thread is ready. */
const READY = 0;
const ENTRY = join(packageRoot, "dist/src/telemetry/otlp/sending-thread.js");
/** Some messages, and what sends them. */
const LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 };

export class SpanSender {
  readonly #settings: SenderSettings;
  readonly #entry: string;
  /** undefined: it died; the next message starts another one. */
  #thread: Worker | undefined;
  readonly #underWay = new Map<number, UnderWay>();
  #lastId = READY;
  #closed = false;

  private constructor(settings: SenderSettings, entry: string) {
    this.#settings = settings;
    this.#entry = entry;
  }

  /** @throws Error (as a rejection) where the settings, or the OTEL_* variables, make no sense */
  static async open(settings: SenderSettings, entry: string = ENTRY): Promise<SpanSender> {
    const sender = new SpanSender(settings, entry);
    await new Promise<void>((resolve, reject) => {
      sender.#underWay.set(READY, { resolve, reject });
      sender.#start();
    });
    return sender;
  }

  /**
   * Rejects where it did not arrive. The thread gets a copy: the first time that a process hands the memory of a buffer
   * over, V8 throws away all it has compiled that reads or writes buffers, and from then on has each such place ask first
   * whether the memory is still there: every request would pay, traced or not.
   */
  send(message: EncodedSpans): Promise<void> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error("sending spans is over");
      // Where no thread can be made this throws: the message is lost, and nothing else.
      const thread = this.#thread ?? this.#start();
      this.#underWay.set(id, { resolve, reject });
      thread.postMessage({ id, message } satisfies ToThread);
    });
  }

  /** What is under way then has not arrived. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#thread?.terminate();
  }

  #start(): Worker {
    const thread = new Worker(this.#entry, {
      ...{ name: "spans", workerData: this.#settings, resourceLimits: LIMITS, execArgv: [] },
    });
    this.#thread = thread;
    thread.on("message", (word: FromThread | "ready") => {
      if (word !== "ready") return this.#settled(word);
      this.#settled({ id: READY, failure: undefined });
      // Only now: whoever listens to a thread is kept alive by it again.
      thread.unref();
    });
    thread.on("error", (error) => this.#lost(thread, error));
    thread.on("exit", () => this.#lost(thread, new Error("the thread that sends spans ended")));
    return thread;
  }

  #settled({ id, failure }: FromThread): void {
    const waiting = this.#underWay.get(id);
    this.#underWay.delete(id);
    if (failure === undefined) waiting?.resolve();
    else waiting?.reject(new Error(failure));
  }

  #lost(thread: Worker, error: Error): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    for (const { reject } of this.#underWay.values()) reject(error);
    this.#underWay.clear();
  }
}
