/** NVIDIA's own tool, run for its text. No library of the vendor is loaded for it. */
import { BackendError } from "../../contract.ts";
import { runTool, type ToolFailure } from "../tools/run-tool.ts";

/** Without persistence mode the driver wakes every card first: seconds on large hosts. */
const TIMEOUT_MS = 20_000;
const NO_DEVICES = /No devices were found/i;
const SHOWN_CHARACTERS = 300;

/**
 * What it prints; empty where it finds no GPU.
 * @param path of the tool; without a slash it is looked for on the PATH
 * @throws BackendError `device`: not installed, no driver, hung
 */
export async function nvidiaSmi(path: string, options: readonly string[]): Promise<string> {
  const { stdout, stderr, failure } = await runTool(path, options, TIMEOUT_MS);
  if (NO_DEVICES.test(stdout)) return "";
  if (failure === undefined) return stdout;
  const reason = reasonOf(failure, `${stdout}${stderr}`);
  const command = [path, ...options].join(" ");
  throw new BackendError("device", `${command}: ${reason}`, { cause: failure.cause });
}

function reasonOf({ kind, cause }: ToolFailure, printed: string): string {
  if (kind === "not installed") {
    return (
      "the tool is not there or may not be run; it comes with NVIDIA's driver: install the driver, " +
      "or give the tool's path as option nvidiaSmi"
    );
  }
  const text = printed.replaceAll(/\s+/g, " ").trim().slice(0, SHOWN_CHARACTERS);
  const how = kind === "no answer" ? `no answer within ${TIMEOUT_MS / 1000} s` : text;
  return `${how || cause.message} (is the driver loaded, and of the same version as the tool?)`;
}
