/** Slow, hung and crashing executions on demand: what tests of the supervisor need to see. */
import { existsSync } from "node:fs";
import type { Execution } from "../contract.ts";
import { firstNumber } from "./elements.ts";
import type { EchoParameters } from "./parameters.ts";

const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread, as a call into a vendor's library does; no timer or socket gets a turn. */
function block(ms: number): void {
  if (ms > 0) Atomics.wait(never, 0, 0, ms);
}

export function delay(execution: Execution, parameters: EchoParameters): void {
  const rows = execution.members.reduce((sum, member) => sum + member.rows, 0);
  block(parameters.delayMs + (parameters.delayUsPerRow * rows) / 1000);
}

/** Dies or hangs where the parameters say so for one of the rows' first numbers. */
export function misbehave(execution: Execution, { crashOn, hangOn }: EchoParameters): void {
  if (crashOn === undefined && hangOn === undefined) return;
  for (const input of execution.inputs) {
    const first = firstNumber(input);
    if (first === crashOn) crash();
    if (first === hangOn) block(Number.POSITIVE_INFINITY);
  }
}

export function crashOnLoad({ crashOnLoadIfExists }: EchoParameters): void {
  if (crashOnLoadIfExists !== undefined && existsSync(crashOnLoadIfExists)) crash();
}

/** As a wild pointer in a library would end it. */
function crash(): void {
  process.stderr.write("echo: crashing as told\n");
  process.kill(process.pid, "SIGSEGV");
  block(Number.POSITIVE_INFINITY);
}
