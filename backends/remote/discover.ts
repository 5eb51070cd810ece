/** Which models the far servers offer, each as a configuration would say it. */
import {
  BackendError,
  type BackendHost,
  type Offer,
  type OfferedModel,
  type TensorSpec,
} from "../contract.ts";
import { addressesOf } from "./addresses.ts";
import type { FarConfigTensor, FarModelConfig } from "./codec/model-config.ts";
import { FarServer } from "./far-server.ts";
import { readOptions } from "./options.ts";

/** A server that needs longer for a small question counts as away. */
const ANSWER_MS = 5_000;
/** Each is asked for, and written down as a folder; who has more has gone mad, or has another catalog than ours. */
const MOST_MODELS = 10_000;

/** @throws BackendError where no server answers */
export async function discover(given: unknown, host: BackendHost): Promise<Offer | undefined> {
  const options = readOptions(given);
  if (!options.discover) return undefined;
  const wanted = patternOf(options.models);
  const literal = options.models.filter((name) => !name.includes("*"));
  const timeoutMs = Math.min(ANSWER_MS, options.timeoutMs);
  const addresses = await addressesOf(options.servers);
  const asked = await Promise.allSettled(
    addresses.map(async (found) => {
      const server = new FarServer({ ...options, ...found, timeoutMs });
      try {
        return await offeredBy(server, wanted, literal, host);
      } finally {
        server.close();
      }
    }),
  );
  const models = new Map<string, OfferedModel>();
  for (const one of asked) {
    if (one.status === "rejected") continue;
    // The first server that has a model says what it is; the others are compared at the load.
    for (const model of one.value) if (!models.has(model.name)) models.set(model.name, model);
  }
  const failure = asked.find((one) => one.status === "rejected");
  if (failure !== undefined && asked.every((one) => one.status === "rejected")) {
    throw failure.reason;
  }
  return { models: [...models.values()], complete: failure === undefined };
}

/** @param literal names to try on a server that does not list its models */
async function offeredBy(
  server: FarServer,
  wanted: RegExp,
  literal: readonly string[],
  host: BackendHost,
): Promise<OfferedModel[]> {
  const index = await server.index();
  const ready = index?.filter(({ state }) => state === "READY").map(({ name }) => name);
  const names = new Set((ready ?? literal).filter((name) => wanted.test(name)));
  if (names.size > MOST_MODELS) {
    const text = `server ${server.address} lists ${names.size} models, of which ${MOST_MODELS} are the most`;
    throw new BackendError("internal", `${text}: name those that are wanted (options.models)`);
  }
  const offered: OfferedModel[] = [];
  for (const name of names) {
    const model = await describe(server, name, host);
    if (model !== undefined) offered.push(model);
  }
  return offered;
}

/** undefined: it cannot be forwarded, or went away meanwhile. */
async function describe(
  server: FarServer,
  name: string,
  host: BackendHost,
): Promise<OfferedModel | undefined> {
  try {
    const config = await server.modelConfig({ name, version: "" });
    if (config !== undefined) return byConfig(name, config);
    // Whether axis 0 is a batch axis, metadata do not say.
    const { inputs, outputs } = await server.modelMetadata({ name, version: "" });
    return { name, maxBatchSize: 0, inputs, outputs };
  } catch (thrown) {
    if (!(thrown instanceof BackendError)) throw thrown;
    const reason = thrown.message;
    host.log("info", `model '${name}' of server ${server.address} is not offered: ${reason}`);
    return undefined;
  }
}

function byConfig(name: string, config: FarModelConfig): OfferedModel {
  const { maxBatchSize, inputs, outputs, decoupled, hasSequences } = config;
  if (decoupled) throw new BackendError("artifact", "it may give a request several responses");
  if (hasSequences) throw new BackendError("artifact", "its requests belong to sequences");
  return { name, maxBatchSize, inputs: inputs.map(asSpec), outputs: outputs.map(asSpec) };
}

function asSpec({ name, datatype, dims, optional }: FarConfigTensor): TensorSpec {
  return { name, datatype, shape: dims, ...(optional ? { optional } : {}) };
}

function patternOf(patterns: readonly string[]): RegExp {
  const parts = patterns.map((pattern) =>
    pattern
      .split("*")
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*"),
  );
  return new RegExp(`^(?:${parts.join("|")})$`);
}
