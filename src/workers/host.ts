/**
 * Main file of a worker process: loads models of any backend and runs them for
 * the gateway that started it. Imports little: every worker pays for it in memory.
 *
 * Argument: the gateway's process id. File descriptor 3: the channel to it.
 */
import { Socket } from "node:net";
import { pathToFileURL } from "node:url";
import {
  type Backend,
  BackendError,
  type BackendModule,
  type Device,
  type ModelInstance,
} from "../../backends/contract.ts";
import { backends } from "../../backends/index.ts";
import { Channel } from "./channel.ts";
import { describeFailure, HostedInstance } from "./hosted-instance.ts";
import { dieWithParent, sharedMemorySupported } from "./libc.ts";
import { probe } from "./probe.ts";
import { readRun } from "./run-frames.ts";
import { warmUp } from "./warm-up.ts";
import {
  type BackendSource,
  FrameType,
  type LoadedWords,
  type LoadWords,
  type LogLevel,
  PROTOCOL,
  readWords,
  type ToWorker,
  wordsFrame,
} from "./words.ts";

const CHANNEL_FD = 3;
/** Log lines are dropped while the gateway is that far behind with reading. */
const LOG_BACKLOG_BYTES = 2 ** 20;

// Who ends the gateway ends its workers, once it has answered what they still compute: a batch system sends such
// signals to every process of a job.
process.on("SIGTERM", () => {});
process.on("SIGINT", () => {});
if (sharedMemorySupported) dieWithParent();
// The parent may have died before the line above: then this process has another one by now.
if (process.ppid !== Number(process.argv[2])) process.exit(1);

const created = new Map<string, Promise<Backend>>();
const hosted = new Map<number, HostedInstance>();
const channel = new Channel(
  new Socket({ fd: CHANNEL_FD, readable: true, writable: true }),
  onFrame,
  () => process.exit(0),
);
channel.send(wordsFrame({ type: "hello", protocol: PROTOCOL, pid: process.pid }));

function onFrame(type: number, meta: Buffer, payload: Buffer): void {
  if (type === FrameType.run) onRun(meta, payload);
  else onWords(readWords<ToWorker>(meta));
}

function onWords(words: ToWorker): void {
  switch (words.type) {
    case "load":
      void answer(words.ask, async () => {
        // The answer to the ping before it: whoever loads may let nothing more out for minutes.
        await channel.drained();
        return load(words.ask, words.instance, words.load);
      });
      break;
    case "rooms":
      void answer(words.ask, async () => instanceOf(words.instance).openRooms(words.rooms));
      break;
    case "probe":
      void answer(words.ask, () => instanceOf(words.instance).probe());
      break;
    case "devices":
      void answer(words.ask, async () => (await backendOf(words.backend)).devices());
      break;
    case "sensors":
      void answer(
        words.ask,
        async () => (await (await backendOf(words.backend)).sensors?.()) ?? [],
      );
      break;
    case "unload":
      void answer(words.ask, () => unload(words.instance));
      break;
    case "abort":
      hosted.get(words.instance)?.abort(words.run);
      break;
    case "forget":
      hosted.get(words.instance)?.forget(words.sequence);
      break;
    case "ping":
      channel.send(wordsFrame({ type: "pong" }));
      break;
    case "end":
      void end();
  }
}

function onRun(meta: Buffer, payload: Buffer): void {
  const message = readRun(meta);
  const instance = hosted.get(message.instance);
  if (instance !== undefined) {
    instance.accept(message, payload);
    return;
  }
  const reason = `no instance ${message.instance} here`;
  channel.send(
    wordsFrame({ type: "failure", run: message.run, fault: "internal", message: reason }),
  );
}

async function answer(ask: number, act: () => Promise<unknown>): Promise<void> {
  try {
    channel.send(wordsFrame({ type: "answer", ask, value: await act() }));
  } catch (thrown) {
    channel.send(wordsFrame({ type: "refusal", ask, ...describeFailure(thrown) }));
  }
}

async function load(ask: number, id: number, words: LoadWords): Promise<LoadedWords> {
  const backend = await backendOf(words.backend);
  const device = chooseDevice(await backend.devices(), words.device, backend.kind);
  const { signal } = new AbortController();
  const instance = await backend.load(words.variant, device, words.options, signal);
  try {
    if (words.variant.decoupled && instance.stream === undefined) throw noStreams(backend.kind);
    const firstRuns = (runner: ModelInstance) => runFirst(words, runner, signal);
    const { firstRunUs, batchInvariant } = await firstRuns(telling(instance, ask));
    hosted.set(id, new HostedInstance(words.variant, instance, channel, () => firstRuns(instance)));
    instance.watch?.((reason) => {
      const told = reason === undefined ? {} : { reason };
      channel.send(wordsFrame({ type: "trouble", instance: id, ...told }));
    });
    return {
      device: instance.device,
      firstRunUs,
      maxInFlight: instance.maxInFlight ?? 1,
      ...(batchInvariant === undefined ? {} : { batchInvariant }),
    };
  } catch (cause) {
    await instance.unload();
    throw cause;
  }
}

/** The same, and the gateway is told of each execution: a device that hangs in its first runs is found out. */
function telling(instance: ModelInstance, ask: number): ModelInstance {
  const tell = () => channel.send(wordsFrame({ type: "progress", ask }));
  const { stream, maxInFlight } = instance;
  return {
    device: instance.device,
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
    execute(execution, signal) {
      tell();
      return instance.execute(execution, signal);
    },
    ...(stream && {
      stream(execution, emit, signal) {
        tell();
        return stream.call(instance, execution, emit, signal);
      },
    }),
    unload: () => instance.unload(),
  };
}

/** The smoke inference, the probe of batches and the warm-up requests. */
async function runFirst(words: LoadWords, instance: ModelInstance, signal: AbortSignal) {
  const { variant, signature, warmup = [] } = words;
  const { freeDim, ...found } = await probe(variant, instance, signal, signature);
  await warmUp(warmup, { variant, signature, instance, signal, freeDim });
  return found;
}

function noStreams(kind: string): BackendError {
  const reason = `backend "${kind}" gives one response a request; the model's transaction policy is decoupled`;
  return new BackendError("artifact", reason);
}

function backendOf(source: BackendSource): Promise<Backend> {
  const known = created.get(source.kind);
  if (known !== undefined) return known;
  const creating = createBackend(source);
  created.set(source.kind, creating);
  // What failed may work at the next try: a library may have been installed meanwhile.
  creating.catch(() => created.delete(source.kind));
  return creating;
}

async function createBackend(source: BackendSource): Promise<Backend> {
  const module = await findModule(source);
  return module.create(source.options ?? {}, { log });
}

async function findModule(source: BackendSource): Promise<BackendModule> {
  if (source.package === undefined) {
    const builtIn = backends.find((module) => module.kind === source.kind);
    if (builtIn !== undefined) return builtIn;
    const known = backends.map((module) => module.kind).join(", ");
    throw new BackendError("internal", `no backend "${source.kind}"; built in: ${known}`);
  }
  const isFile = source.package.startsWith(".") || source.package.startsWith("/");
  const specifier = isFile ? pathToFileURL(source.package).href : source.package;
  const loaded = (await import(specifier)) as { readonly default?: BackendModule };
  if (loaded.default?.kind === source.kind) return loaded.default;
  throw new BackendError(
    "internal",
    `package ${source.package}: its default export is no BackendModule of kind "${source.kind}"`,
  );
}

function chooseDevice(devices: readonly Device[], wanted: string, kind: string): Device {
  const device = wanted === "cpu" ? devices[0] : devices.find(({ id }) => id === wanted);
  if (device !== undefined) return device;
  const present = devices.map(({ id }) => id).join(", ") || "none";
  throw new BackendError("device", `${kind} has no device "${wanted}"; present: ${present}`);
}

function instanceOf(id: number): HostedInstance {
  const instance = hosted.get(id);
  if (instance === undefined) throw new BackendError("internal", `no instance ${id} here`);
  return instance;
}

async function unload(id: number): Promise<void> {
  const instance = hosted.get(id);
  hosted.delete(id);
  await instance?.unload();
}

function log(level: LogLevel, message: string, fields?: object): void {
  if (channel.backlogBytes > LOG_BACKLOG_BYTES) return;
  channel.send(wordsFrame({ type: "log", level, message, ...(fields && { fields }) }));
}

/** The gateway waits for two seconds at most, then kills. */
async function end(): Promise<void> {
  await Promise.allSettled([...hosted.keys()].map((id) => unload(id)));
  const opened = await Promise.allSettled(created.values());
  await Promise.allSettled(
    opened.map((backend) => (backend.status === "fulfilled" ? backend.value.close() : undefined)),
  );
  process.exit(0);
}
