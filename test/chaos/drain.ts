/** SIGTERM under load: whoever was in flight is answered, then the process ends. */
import { type Cases, expect } from "../support/cases.ts";
import { startGateway } from "../support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";
import { childrenOf, eventually, isAlive } from "../support/process-tree.ts";
import { Load } from "./load.ts";
import { identityQuestion } from "./questions.ts";

const CLIENTS = 32;
const EXIT_TIMEOUT_S = 10;
/** Requests sent this long before the signal have surely reached the gateway. */
const ON_THE_WAY_MS = 100;

export async function drainUnderLoad(cases: Cases): Promise<void> {
  const repository = temporaryRepository();
  repository.add("slow", echoConfig({ name: "slow", maxBatchSize: 4, dims: [16], delayMs: 150 }));
  const gateway = await startGateway({
    repositories: [repository.folder],
    flags: ["--exit-timeout-secs", String(EXIT_TIMEOUT_S)],
  });
  const load = new Load({
    port: gateway.grpcPort,
    clients: CLIENTS,
    connections: 4,
    ask: (client, turn) => identityQuestion("slow", 1, 16, client * 10_007 + turn),
  });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const workers = childrenOf(gateway.pid);
  const signalAt = performance.now();
  const inFlight = [...load.waiting.values()].filter((at) => at < signalAt - ON_THE_WAY_MS).length;
  process.kill(gateway.pid, "SIGTERM");
  const limit = new Promise<"late">((resolve) => {
    setTimeout(() => resolve("late"), (EXIT_TIMEOUT_S + 1) * 1000).unref();
  });
  const exit = await Promise.race([gateway.exited, limit]);
  const tookMs = performance.now() - signalAt;
  await load.stop();

  await cases.run("SIGTERM under load: every request in flight is answered", () => {
    const lost = load.troubles.filter(({ sentAt }) => sentAt < signalAt - ON_THE_WAY_MS);
    expect(inFlight >= 16, `only ${inFlight} requests were in flight: the test proves nothing`);
    expect(lost.length === 0, `${lost.length} lost: ${lost[0]?.message}`);
    const wrong = load.troubles.filter(({ message }) => message.startsWith("wrong"));
    expect(wrong.length === 0, `${wrong.length} wrong answers: ${wrong[0]?.message}`);
    return `${inFlight} in flight, ${load.answered} answered in all`;
  });
  await cases.run(
    "requests after SIGTERM fail as UNAVAILABLE, so that clients go elsewhere",
    () => {
      const other = load.troubles.filter(({ message }) => !message.startsWith("14 UNAVAILABLE"));
      expect(other.length === 0, `${other.length} others: ${other[0]?.message}`);
      return undefined;
    },
  );
  await cases.run("the gateway ends with status 0 within --exit-timeout-secs", () => {
    expect(exit !== "late", `still alive after ${tookMs.toFixed(0)} ms`);
    expect(exit.code === 0, `ended with ${JSON.stringify(exit)}:\n${gateway.log().slice(-1500)}`);
    return `${tookMs.toFixed(0)} ms`;
  });
  await cases.run("no worker outlives it", async () => {
    expect(workers.length > 0, "there was no worker");
    const gone = await eventually(() => !workers.some(isAlive), 1000);
    expect(gone !== undefined, `alive: ${workers.filter(isAlive).join(", ")}`);
    return undefined;
  });
  if (exit === "late") process.kill(gateway.pid, "SIGKILL");
  repository.remove();
}
