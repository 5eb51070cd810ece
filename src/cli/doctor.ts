/** `doctor`: can this machine serve, and what is to be done if not. */
import { Command } from "commander";
import type { Config } from "../config/load.ts";
import { addConfigOptions } from "./config-options.ts";
import type { Finding } from "./doctor/finding.ts";
import { checkCores, checkMemory, checkOpenFiles, checkSlabFolder } from "./doctor/machine.ts";
import { checkPort, checkRoot } from "./doctor/places.ts";
import { checkNative, checkNode } from "./doctor/runtime.ts";
import { checkTls } from "./doctor/tls.ts";
import { Exit, type Io } from "./io.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import { printable } from "./table.ts";

export function doctorCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command("beamgate doctor")
    .description("Find out whether this machine can serve this configuration; exit code 1 if not.")
    .addOption(outputOption());
  const load = addConfigOptions(command, io);
  return command.action(async ({ output }: { output: OutputFormat }) => {
    const findings = await examine(load().config);
    await print(io, output, findings, () => report(findings, io.colour));
    if (findings.some(({ level }) => level === "fail")) exit(Exit.failed);
  });
}

export async function examine(config: Config): Promise<readonly Finding[]> {
  const { grpc, http, metrics, repository, workers } = config;
  return Promise.all([
    checkNode(),
    checkNative("onnxruntime-node"),
    checkNative("koffi"),
    checkCores(),
    checkMemory(grpc.receiveBudgetBytes, workers.maxCpuWorkers),
    checkOpenFiles(),
    checkSlabFolder(workers.slabFolder),
    checkTls("grpc", grpc),
    checkTls("http", http),
    checkPort("grpc", grpc),
    checkPort("http", http),
    checkPort("metrics", metrics),
    ...repository.roots.map(checkRoot),
  ]);
}

const COLOURS: Readonly<Record<Finding["level"], number>> = { ok: 32, warn: 33, fail: 31 };

export function report(findings: readonly Finding[], colour: boolean): string {
  const lines = findings.map(({ check, level, found, remedy }) => {
    const word = level.padEnd(4);
    const painted = colour ? `\u001b[${COLOURS[level]}m${word}\u001b[0m` : word;
    const line = `${painted}  ${printable(check)}: ${printable(found)}`;
    return remedy === undefined ? line : `${line}\n      → ${printable(remedy)}`;
  });
  return `${lines.join("\n")}\n`;
}
