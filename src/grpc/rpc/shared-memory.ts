/** The RPCs about memory shared with clients. CUDA's are answered as by a server without GPUs. */
import { StatusError } from "../../errors.ts";
import { cudaNotSupported, sharedMemoryDisabled } from "../../inference/shared-memory.ts";
import type { SharedMemoryControl, SharedRegion } from "../../inference/shared-regions.ts";
import { type Implementation, unary } from "./unary.ts";

/** A channel that breaks is open again within moments; its regions last for these, ms. */
const GRACE_MS = 5_000;

const RPCS = ["Status", "Register", "Unregister"].flatMap((what) => [
  `SystemSharedMemory${what}`,
  `CudaSharedMemory${what}`,
]);

interface Named {
  readonly name: string;
}

/** uint64 as decimal text. */
interface RegisterRequest extends Named {
  readonly key: string;
  readonly offset: string;
  readonly byte_size: string;
}

/** @param control undefined: switched off, and every RPC says in Triton's words how to change that */
export function sharedMemoryHandlers(control: SharedMemoryControl | undefined): Implementation {
  if (control === undefined) {
    const refuse = unary(() => {
      throw sharedMemoryDisabled();
    });
    return Object.fromEntries(RPCS.map((rpc) => [rpc, refuse]));
  }
  return {
    SystemSharedMemoryStatus: unary(({ name }: Named) => ({
      regions: Object.fromEntries(control.status(name).map((each) => [each.name, statusOf(each)])),
    })),
    SystemSharedMemoryRegister: unary((request: RegisterRequest, connection) => {
      const { name, key, offset, byte_size } = request;
      const region = { name, key, offset: Number(offset), byteLength: Number(byte_size) };
      control.register(region, connection, GRACE_MS);
      return {};
    }),
    SystemSharedMemoryUnregister: unary(({ name }: Named, connection) => {
      control.unregister(name, connection);
      return {};
    }),
    CudaSharedMemoryStatus: unary(({ name }: Named) => {
      if (name === "") return { regions: {} };
      const text = `Unable to find cuda shared memory region: '${name}'`;
      throw new StatusError("NOT_FOUND", text);
    }),
    CudaSharedMemoryRegister: unary(({ name }: Named) => {
      throw cudaNotSupported(name);
    }),
    CudaSharedMemoryUnregister: unary(() => ({})),
  };
}

function statusOf({ name, key, offset, byteLength }: SharedRegion): object {
  return { name, key, offset: String(offset), byte_size: String(byteLength) };
}
