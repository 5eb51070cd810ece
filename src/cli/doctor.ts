/** `doctor`: can this machine serve, and what is to be done if not. */
import { Command } from "commander";
import type { Config } from "../config/load.ts";
import { addConfigOptions } from "./config-options.ts";
import { checkCertificates } from "./doctor/certificates.ts";
import { checkClock } from "./doctor/clock.ts";
import { checkDevices } from "./doctor/devices.ts";
import type { Finding } from "./doctor/finding.ts";
import { checkTenants } from "./doctor/identity.ts";
import { checkCores, checkMemory, checkOpenFiles, checkSlabFolder } from "./doctor/machine.ts";
import { checkPort, checkRoot, checkWritable } from "./doctor/places.ts";
import { checkNative, checkNode } from "./doctor/runtime.ts";
import { checkRedis } from "./doctor/shared-redis.ts";
import { Exit, type Io } from "./io.ts";
import { type OutputFormat, outputOption, print } from "./output-option.ts";
import { printable } from "./table.ts";

export function doctorCommand(io: Io, exit: (code: number) => void): Command {
  const command = new Command("beamgate doctor")
    .description(
      "Find out whether this machine can serve this configuration: libraries and devices, memory, ports, folders, " +
        "certificates, tenants, Redis, the clock. Everything that is wrong comes with a remedy; exit code 1 if it cannot serve.",
    )
    .addOption(outputOption());
  const load = addConfigOptions(command, io);
  return command.action(async ({ output }: { output: OutputFormat }) => {
    const findings = await examine(load().config);
    await print(io, output, findings, () => report(findings, io.colour));
    if (findings.some(({ level }) => level === "fail")) exit(Exit.failed);
  });
}

export async function examine(config: Config): Promise<readonly Finding[]> {
  const { auth, dialIn, grpc, http, metrics, registry, repository, tenancy, workers } = config;
  const findings = await Promise.all<Finding | Finding[]>([
    checkNode(),
    checkNative("onnxruntime-node"),
    checkNative("koffi"),
    checkCores(),
    checkMemory(grpc.receiveBudgetBytes, workers.maxCpuWorkers),
    checkOpenFiles(),
    checkSlabFolder(workers.slabFolder),
    checkPort("grpc", grpc),
    checkPort("http", http),
    checkPort("metrics", metrics),
    ...repository.roots.map(checkRoot),
    checkWritable("registry.folder", registry.folder),
    checkWritable("tenancy.folder", tenancy.folder),
    checkTenants(auth.tenantsFile),
    ...(grpc.enabled && grpc.tls.useSsl ? [checkCertificates("grpc.tls", grpc.tls)] : []),
    ...(http.enabled && http.tls.useSsl ? [checkCertificates("http.tls", http.tls)] : []),
    ...(dialIn.port === undefined ? [] : [checkCertificates("dialIn", dialIn)]),
    checkRedis(config.redis),
    checkClock(),
    checkDevices(config.backends),
  ]);
  return findings.flat();
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
