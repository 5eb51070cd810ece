/** The order in which the gateway is ill-treated. */
import { argv } from "node:process";
import { Cases } from "../support/cases.ts";
import { badBoards } from "./boards.ts";
import { drainUnderLoad } from "./drain.ts";
import { gatewayDeath } from "./gateway-death.ts";
import { hostileClients } from "./hostile.ts";
import { killWorkers } from "./kill-workers.ts";
import { redis } from "./redis.ts";
import { fullDisk } from "./registered/full-disk.ts";
import { gatewaySwaps } from "./registered/gateway-swaps.ts";
import { killedRegistering } from "./registered/killed-registering.ts";
import { twoGateways } from "./registered/two-gateways.ts";
import { registryStore } from "./registry.ts";
import { rollingRestart } from "./rolling.ts";
import { swaps } from "./swaps.ts";

const STORIES = {
  kill: killWorkers,
  drain: drainUnderLoad,
  death: gatewayDeath,
  boards: badBoards,
  registry: registryStore,
  hostile: hostileClients,
  swaps,
  redis,
  rolling: rollingRestart,
  "gateway-swaps": gatewaySwaps,
  "gateway-kills": killedRegistering,
  "full-disk": fullDisk,
  "two-gateways": twoGateways,
};

const words = argv.slice(2);
const short = words.includes("--short");
const chosen = words.filter((word) => !word.startsWith("--"));
const cases = new Cases();
for (const [name, story] of Object.entries(STORIES)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  // A story that cannot even start is a failure of its own, and the next one still runs.
  await story(cases, short).catch((thrown: unknown) =>
    cases.run(name, () => {
      throw thrown;
    }),
  );
}
process.exit(cases.finish());
