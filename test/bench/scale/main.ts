/** `npm run scale`: a site of 1 000 boards, 2 000 cores and 10 000 clients, less than it can do and more. */
import { stdout } from "node:process";
import { type ScaleFigures } from "./figures.ts";
import { simulate } from "./simulate.ts";
import { SITE, type ScaleWorld } from "./world.ts";

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const WORLDS: Readonly<Record<string, ScaleWorld>> = {
  "half of the clients": { ...SITE, clients: SITE.clients / 2 },
  "all clients": SITE,
  "twice as many clients": { ...SITE, clients: 2 * SITE.clients },
};

const ROWS: readonly (readonly [name: string, figure: (figures: ScaleFigures) => string])[] = [
  ["requests", ({ requests }) => String(requests)],
  ["refused by quota", ({ refused }) => String(refused)],
  ["rows/s", ({ rowsPerS }) => `${(rowsPerS / 1e6).toFixed(1)} M`],
  ["boards busy", ({ boards }) => percent(boards.busy)],
  ["boards switching", ({ boards }) => percent(boards.switching)],
  ["cores busy", ({ cores }) => percent(cores.busy)],
  ["swaps", ({ swaps }) => String(swaps)],
  ["wait p50", ({ waitMs }) => `${waitMs.p50.toFixed(0)} ms`],
  ["wait p99", ({ waitMs }) => `${waitMs.p99.toFixed(0)} ms`],
  ["longest wait", ({ waitMs }) => `${waitMs.longest.toFixed(0)} ms`],
  ["Jain's index of equals", ({ jain }) => jain.toFixed(4)],
  ["the flooder's time by an equal's", ({ flooder }) => flooder.toFixed(2)],
  ["decisions/s (real time)", ({ decisionsPerS }) => decisionsPerS.toFixed(0)],
  ["one placement (real time)", ({ placementMs }) => `${placementMs.mean.toFixed(2)} ms, at most ${placementMs.longest.toFixed(1)} ms`],
  ["took", ({ wallS }) => `${wallS.toFixed(1)} s`],
];

for (const [name, world] of Object.entries(WORLDS)) {
  const figures = simulate(world);
  const { boards, cores, gateways, clients, seconds } = world;
  stdout.write(
    `${name}: ${boards} boards and ${cores} cores behind ${gateways} gateways, ${clients} clients, ${seconds} s\n`,
  );
  for (const [row, figure] of ROWS) stdout.write(`  ${row.padEnd(34)} ${figure(figures)}\n`);
}
