/** A gateway under test with what a measurement asks for besides its ports: its workers and its output. */
import { startGateway as startGatewayProcess } from "./gateway-process.ts";
import { eventually, isAlive } from "./process-tree.ts";
import { descendantsOf } from "./process-usage.ts";

export interface GatewayUnderTest {
  readonly pid: number;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly metricsPort: number;
  /** Process ids of its workers now. */
  workers(): number[];
  /** The last of what it printed. */
  output(): string;
  /** Ends it and waits until its workers are gone too. @throws Error when some outlive it (they are killed). */
  stop(): Promise<void>;
}

/** Workers end within 1 s of the gateway; the rest is for a busy machine. */
const WORKERS_END_MS = 30_000;

export async function startGateway(options: {
  /** One or more folders in Triton's layout. */
  readonly repository: string | readonly string[];
  /** More flags of `serve`. */
  readonly flags?: readonly string[];
}): Promise<GatewayUnderTest> {
  const { repository, flags = [] } = options;
  const gateway = await startGatewayProcess({ repositories: [repository].flat(), flags });
  const { pid, grpcPort, httpPort, metricsPort } = gateway;
  return {
    pid,
    grpcPort,
    httpPort,
    metricsPort,
    workers: () => descendantsOf(pid),
    output: () => gateway.log(),
    async stop() {
      const workers = descendantsOf(pid);
      await gateway.stop();
      await eventually(() => !workers.some(isAlive), WORKERS_END_MS);
      const left = workers.filter(isAlive);
      for (const worker of left) process.kill(worker, "SIGKILL");
      if (left.length > 0) throw new Error(`workers ${left.join(", ")} outlived the gateway`);
    },
  };
}
