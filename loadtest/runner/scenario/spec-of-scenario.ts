/** A run as a scenario describes it; flags that say otherwise win. */
import { env } from "node:process";
import type { Parameter, Parameters } from "../../../src/inference/request.ts";
import { type Identity, mergeHeaders } from "../../drivers/identity.ts";
import { hasBatchAxis } from "../../payloads/fit-model.ts";
import { describeScenario, scaleOf } from "../../scenario/describe-scenario.ts";
import { type AskShape, planScenario } from "../../scenario/plan-stream.ts";
import { findScenario } from "../../scenario/read-scenario.ts";
import type { Scenario, Stream } from "../../scenario/schema.ts";
import { tenantIdentity, withoutSecrets } from "../../scenario/tenant-identity.ts";
import type { StreamPlan } from "../../types.ts";
import type { Flags } from "../flags/flags.ts";
import { NOBODY_MAKES, refuseIdleFlags } from "../flags/idle-flags.ts";
import { loadOf } from "../flags/load-of-flags.ts";
import {
  flagsForReaders,
  readParameters,
  readScoreOutput,
  UsageError,
} from "../flags/read-flags.ts";
import { referenceOf } from "../flags/reference-of-flags.ts";
import { connectionOf, measuringOf } from "../flags/spec-of-flags.ts";
import type { AnswersOrder, RelayOrder } from "../generator/order.ts";
import type { AskModel, Load, RunSpec } from "../run-spec.ts";
import type { StreamWorkload } from "../workload.ts";
import { streamWorkload } from "./stream-workload.ts";

/** Requests whose answers are kept one by one. */
const MOST_EVENTS = 5_000_000;

/** What a scenario says, once flags have had their word. */
export interface ReadScenario {
  readonly scenario: Scenario;
  readonly file: string;
}

/** @throws StatusError, UsageError where there is no such scenario, or it says nothing sensible */
export function readScenario(given: string, flags: Flags): ReadScenario {
  const { scenario, file } = findScenario(given);
  return { scenario: withFlags(scenario, flags), file };
}

export function specOfScenario({ scenario, file }: ReadScenario, flags: Flags): RunSpec {
  refuseIdleFlags(flags, true);
  refuseAbsent(scenario, flags);
  const measuring = measuringOf({
    ...flags,
    warmup: scenario.warmupS,
    objective: scenario.objectives,
    ...(scenario.budgetsMs.length > 0 ? { budget: scenario.budgetsMs } : {}),
  });
  const load = scenarioLoad(scenario, flags);
  const connection = connectionOf(flags);
  const { identity } = connection;
  const identities = identitiesOf(scenario, file, identity);
  const own = identity.headers.length > 0 || connection.address.tls?.cert !== undefined;
  const [first] = scenario.streams;
  const asking = own ? identity : identities(first?.tenant ?? "");
  return {
    about: {
      ...{ name: scenario.name, title: scenario.title, seed: scenario.seed },
      scale: scaleOf(scenario, file),
      settings: { scenario: withoutSecrets(scenario), flags: flagsForReaders(flags) },
      notes: [
        ...(scenario.note === undefined ? [] : [scenario.note.trim()]),
        ...leftOut(scenario, load),
      ],
    },
    ...connection,
    identity: asking,
    ...measuring,
    ...referenceOf(flags),
    models: [...new Set(scenario.streams.map(({ model }) => model))],
    load,
    actions: scenario.actions.map((action) => ({
      ...{ atMs: 1000 * action.atS, kind: action.do, what: action.what },
    })),
    streams: async (ask) => {
      const askAs: AskShape = (model, version, tenant) => ask(model, version, identities(tenant));
      const plans = await planScenario(scenario, askAs, file);
      const several = plans.length > 1;
      return Promise.all(
        plans.map((plan) => workloadOf(plan, several, identities(plan.tenant), flags, ask)),
      );
    },
  };
}

/**
 * Each experiment as itself; what it does not say of itself, flags do. Read once, before the run.
 * @throws StatusError where a variable or a file is missing
 */
function identitiesOf(
  scenario: Scenario,
  file: string,
  flags: Identity,
): (tenant: string) => Identity {
  const names = new Set(scenario.streams.map(({ tenant }) => tenant));
  const identities = new Map(
    [...names].map((name) => {
      const own = tenantIdentity(scenario, name, env, file);
      return [name, { ...own, headers: mergeHeaders(flags.headers, own.headers) }] as const;
    }),
  );
  return (tenant) => identities.get(tenant) ?? flags;
}

/** Flags about parts that this scenario does not have. @throws UsageError */
function refuseAbsent({ streams }: Scenario, flags: Flags): void {
  const generated = streams.some(({ payload }) => payload.kind === "generated");
  if (flags.generatorParameter !== undefined && !generated) {
    throw new UsageError(`--generator-parameter: ${NOBODY_MAKES}`);
  }
  const decides = streams.some(({ trigger }) => trigger !== undefined);
  if ((flags.threshold !== undefined || flags.prescale !== undefined) && !decides) {
    throw new UsageError("--threshold, --prescale: no stream of the scenario has a trigger");
  }
}

/** In words, for `--dry-run`. */
export function scenarioText({ scenario, file }: ReadScenario): string {
  return describeScenario(scenario, file);
}

async function workloadOf(
  plan: StreamPlan,
  several: boolean,
  identity: Identity,
  flags: Flags,
  ask: AskModel,
): Promise<StreamWorkload> {
  const facts = await ask(plan.model, plan.version, identity);
  const { payload } = plan.stream;
  const judging = parametersOf(
    plan.stream.parameters,
    "--request-parameter",
    flags.requestParameter,
  );
  const making =
    payload.kind === "generated" &&
    parametersOf(payload.parameters, "--generator-parameter", flags.generatorParameter);
  const relay = relayOf(plan.stream, facts, judging);
  return streamWorkload(plan, several, {
    facts,
    identity,
    parameters: making === false ? judging : making,
    answers: answersOf(plan, flags),
    ...(relay === undefined ? {} : { relay }),
  });
}

function answersOf({ stream, arrivals }: StreamPlan, flags: Flags): AnswersOrder {
  const { trigger } = stream;
  if (flags.scoreOutput !== undefined) {
    return { ...readScoreOutput(flags.scoreOutput), most: MOST_EVENTS };
  }
  if (trigger === undefined) {
    const compared = referenceOf(flags).reference !== undefined;
    // Around the orbit each answer has its place, whether or not anything decides.
    const timed = arrivals.lhc !== undefined;
    return {
      ...(compared ? { output: "" } : {}),
      ...(timed ? { each: true } : {}),
      most: MOST_EVENTS,
    };
  }
  const { output, column } = trigger;
  return { output, ...(column === undefined ? {} : { column }), most: MOST_EVENTS };
}

/** Of the scenario; what a flag says of the same name wins. */
function parametersOf(
  said: Readonly<Record<string, string | number | boolean>>,
  flag: string,
  texts: readonly string[] = [],
): Parameters | undefined {
  const own = Object.entries(said).map(([name, value]): [string, Parameter] => {
    if (typeof value === "string") return [name, { type: "string", value }];
    if (typeof value === "boolean") return [name, { type: "bool", value }];
    return [name, { type: Number.isInteger(value) ? "int64" : "double", value }];
  });
  const all = new Map([...own, ...(readParameters(flag, texts) ?? [])]);
  return all.size === 0 ? undefined : all;
}

function relayOf(
  { model, version, payload }: Stream,
  facts: Awaited<ReturnType<AskModel>>,
  parameters: Parameters | undefined,
): RelayOrder | undefined {
  if (payload.kind !== "generated") return undefined;
  const { map } = payload;
  // The batch axis is as long as the output has it.
  const inputs = facts.inputs.map((input) => ({
    ...input,
    shape: hasBatchAxis(facts) ? [-1, ...input.shape.slice(1)] : input.shape,
  }));
  return { model, version, map, inputs, ...(parameters === undefined ? {} : { parameters }) };
}

/** All streams together, unless flags ask for a sweep or a search: that is done with the first one. */
function scenarioLoad(scenario: Scenario, flags: Flags): Load {
  const { concurrencyRange, requestRateRange, capacity, binarySearch } = flags;
  const sweeps = [concurrencyRange, requestRateRange, capacity, binarySearch];
  const durationMs = 1000 * scenario.durationS;
  if (sweeps.every((flag) => flag === undefined)) return { kind: "together", durationMs };
  const [budget] = scenario.budgetsMs;
  return loadOf({
    ...(budget === undefined ? {} : { budget: [budget] }),
    ...flags,
    duration: scenario.durationS,
  });
}

/** A sweep or a search is of one stream, with nothing done to the server meanwhile. */
function leftOut({ streams, actions }: Scenario, load: Load): string[] {
  if (load.kind === "together") return [];
  const [first, ...others] = streams;
  const names = others.map(({ name }) => name).join(", ");
  return [
    ...(others.length === 0 ? [] : [`only ${first?.name ?? ""} was asked, not ${names}`]),
    ...(actions.length === 0 ? [] : ["the scenario's actions were left out"]),
  ];
}

function withFlags(scenario: Scenario, flags: Flags): Scenario {
  const { duration, warmup, seed, budget, objective, replay, timeScale } = flags;
  const [first, ...others] = scenario.streams;
  if (flags.modelName !== undefined && (others.length > 0 || first === undefined)) {
    throw new UsageError("-m: the scenario asks several models; say which in its file");
  }
  return {
    ...scenario,
    ...(duration === undefined ? {} : { durationS: duration }),
    ...(warmup === undefined ? {} : { warmupS: warmup }),
    ...(seed === undefined ? {} : { seed }),
    ...(budget === undefined ? {} : { budgetsMs: [...budget] }),
    objectives: [...scenario.objectives, ...(objective ?? [])],
    ...(replay === undefined
      ? {}
      : {
          arrivals: {
            kind: "replay" as const,
            file: replay,
            speed: 1 / (timeScale ?? 1),
            repeat: false,
          },
        }),
    streams: scenario.streams.map((stream) => ({
      ...stream,
      ...(flags.modelName === undefined ? {} : { model: flags.modelName }),
      ...(flags.modelVersion === undefined ? {} : { version: flags.modelVersion }),
      ...(stream.trigger === undefined
        ? {}
        : {
            trigger: {
              ...stream.trigger,
              ...(flags.threshold === undefined ? {} : { threshold: flags.threshold }),
              ...(flags.prescale === undefined ? {} : { prescale: flags.prescale }),
            },
          }),
    })),
  };
}
