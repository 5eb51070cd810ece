/** NVIDIA's own tool, run for its text. No library of the vendor is loaded for it. */
import { execFile } from "node:child_process";
import { BackendError } from "../../contract.ts";

/** Without persistence mode the driver wakes every card first: seconds on large hosts. */
const TIMEOUT_MS = 20_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const NO_DEVICES = /No devices were found/i;
const SHOWN_CHARACTERS = 300;

/**
 * What it prints; empty where it finds no GPU.
 * @param path of the tool; without a slash it is looked for on the PATH
 * @throws BackendError `device`: not installed, no driver, hung
 */
export function nvidiaSmi(path: string, options: readonly string[]): Promise<string> {
  const env = { ...process.env, LC_ALL: "C" };
  const limits = {
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
    maxBuffer: MAX_OUTPUT_BYTES,
  } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(path, [...options], { ...limits, env }, (error, stdout, stderr) => {
      if (error === null) resolve(NO_DEVICES.test(stdout) ? "" : stdout);
      else if (NO_DEVICES.test(stdout)) resolve("");
      else reject(failure(`${path} ${options.join(" ")}`, error, `${stdout}${stderr}`));
    });
    child.stdin?.end();
  });
}

function failure(
  command: string,
  cause: Error & { code?: unknown; killed?: boolean },
  printed: string,
): BackendError {
  if (cause.code === "ENOENT" || cause.code === "EACCES") {
    return new BackendError(
      "device",
      `${command}: the tool is not there or may not be run (${cause.code}); it comes with NVIDIA's ` +
        "driver: install the driver, or give the tool's path as option nvidiaSmi",
      { cause },
    );
  }
  const text = printed.replaceAll(/\s+/g, " ").trim().slice(0, SHOWN_CHARACTERS);
  const how = cause.killed
    ? `it gave no answer within ${TIMEOUT_MS / 1000} s`
    : text || cause.message;
  return new BackendError(
    "device",
    `${command}: ${how} (is the driver loaded, and of the same version as the tool?)`,
    { cause },
  );
}
