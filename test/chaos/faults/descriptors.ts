/** F6: a gateway without file descriptors left. Those who are connected are served, the others come in when there are some. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cases, expect } from "../../support/cases.ts";
import { startGateway } from "../../support/gateway-process.ts";
import { InferClient } from "../../support/infer-client.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import { eventually, isAlive } from "../../support/process-tree.ts";
import { cpuSeconds } from "../../support/process-usage.ts";
import { Load } from "../load.ts";
import { identityQuestion } from "../questions.ts";

/** That a gateway with its clients has left. */
const LEFT = 30;
const CROWD = 3 * LEFT;

export async function descriptors(cases: Cases, short: boolean): Promise<void> {
  const repository = temporaryRepository();
  repository.add("echo", echoConfig({ name: "echo", maxBatchSize: 8, dims: [16] }));
  const gateway = await startGateway({ repositories: [repository.folder] });
  const load = new Load({
    ...{ port: gateway.grpcPort, clients: 8, connections: 4 },
    ask: (client, turn) => identityQuestion("echo", 1 + (turn % 3), 16, client * 10_007 + turn),
  });
  const crowd: Socket[] = [];
  try {
    await cases.run(
      `no file descriptors are left (${CROWD} connections where ${LEFT} find room)`,
      async () => {
        await sleep(500);
        limitDescriptors(gateway.pid, readdirSync(`/proc/${gateway.pid}/fd`).length + LEFT);
        for (let at = 0; at < CROWD; at += 1) {
          const port = at % 3 === 0 ? gateway.httpPort : gateway.grpcPort;
          crowd.push(connect(port, "127.0.0.1").on("error", () => {}));
        }
        await sleep(500);
        const { answered } = load;
        const cpu = cpuSeconds(gateway.pid);
        const began = performance.now();
        await sleep(short ? 1_500 : 10_000);
        const share = (1_000 * (cpuSeconds(gateway.pid) - cpu)) / (performance.now() - began);
        expect(isAlive(gateway.pid), `the gateway died:\n${gateway.log().slice(-1500)}`);
        expect(load.troubles.length === 0, load.describeTroubles());
        const during = load.answered - answered;
        expect(during > 0, "no answer at all");
        for (const socket of crowd) socket.destroy();
        const asks = async () => {
          const client = new InferClient(gateway.grpcPort);
          const question = identityQuestion("echo", 1, 16, 1);
          const right = await client.infer(question.bytes, 2_000).then(
            (answer) => question.check(answer) === undefined,
            () => false,
          );
          client.close();
          return right;
        };
        const back = await eventually(asks, 10_000, 50);
        expect(back !== undefined, "nobody gets in any more");
        expect(load.troubles.length === 0, load.describeTroubles());
        return `0 errors of ${during} in between (${share.toFixed(2)} cores), new clients ${back.toFixed(0)} ms after it was over`;
      },
    );
  } finally {
    for (const socket of crowd) socket.destroy();
    await load.stop();
    await gateway.stop();
    repository.remove();
  }
}

function limitDescriptors(pid: number, most: number): void {
  const { status, error, stderr } = spawnSync("prlimit", ["--pid", `${pid}`, `--nofile=${most}`], {
    encoding: "utf8",
  });
  expect(status === 0, `prlimit: ${error?.message ?? stderr}`);
}
