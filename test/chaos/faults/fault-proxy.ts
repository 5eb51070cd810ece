/** A TCP proxy in this process that does to its connections what networks do. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export type NetworkFault =
  /** Bytes pass. */
  | { readonly kind: "none" }
  /** Every piece is late by so much, both ways. */
  | { readonly kind: "latency"; readonly ms: number }
  /** Nothing comes through on one way, or on both: sockets stay open, new ones are taken. */
  | { readonly kind: "silence"; readonly of: "answers" | "requests" | "both" }
  /** So many bytes a second, both ways. */
  | { readonly kind: "trickle"; readonly bytesPerSecond: number };

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

const PASS: NetworkFault = { kind: "none" };
const TRICKLE_STEP_MS = 50;

export class FaultProxy {
  readonly #server: Server;
  readonly #target: string | number;
  readonly #pairs = new Set<Pair>();
  #fault: NetworkFault = PASS;
  /** What silence and slowness kept, in order, a queue a direction. */
  readonly #lines = new Set<Line>();

  private constructor(server: Server, target: string | number) {
    this.#server = server;
    this.#target = target;
  }

  /** @param target a port of loopback, or the path of a socket */
  static async start(target: string | number): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new FaultProxy(server, target);
    server.on("connection", (client) => proxy.#take(client));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { readonly port: number }).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** From now on. What a former fault kept comes through, late, as a network would have it. */
  set(fault: NetworkFault): void {
    this.#fault = fault;
    for (const line of this.#lines) line.look();
  }

  heal(): void {
    this.set(PASS);
  }

  /** Every connection ends with RST, on both sides. */
  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  async stop(): Promise<void> {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    this.#server.close();
    await once(this.#server, "close");
  }

  #take(client: Socket): void {
    const server =
      typeof this.#target === "number"
        ? connect(this.#target, "127.0.0.1")
        : connect({ path: this.#target });
    const pair = { client, server };
    this.#pairs.add(pair);
    const lines = [
      new Line(client, server, () => this.#ofWay("requests")),
      new Line(server, client, () => this.#ofWay("answers")),
    ];
    for (const line of lines) this.#lines.add(line);
    const end = () => {
      client.destroy();
      server.destroy();
      this.#pairs.delete(pair);
      for (const line of lines) {
        line.end();
        this.#lines.delete(line);
      }
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", end);
    }
  }

  #ofWay(way: "requests" | "answers"): NetworkFault {
    const fault = this.#fault;
    return fault.kind === "silence" && fault.of !== "both" && fault.of !== way ? PASS : fault;
  }
}

/** One way of one connection. */
class Line {
  readonly #to: Socket;
  readonly #faultNow: () => NetworkFault;
  readonly #kept: { readonly bytes: Buffer; readonly at: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, faultNow: () => NetworkFault) {
    this.#to = to;
    this.#faultNow = faultNow;
    from.on("data", (bytes: Buffer) => {
      this.#kept.push({ bytes, at: performance.now() });
      this.look();
    });
    from.on("end", () => {
      if (this.#faultNow().kind !== "silence") to.end();
    });
  }

  /** Sends on what may go now. */
  look(): void {
    clearTimeout(this.#timer);
    const fault = this.#faultNow();
    if (fault.kind === "silence") return;
    if (fault.kind === "trickle") {
      this.#trickle(Math.max(1, Math.floor((fault.bytesPerSecond * TRICKLE_STEP_MS) / 1000)));
      return;
    }
    const delay = fault.kind === "latency" ? fault.ms : 0;
    for (let [head] = this.#kept; head !== undefined; [head] = this.#kept) {
      const left = head.at + delay - performance.now();
      if (left > 0) {
        this.#timer = setTimeout(() => this.look(), left);
        return;
      }
      this.#kept.shift();
      this.#write(head.bytes);
    }
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#kept.length = 0;
  }

  #trickle(bytes: number): void {
    const [head] = this.#kept;
    if (head === undefined) return;
    this.#write(head.bytes.subarray(0, bytes));
    if (head.bytes.length <= bytes) this.#kept.shift();
    else this.#kept[0] = { bytes: head.bytes.subarray(bytes), at: head.at };
    this.#timer = setTimeout(() => this.look(), TRICKLE_STEP_MS);
  }

  #write(bytes: Buffer): void {
    if (!this.#to.destroyed) this.#to.write(bytes);
  }
}
