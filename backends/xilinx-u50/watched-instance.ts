/** An instance on an emulated board that may end: XRT does not notice, and its answers mean nothing then. */
import { readFileSync } from "node:fs";
import { BackendError, type ModelInstance } from "../contract.ts";

/** @throws BackendError `device` with the board's last words, where it has ended. */
export function checkAlive(device: string, failureFile: string): void {
  const reason = lastWords(failureFile);
  if (reason !== undefined) throw new BackendError("device", `device ${device}: ${reason}`);
}

/** Every execution on a board that has ended fails with fault `device`, whatever XRT makes of it. */
export function watched(instance: ModelInstance, failureFile: string): ModelInstance {
  const { device } = instance;
  return {
    device,
    ...(instance.maxInFlight === undefined ? {} : { maxInFlight: instance.maxInFlight }),
    async execute(execution, signal) {
      checkAlive(device.id, failureFile);
      try {
        return await instance.execute(execution, signal);
      } finally {
        checkAlive(device.id, failureFile);
      }
    },
    unload: () => instance.unload(),
  };
}

function lastWords(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
