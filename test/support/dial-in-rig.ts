/** A gateway with a dial-in port, far servers that join it, and clients who forgive nothing. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { type GatewayProcess, startGateway } from "./gateway-process.ts";
import { InferClient } from "./infer-client.ts";
import { encodeQuestion } from "./infer-messages.ts";
import { echoConfig, temporaryRepository } from "./model-repository.ts";

const JETS = { name: "jets", maxBatchSize: 64, dims: [4], more: "dynamic_batching { }" };
const SECRET = "0123456789abcdef0123456789abcdef";

export interface DialInRig {
  readonly near: GatewayProcess;
  /** Of the dial-in port. */
  readonly port: number;
  readonly secret: Uint8Array;
  /** A far server as a batch system starts it. */
  joining(name: string, flags?: readonly string[]): Promise<GatewayProcess>;
  /** Resolves when the model is ready, or rejects after a minute. */
  served(): Promise<void>;
  /** 16 clients in closed loops until the body is over. @returns what went wrong */
  underLoad(body: (load: { readonly answered: number }) => Promise<unknown>): Promise<string[]>;
  remove(): Promise<void>;
}

export async function dialInRig(): Promise<DialInRig> {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-dial-in-story-"));
  const [farModels, nearModels] = [temporaryRepository(), temporaryRepository()];
  farModels.add("jets", echoConfig({ ...JETS, delayMs: 5 }));
  nearModels.add("jets", echoConfig(JETS).replace('backend: "echo"', 'backend: "remote"'));
  const running: GatewayProcess[] = [];
  const start = async (models: string, flags: readonly string[]) => {
    const gateway = await startGateway({ repositories: [models], flags });
    running.push(gateway);
    return gateway;
  };
  const secretFile = join(folder, "secret");
  writeFileSync(secretFile, `${SECRET}\n`);
  // Without discovery, which is what a gateway has that does not name the backend.
  const config = join(folder, "beamgate.json");
  writeFileSync(config, JSON.stringify({ backends: [{ kind: "remote", options: {} }] }));
  const port = await freePort();
  const near = await start(nearModels.folder, [
    ...["--config", config, "--dial-in-port", String(port), "--dial-in-places", "3"],
    ...["--dial-in-secret-file", secretFile],
  ]);
  return {
    ...{ near, port, secret: Buffer.from(SECRET) },
    joining: (name, flags = []) =>
      start(farModels.folder, [
        ...["--join", `127.0.0.1:${port}`, "--join-secret-file", secretFile, "--join-name", name],
        ...flags,
      ]),
    async served() {
      const ready = `http://127.0.0.1:${near.httpPort}/v2/models/jets/ready`;
      const end = performance.now() + 60_000;
      while ((await fetch(ready)).status !== 200) {
        if (performance.now() > end) throw new Error(`jets is not served:\n${near.log()}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    underLoad: (body) => underLoad(near.grpcPort, body),
    async remove() {
      await Promise.all(running.map((gateway) => gateway.stop()));
      for (const models of [farModels, nearModels]) models.remove();
      rmSync(folder, { recursive: true });
    },
  };
}

async function underLoad(port: number, body: Parameters<DialInRig["underLoad"]>[0]) {
  const troubles: string[] = [];
  const load = { answered: 0 };
  let over = false;
  const clients = Array.from({ length: 16 }, () => new InferClient(port));
  const loops = clients.map(async (client, at) => {
    for (let turn = 0; !over; turn += 1) {
      const values = Float32Array.of(at, turn, 2, 3);
      const answer = await client.infer(questionOf(values), 60_000).catch(String);
      if (typeof answer === "string") troubles.push(answer);
      else if (!Buffer.from(values.buffer).equals(answer.outputs.get("OUTPUT0") ?? Buffer.of())) {
        troubles.push(`client ${at} got another answer than its own`);
      }
      load.answered += 1;
    }
  });
  try {
    await body(load);
  } finally {
    over = true;
    await Promise.all(loops);
    for (const client of clients) client.close();
  }
  return troubles;
}

function questionOf(values: Float32Array): Buffer {
  const data = new Uint8Array(values.buffer);
  return encodeQuestion({
    model: "jets",
    inputs: [{ name: "INPUT0", datatype: "FP32", shape: [1, 4], data }],
  });
}
