/** The RPCs about memory shared with clients, on a server that has it switched off. */
import { StatusError } from "../../errors.ts";
import { SHARED_MEMORY_DISABLED } from "../../inference/shared-memory.ts";
import { type Implementation, unary } from "./unary.ts";

const RPCS = ["Status", "Register", "Unregister"].flatMap((what) => [
  `SystemSharedMemory${what}`,
  `CudaSharedMemory${what}`,
]);

/** Every one says how to switch it on, in Triton's words. */
export function sharedMemoryHandlers(): Implementation {
  const refuse = unary(() => {
    throw new StatusError("UNIMPLEMENTED", SHARED_MEMORY_DISABLED);
  });
  return Object.fromEntries(RPCS.map((rpc) => [rpc, refuse]));
}
