/** A result as text, for the terminal and for logs. */
import {
  bytes,
  milliseconds,
  number,
  percent,
  percentileName,
  perSecond,
  whole,
} from "./format.ts";
import type { Point, Result } from "./schema.ts";

export function summary(result: Result): string {
  const { scenario, server, model, validity, ceiling, origins } = result;
  const emulated = origins.filter((origin) => origin.emulated).map(({ device }) => device);
  return lines([
    validity.valid ? undefined : `INVALID: ${validity.reasons.join("; ")}`,
    scenario.title,
    `  scale      ${scenario.scale}`,
    `  model      ${[model.name, model.version].join(" ").trim()} on ${server.name} ${server.version}, ${server.protocol} at ${server.url}`,
    emulated.length > 0
      ? `  EMULATED   ${[...new Set(emulated)].join(", ")}: software stood in for silicon`
      : undefined,
    ceiling &&
      `  ceiling    ${whole(ceiling.perSecond)} ${ceiling.protocol} a second from one process, found before the run`,
    `  seed       ${scenario.seed}`,
    ...pointsLines(result),
    ...(result.trigger ? ["", ...triggerLines(result)] : []),
    ...(result.agreement ? ["", ...agreementLines(result.agreement)] : []),
    ...(result.capacity ? ["", ...capacityLines(result.capacity)] : []),
    ...(result.stages ?? []).map(
      ({ name, model, meanMs, p99Ms }) =>
        `  ${name}: ${model}, mean ${milliseconds(meanMs)}, p99 ${milliseconds(p99Ms)}`,
    ),
    result.fairness === undefined
      ? undefined
      : `  fairness   ${result.fairness.toFixed(4)} (Jain, of the answered shares of the streams)`,
    ...result.objectives.map(
      ({ text, found, met }) =>
        `  ${met ? "met" : "MISSED"}${met ? "       " : "    "} ${text}: ${found}`,
    ),
    ...result.notes.map((note) => `  note: ${note}`),
  ]);
}

/** More loads than this are a line each, but for the one that the curves are about. */
const MOST_IN_FULL = 5;

function pointsLines({ points, main }: Result): (string | undefined)[] {
  if (points.length <= MOST_IN_FULL) return points.flatMap((point) => ["", ...pointLines(point)]);
  const lines = points.flatMap((point, index) => (index === main ? [] : [shortLine(point)]));
  const full = points[main];
  return ["", ...lines, "", ...(full === undefined ? [] : pointLines(full))];
}

function shortLine({ label, answeredPerSecond, latency, invalid, failures }: Point): string {
  const quantile = (share: number) => {
    const found = latency.quantiles.find((one) => one.share === share);
    return `${percentileName(share)} ${milliseconds(found?.ms ?? Number.NaN)}`;
  };
  const failed = failures.reduce((sum, { count }) => sum + count, 0);
  return [
    `${label}: answered ${perSecond(answeredPerSecond)}`,
    ...[quantile(0.5), quantile(0.99)],
    ...(failed > 0 ? [`${whole(failed)} failed`] : []),
    ...(invalid.length > 0 ? ["INVALID"] : []),
  ].join(", ");
}

function pointLines(point: Point): (string | undefined)[] {
  const { latency, split, generator, unanswered } = point;
  const quantiles = latency.quantiles.map(
    ({ share, ms, quotable }) =>
      `${percentileName(share)} ${milliseconds(ms)}${quotable ? "" : "?"}`,
  );
  return [
    `${point.label}${point.stable === false ? " (not stable)" : ""}${point.invalid.length > 0 ? " (INVALID)" : ""}`,
    `  offered    ${perSecond(point.offeredPerSecond)}, answered ${perSecond(point.answeredPerSecond)}, ${number(point.rowsPerSecond)} rows/s`,
    `  latency    mean ${milliseconds(latency.meanMs)}, ${quantiles.join(", ")}, max ${milliseconds(latency.maxMs)}`,
    latency.quantiles.every(({ quotable }) => quotable)
      ? undefined
      : "             ? too few answers to quote it",
    point.budgets.length === 0
      ? undefined
      : `  in time    ${point.budgets.map(({ ms, inTime }) => `${milliseconds(ms)}: ${percent(inTime)}`).join(", ")}`,
    split === undefined
      ? "  server     its share is not told by the server"
      : `  server     queue ${milliseconds(split.queueMs)}, compute ${milliseconds(split.computeInputMs + split.computeInferMs + split.computeOutputMs)}, rest ${milliseconds(split.serverOverheadMs)}; network and client ${milliseconds(split.networkMs)}; ${number(split.inferences / Math.max(1, split.executions))} rows an execution`,
    ...point.failures.map(({ reason, count }) => `  failed     ${whole(count)} × ${reason}`),
    unanswered.count === 0
      ? undefined
      : `  unanswered ${whole(unanswered.count)}, the oldest for ${milliseconds(unanswered.oldestMs)}`,
    point.dropped === 0 ? undefined : `  dropped    ${whole(point.dropped)} before they were sent`,
    `  generator  ${whole(generator.processes)} process${generator.processes === 1 ? "" : "es"}, ${percent(generator.cpuShare)} of a core, ${percent(generator.lateShare)} late (lag p99 ${milliseconds(generator.lagP99Ms)}), ${bytes(generator.bytesOutPerSecond)}/s out`,
  ];
}

function triggerLines({ trigger }: Result): (string | undefined)[] {
  if (trigger === undefined) return [];
  const dead = trigger.deadTime.map(({ cause, share }) => `${cause} ${percent(share)}`);
  return [
    "trigger",
    `  threshold  ${number(trigger.threshold)}: ${whole(trigger.accepted)} of ${whole(trigger.events)} above it, ${whole(trigger.late)} late or lost, ${whole(trigger.read)} read out`,
    `  output     ${perSecond(trigger.outputPerSecond)}`,
    dead.length === 0 ? undefined : `  dead time  ${dead.join(", ")}`,
    trigger.roc && `  ROC        area ${trigger.roc.area.toFixed(4)}`,
  ];
}

function agreementLines(agreement: NonNullable<Result["agreement"]>): string[] {
  const { reference, compared, bitExact, decisionsFlipped } = agreement;
  return [
    `agreement with ${reference}`,
    `  ${whole(bitExact)} of ${whole(compared)} equal to the last bit, ${whole(decisionsFlipped)} decisions flipped`,
  ];
}

function capacityLines(capacity: NonNullable<Result["capacity"]>): (string | undefined)[] {
  const { rate, budget, repeats } = capacity;
  return [
    "capacity",
    `  ${perSecond(rate.perSecond)} with ${percentileName(budget.share)} within ${milliseconds(budget.ms)} (${perSecond(rate.low)} – ${perSecond(rate.high)} over ${repeats.length} repeats)`,
    capacity.clientsPerDevice === undefined
      ? undefined
      : `  ${number(capacity.clientsPerDevice)} clients per device, at ${perSecond(capacity.clientRatePerSecond ?? 0)} each`,
    capacity.bytesPerSecondPerClient === undefined
      ? undefined
      : `  ${bytes(capacity.bytesPerSecondPerClient)}/s per client`,
    capacity.overheadMs === undefined
      ? undefined
      : `  ${milliseconds(capacity.overheadMs)} more than the ${capacity.overheadOver} (one client alone: ${milliseconds(capacity.oneClientMs ?? 0)})`,
  ];
}

function lines(parts: readonly (string | undefined)[]): string {
  return `${parts.filter((part) => part !== undefined).join("\n")}\n`;
}
