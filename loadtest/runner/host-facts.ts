/** The machine and the program that made a result, for whoever compares it with another. */
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.ts";
import type { Result } from "../report/schema.ts";

export function hostFacts(): Result["host"] {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memoryBytes: totalmem(),
    system: `${type()} ${release()} ${process.arch}`,
    loadAverage: loadavg(),
  };
}

export function toolFacts(): Result["tool"] {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    readonly name: string;
    readonly version: string;
  };
  return { name: manifest.name, version: manifest.version, node: process.versions.node };
}
