/** A region of system shared memory as the input of a bench: filled, registered, named in requests. */
import { unlinkSync, writeFileSync } from "node:fs";
import { pid } from "node:process";
import { type Client, credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { loadInferenceDefinition } from "../../src/grpc/rpc/definition.ts";

const { service } = loadInferenceDefinition();
const REGION = "bench";
let regions = 0;

/** Parameters of an input that lies in the region. */
export function inRegion(byteLength: number) {
  return {
    shared_memory_region: { string_param: REGION },
    shared_memory_byte_size: { int64_param: String(byteLength) },
  };
}

export class SharedRegion {
  readonly #path: string;
  readonly #key: string;
  readonly #byteLength: number;
  #client: Client | undefined;

  constructor(bytes: Uint8Array) {
    this.#key = `/beamgate_bench_${pid}_${regions++}`;
    this.#path = `/dev/shm${this.#key}`;
    this.#byteLength = bytes.length;
    writeFileSync(this.#path, bytes, { mode: 0o600 });
  }

  /** The region lives as long as the connection that registered it. */
  async register(port: number): Promise<void> {
    const Service = makeGenericClientConstructor(service, "GRPCInferenceService");
    const client = new Service(`127.0.0.1:${port}`, credentials.createInsecure());
    this.#client = client;
    const method = methodOf("SystemSharedMemoryRegister");
    const region = { name: REGION, key: this.#key, byte_size: String(this.#byteLength) };
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        region,
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }

  remove(): void {
    this.#client?.close();
    unlinkSync(this.#path);
  }
}

/** A ModelInferRequest from a plain object, as bytes. */
export function inferQuestion(request: object): Uint8Array {
  return methodOf("ModelInfer").requestSerialize(request);
}

function methodOf(name: string) {
  const method = service[name];
  if (method === undefined) throw new Error(`no ${name}`);
  return method;
}
