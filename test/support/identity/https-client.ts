/** Requests over HTTPS to a gateway of a test, with what the client shows of itself. */
import { Agent, request } from "node:https";
import type { Issued } from "./authority.ts";

export interface Showing {
  readonly port: number | undefined;
  /** Of whom the client trusts. */
  readonly trusts: Buffer;
  readonly user?: Issued | undefined;
  /** What it calls the server. */
  readonly serverName?: string;
}

export interface Answered {
  readonly status: number;
  readonly body: string;
  /** Port of the client: the same for requests on the same connection. */
  readonly from: number | undefined;
}

export interface HttpsClient {
  /** @param body absent: GET. Rejects where there is no answer. */
  ask(path: string, body?: object | string, headers?: Record<string, string>): Promise<Answered>;
  close(): void;
}

/** One connection, kept. */
export function httpsClient({
  port,
  trusts,
  user,
  serverName = "localhost",
}: Showing): HttpsClient {
  const agent = new Agent({
    ...{ keepAlive: true, maxSockets: 1, ca: trusts, servername: serverName },
    ...(user && { cert: user.cert, key: user.key }),
  });
  return {
    ask: (path, body, headers = {}) =>
      new Promise((resolve, reject) => {
        const method = body === undefined ? "GET" : "POST";
        const asked = request({ host: "127.0.0.1", port, path, method, agent, headers });
        asked.on("error", reject);
        asked.on("response", (answer) => {
          const from = answer.socket.localPort;
          let text = "";
          answer.on("data", (piece: Buffer) => {
            text += piece.toString();
          });
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: text, from }));
          answer.on("error", reject);
        });
        asked.end(typeof body === "object" ? JSON.stringify(body) : body);
      }),
    close: () => agent.destroy(),
  };
}

const sixteen = (value: number) => Array.from({ length: 16 }, () => value);

/** A row for the model `simple`: the first output has sixteen times `2 * value`. */
export function simpleRow(value: number): object {
  const tensor = (name: string) => ({
    ...{ name, datatype: "INT32", shape: [1, 16], data: sixteen(value) },
  });
  return { inputs: [tensor("INPUT0"), tensor("INPUT1")], outputs: [{ name: "OUTPUT0" }] };
}
