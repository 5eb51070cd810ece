import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.ts";

const built = pathToFileURL(join(packageRoot, "dist/backends/common/linux/affinity.js")).href;

/** In a process of its own: the pin would stay with this one. */
function pinned(cores: string): string {
  const script = `
    const { pinThisProcess } = await import(${JSON.stringify(built)});
    const { readFileSync } = await import("node:fs");
    try {
      pinThisProcess(${cores});
      console.log(/Cpus_allowed_list:\\s*(\\S+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
    } catch (error) {
      console.log(error.fault, error.message);
    }`;
  const args = ["--input-type=module", "-e", script];
  return execFileSync(process.execPath, args, { encoding: "utf8" }).trim();
}

describe.skipIf(process.platform !== "linux")("a process that is pinned", () => {
  it("may run on the CPUs that were named, and on no other", () => {
    expect(pinned("[0]")).toBe("0");
  });

  it("is told when there is no such CPU", () => {
    expect(pinned("[4000]")).toMatch(/^artifact cores 4000: this process may run on none of them/);
  });
});
