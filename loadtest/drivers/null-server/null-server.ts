/**
 * A gRPC server that does the least there is to do: reads requests, answers each
 * with the same bytes, after a time that follows a law. Against it the generator
 * finds its own ceiling, and calibrations know what should come out.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Latencies } from "../../measure/latencies.ts";
import { uniform } from "../../measure/uniform.ts";
import { NullConnection } from "./null-connection.ts";
import { answerAt, type ServiceLaw } from "./service-law.ts";

export interface NullServer {
  readonly port: number;
  /** How long answers really took here, from the whole request to the answer; of the law `none` nothing is kept. */
  readonly served: Latencies;
  close(): void;
}

export interface NullServerOptions {
  readonly host?: string;
  /** 0: any free one. */
  readonly port?: number;
  readonly law: ServiceLaw;
  readonly seed?: number;
}

export async function startNullServer(options: NullServerOptions): Promise<NullServer> {
  const { law } = options;
  const random = uniform(options.seed ?? 1);
  const begin = performance.now();
  const served = new Latencies();
  const later = (answer: () => void) => {
    const now = performance.now() - begin;
    const delay = answerAt(law, now, random) - now;
    if (delay <= 0) answer();
    else {
      setTimeout(() => {
        served.record(performance.now() - begin - now);
        answer();
      }, delay);
    }
  };
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    new NullConnection(socket, later);
  });
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1");
  await once(server, "listening");
  return {
    served,
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
