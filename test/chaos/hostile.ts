/**
 * Hostile clients against a gateway that has 300 MB: it must neither die nor
 * cost the others an answer. The gateway is born inside the memory cgroup; each
 * worker is taken out within milliseconds of its fork, so that the group holds
 * the gateway alone, slabs included (shared memory counts where it was touched first).
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { env } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../../src/package-root.ts";
import { type Cases, expect } from "../support/cases.ts";
import { startGateway } from "../support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { childrenOf, isAlive, peakResidentBytes } from "../support/process-tree.ts";
import { cpuSeconds, residentBytes } from "../support/process-usage.ts";
import { Load } from "./load.ts";
import { memoryGroup } from "./memory-group.ts";
import { identityQuestion } from "./questions.ts";

const LIMIT_BYTES = 300 * 1024 * 1024;
const ATTACK_LIMIT_MS = 60_000;
const MB = 1024 * 1024;

/** Each line runs after the one before; the names of a line run at the same time. */
const ROUNDS = [
  ["half-sent"],
  ["one-byte-frames"],
  ["rapid-reset"],
  ["unread"],
  ["garbage"],
  ["half-sent", "one-byte-frames", "unread", "garbage"],
];

const CALM_MS = 2_000;

/** What an attack alone may cost; those without are bounded by the group only. */
const LIMITS: Readonly<Record<string, { readonly cpuSeconds: number; readonly grownMB: number }>> =
  {
    "one-byte-frames": { cpuSeconds: 1, grownMB: 64 },
  };

/** @param cores that the process is busy with anyway @returns tells what it took beyond that, and the most it grew */
function costOf(pid: number, cores: number) {
  const began = performance.now();
  const [cpu, bytes] = [cpuSeconds(pid), residentBytes(pid)];
  let most = bytes;
  const looking = setInterval(() => {
    most = Math.max(most, residentBytes(pid));
  }, 50);
  return () => {
    clearInterval(looking);
    const usual = (cores * (performance.now() - began)) / 1_000;
    return { cpu: Math.max(0, cpuSeconds(pid) - cpu - usual), grownBytes: most - bytes };
  };
}

function attack(name: string, port: number): Promise<string> {
  const program = join(packageRoot, "dist", "test", "chaos", "attacks", "attack.js");
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, name, String(port)],
      { timeout: ATTACK_LIMIT_MS, killSignal: "SIGKILL" },
      (error, stdout) => resolve(error ? `ended by ${error.message}` : stdout.trim()),
    );
  });
}

export async function hostileClients(cases: Cases): Promise<void> {
  const { CI } = env;
  const repository = temporaryRepository();
  const victim = { name: "victim", maxBatchSize: 8, dims: [16], more: "dynamic_batching { }" };
  repository.add("victim", echoConfig(victim));
  repository.add("big", echoConfig({ name: "big", maxBatchSize: 0, dims: [-1] }));
  const group = memoryGroup(LIMIT_BYTES);
  const caged = typeof group !== "string";
  const gateway = startGateway({
    repositories: [repository.folder],
    ...(caged ? { launcher: group.launcher } : {}),
  });
  let gatewayPid: number | undefined;
  const outside = new Set<number>();
  const cage = setInterval(() => {
    if (!caged) return;
    // Until the gateway is ready its pid is not known here: it is the child that is no attack.
    const roots = gatewayPid === undefined ? childrenOf(process.pid) : [gatewayPid];
    for (const worker of roots.flatMap(childrenOf)) {
      if (outside.has(worker)) continue;
      outside.add(worker);
      group.release(worker);
    }
  }, 2);
  const server = await gateway;
  gatewayPid = server.pid;
  const load = new Load({
    port: server.grpcPort,
    clients: 4,
    connections: 2,
    ...{ timeoutMs: 30_000, timed: true },
    ask: (client, turn) => identityQuestion("victim", 1 + (turn % 3), 16, client * 100_003 + turn),
  });

  await sleep(CALM_MS / 2);
  const calmSince = performance.now();
  const calmCpu = cpuSeconds(server.pid);
  await sleep(CALM_MS);
  const calm = {
    p99: load.within(0.99, calmSince),
    cores: (1_000 * (cpuSeconds(server.pid) - calmCpu)) / (performance.now() - calmSince),
  };
  for (const round of ROUNDS) {
    const title = round.length === 1 ? `attack ${round[0]}` : `attacks ${round.join(" + ")}`;
    await cases.run(`${title}: the other clients lose nothing`, async () => {
      const before = { answered: load.answered, troubles: load.troubles.length };
      const cost = costOf(server.pid, calm.cores);
      const since = performance.now();
      const did = await Promise.all(round.map((name) => attack(name, server.grpcPort)));
      const { cpu, grownBytes } = cost();
      const p99 = load.within(0.99, since);
      expect(isAlive(server.pid), `the gateway died:\n${server.log().slice(-1500)}`);
      expect(!did.some((text) => text.startsWith("ended by")), did.join(" | "));
      const troubles = load.troubles.length - before.troubles;
      expect(
        troubles === 0,
        `${troubles} errors: ${load.describeTroubles()}; attack: ${did.join(" | ")}`,
      );
      const answered = load.answered - before.answered;
      expect(answered > 0, `no answer at all; attack: ${did.join(" | ")}`);
      const peak = (caged ? group.peakBytes() : peakResidentBytes(server.pid)) / MB;
      const most = LIMITS[round.join()];
      if (most !== undefined) {
        expect(cpu <= most.cpuSeconds, `${cpu.toFixed(1)} s of CPU, at most ${most.cpuSeconds}`);
        const grown = grownBytes / MB;
        expect(grown <= most.grownMB, `${grown.toFixed(0)} MB more, at most ${most.grownMB}`);
      }
      return (
        `${answered} answers, p99 ${p99.toFixed(0)} ms (calm ${calm.p99.toFixed(0)}), ${cpu.toFixed(1)} s of CPU and ` +
        `${(grownBytes / MB).toFixed(0)} MB more, peak ${peak.toFixed(0)} MB; ${did.join(" | ")}`
      );
    });
    if (!isAlive(server.pid)) break;
  }
  await load.stop();

  if (caged) {
    await cases.run(`the gateway lived in ${LIMIT_BYTES / MB} MB`, () => {
      expect(
        group.oomKills() === 0,
        `the kernel killed ${group.oomKills()} processes of the group`,
      );
      expect(isAlive(server.pid), "the gateway is gone");
      const members = group.members();
      expect(
        members.length === 1 && members[0] === server.pid,
        `the group held ${members.join(", ")}, the gateway is ${server.pid}: it proves nothing`,
      );
      return `peak ${(group.peakBytes() / MB).toFixed(0)} MB of the group, caches included`;
    });
  } else if (CI) {
    await cases.run("a memory cgroup", () => {
      throw new Error(group);
    });
  } else cases.skip("a memory cgroup", group);
  await server.stop();
  clearInterval(cage);
  if (caged) group.remove();
  repository.remove();
}
