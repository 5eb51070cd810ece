/** Packages of Debian for another architecture, downloaded without telling the host's apt of it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { timeLeftMs } from "./time-left.ts";

/** The oldest whose C library is new enough for Node and ONNX Runtime. */
const RELEASE = "bookworm";
const MIRROR = "http://deb.debian.org/debian";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * @param folder where apt keeps its lists, and the packages land
 * @returns paths of the packages
 * @throws Error with what apt printed
 */
export function downloadDebianPackages(
  names: readonly string[],
  architecture: string,
  folder: string,
): readonly string[] {
  if (!existsSync(KEYRING)) {
    throw new Error(`${KEYRING} is missing: install debian-archive-keyring`);
  }
  const apt = join(folder, "apt");
  const packages = join(apt, "packages");
  for (const path of ["lists/partial", "cache/archives/partial", "packages"]) {
    mkdirSync(join(apt, path), { recursive: true });
  }
  writeFileSync(join(apt, "status"), "");
  const source = `deb [arch=${architecture} signed-by=${KEYRING}] ${MIRROR} ${RELEASE} main\n`;
  writeFileSync(join(apt, "sources.list"), source);
  const settings = {
    "APT::Architecture": architecture,
    "APT::Sandbox::User": "",
    "Dir::State": apt,
    "Dir::State::status": join(apt, "status"),
    "Dir::Cache": join(apt, "cache"),
    "Dir::Etc::sourcelist": join(apt, "sources.list"),
    "Dir::Etc::sourceparts": "-",
    "Acquire::Languages": "none",
    "Acquire::Retries": "3",
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";\n`);
  const configuration = join(apt, "apt.conf");
  writeFileSync(
    configuration,
    `${lines.join("")}APT::Architectures { "${architecture}"; };\n` +
      `Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";\n`,
  );
  aptGet(configuration, ["update"], packages);
  aptGet(configuration, ["download", ...names], packages);
  return readdirSync(packages).map((name) => join(packages, name));
}

function aptGet(configuration: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, APT_CONFIG: configuration, LC_ALL: "C" };
  const options = { cwd, env, timeout: timeLeftMs(), killSignal: "SIGKILL" } as const;
  const { status, signal, stdout, stderr, error } = spawnSync("apt-get", ["-q", ...args], options);
  if (status === 0) return;
  const printed = `${stdout ?? ""}${stderr ?? ""}`.trim().slice(-1000);
  throw new Error(
    `apt-get ${args.join(" ")}: ${error?.message ?? signal ?? `status ${status}`}\n${printed}`,
  );
}
