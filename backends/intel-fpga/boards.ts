/** The profile in a worker: which board holds what, and how an artifact becomes its image. */
import { join } from "node:path";
import {
  BUILD_OPTIONS,
  compileSource,
  digestOf,
  HeldBoard,
  identifyCompiler,
  OpenClInstance,
  openLibrary,
  readImage,
} from "../common/opencl/index.ts";
import { type Artifact, type Backend, BackendError, type BackendHost } from "../contract.ts";
import { inspectIntel } from "./artifact.ts";
import { BinaryCache } from "./binary-cache.ts";
import { type Board, listBoards } from "./devices.ts";
import { readSource, wireForIntel } from "./inspect.ts";
import type { IntelFpgaOptions } from "./options.ts";
import { readSensors } from "./sensors.ts";

interface Image {
  readonly bytes: Uint8Array;
  /** Of the artifact that it was made of. */
  readonly digest: string;
}

export async function createBoards(options: IntelFpgaOptions, host: BackendHost): Promise<Backend> {
  const emulated = options.emulatedBoards;
  const cache = emulated > 0 ? await BinaryCache.open(options.cacheFolder) : undefined;
  // Where PoCL cannot write it shows no device, and tells nobody. It reads the variable when the library is opened.
  if (cache !== undefined) process.env["POCL_CACHE_DIR"] ??= join(cache.folder, "pocl");
  const held = new Map<string, HeldBoard>();

  if (emulated > 0) warnOfMissing(host, emulated);

  function find(id: string): Board {
    const board = listBoards(emulated).find(({ device }) => device.id === id);
    if (board !== undefined) return board;
    throw new BackendError("device", `device "${id}" is not there`);
  }

  async function imageFor(artifact: Artifact, board: Board): Promise<Image> {
    const { manifest } = artifact;
    const wiring = wireForIntel(artifact);
    if (manifest?.artifact.platform !== board.device.platform) {
      throw new BackendError(
        "artifact",
        `${artifact.path}: made for "${manifest?.artifact.platform}", device ${board.device.id} is "${board.device.platform}"`,
      );
    }
    if (artifact.format === "cl") {
      const source = await readSource(artifact, wiring);
      return { bytes: await compiled(source, board), digest: digestOf(Buffer.from(source)) };
    }
    const bytes = await readImage(artifact);
    const digest = digestOf(bytes);
    // Where nobody has hashed what was inspected, it is inspected now.
    if (artifact.digest !== digest) await inspectIntel({ ...artifact, digest });
    return { bytes, digest };
  }

  /** Compiled once on this host; from then on its binary is loaded. */
  async function compiled(source: string, { choice }: Board): Promise<Uint8Array> {
    if (cache === undefined) throw new BackendError("internal", "no cache for emulated boards");
    const { device, driver } = identifyCompiler(choice);
    const key = BinaryCache.key(source, device, driver, BUILD_OPTIONS);
    const known = await cache.get(key);
    if (known !== undefined) return known;
    const began = performance.now();
    const binary = compileSource(choice, source);
    await cache.put(key, binary);
    host.log("info", "kernel source compiled", {
      compileMs: Math.round(performance.now() - began),
      ...{ device, driver, sizeBytes: binary.length },
    });
    return binary;
  }

  return {
    kind: "intel-fpga",

    sensors: () => readSensors(listBoards(emulated).map(({ device }) => device)),

    async devices() {
      return listBoards(emulated).map(({ device }) => device);
    },

    async load(variant, device, _options, signal) {
      const board = find(device.id);
      const image = await imageFor(variant.artifact, board);
      signal.throwIfAborted();
      const holder = held.get(device.id) ?? new HeldBoard(device.id, board.choice);
      held.set(device.id, holder);
      const { board: opened, release } = holder.hold(image.bytes, image.digest);
      try {
        const place = {
          device: board.device,
          board: opened,
          naming: "functions",
          release,
        } as const;
        return new OpenClInstance(variant, place);
      } catch (cause) {
        release();
        throw cause;
      }
    },

    async close() {},
  };
}

/** Once, at the start: later rounds show no boards, and that is all. */
function warnOfMissing(host: BackendHost, emulated: number): void {
  try {
    openLibrary();
  } catch (cause) {
    host.log("warn", `no emulated Intel boards: ${cause instanceof Error ? cause.message : cause}`);
    return;
  }
  if (listBoards(emulated).some(({ device }) => device.emulated === true)) return;
  host.log("warn", "no emulated Intel boards: PoCL is missing (Debian: pocl-opencl-icd)");
}
