/** What a soak does to a gateway, one thing after the other, chosen by a seed. None of it may cost anybody an answer. */
import { randomBytes } from "node:crypto";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../../models/make/random.ts";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { InferClient } from "../../support/infer-client.ts";
import { childrenOf } from "../../support/process-tree.ts";
import { grpcFrame } from "../attacks/raw-http2.ts";
import { identityQuestion } from "../questions.ts";

/** A worker that is stopped while it starts is given up after twenty seconds; then the load begins once more. */
const LOADED_WITHIN_MS = 45_000;

export interface Target {
  readonly gateway: GatewayProcess;
  readonly headers: Readonly<Record<string, string>>;
  readonly operator: Readonly<Record<string, string>>;
  readonly random: Random;
}

/** Rejects where the gateway does not do what it is asked for. */
export type Trouble = (target: Target) => Promise<void>;

export const TROUBLES: Readonly<Record<string, Trouble>> = {
  "a worker is killed": async (target) => void signalWorker(target, "SIGKILL"),
  "a worker is stopped": async (target) => void signalWorker(target, "SIGSTOP"),
  "the gateway stands still for half a second": async ({ gateway }) => {
    process.kill(gateway.pid, "SIGSTOP");
    await sleep(500);
    process.kill(gateway.pid, "SIGCONT");
  },
  "the configuration is read again": async ({ gateway }) =>
    void process.kill(gateway.pid, "SIGHUP"),
  "fifty clients cancel": async ({ gateway, headers }) => {
    const client = new InferClient(gateway.grpcPort);
    const calls = Array.from({ length: 50 }, (_, at) =>
      client.infer(identityQuestion("soak", 1, 16, at).bytes, 30_000, headers).catch(() => {}),
    );
    await sleep(5);
    client.cancel();
    await Promise.all(calls);
    client.close();
  },
  "fifty clients hang up in the middle": async ({ gateway, headers }) => {
    const body = grpcFrame(identityQuestion("soak", 1, 16, 1).bytes);
    const sessions = Array.from({ length: 50 }, () =>
      connectHttp2(`http://127.0.0.1:${gateway.grpcPort}`).on("error", () => {}),
    );
    for (const [at, session] of sessions.entries()) {
      const stream = session.request({
        ...headers,
        ...{ ":method": "POST", ":path": "/inference.GRPCInferenceService/ModelInfer" },
        ...{ "content-type": "application/grpc", te: "trailers" },
      });
      stream.on("error", () => {});
      stream.write(body.subarray(0, at % 2 === 0 ? body.length : body.length / 2));
    }
    await sleep(50);
    for (const session of sessions) session.destroy();
  },
  "noise on both ports": async ({ gateway }) => {
    for (const port of [gateway.grpcPort, gateway.httpPort]) {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      socket.write(randomBytes(10_000));
      await sleep(100);
      socket.destroy();
    }
  },
  "another model is unloaded and loaded": async ({ gateway, operator }) => {
    const models = `http://127.0.0.1:${gateway.httpPort}/v2/repository/models/comes-and-goes`;
    for (const action of ["unload", "load"]) {
      const asked = { method: "POST", headers: operator, body: "{}" };
      const signal = AbortSignal.timeout(LOADED_WITHIN_MS);
      const response = await fetch(`${models}/${action}`, { ...asked, signal });
      if (!response.ok) throw new Error(`${action}: ${response.status} ${await response.text()}`);
    }
  },
};

function signalWorker({ gateway, random }: Target, signal: NodeJS.Signals): void {
  const workers = childrenOf(gateway.pid);
  const worker = workers[random.integer(workers.length)];
  if (worker !== undefined) process.kill(worker, signal);
}
