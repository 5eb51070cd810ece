/** `model register`: files to the gateway, then checks, gate and publication there. */
import { type Command, Option } from "commander";
import type { Registration, RegistrationReport } from "../../registry/catalog/registry.ts";
import { type CheckResult, VENDORS } from "../../registry/catalog/types.ts";
import {
  type GatewayAddress,
  type GatewayOptions,
  gatewayAddress,
  isNamed,
  namingOptions,
} from "../gateway-address.ts";
import { askForLines, askGateway, NoGateway, Refused } from "../gateway-client.ts";
import { CliError, Exit, type Io } from "../io.ts";
import { print } from "../output-option.ts";
import { table } from "../table.ts";
import {
  type AskOptions,
  askingBy,
  common,
  generationOption,
  modelPath,
  REGISTRY,
} from "./asking.ts";
import { CLASS_FORMS } from "./class-syntax.ts";
import { type GivenRegistration, type RegisterFlags, readGiven } from "./given.ts";
import { Progress } from "./progress.ts";
import { digestOf, upload } from "./upload.ts";
import { figure } from "./words.ts";

/** `config` is the model's here, not the gateway's. */
interface Options extends RegisterFlags, Omit<AskOptions, "config"> {
  readonly dryRun?: true;
}

/**
 * Every check that needs no device and no gateway.
 * @param paths where the bytes of each digest lie
 */
export type DryRunLocally = (
  registration: Partial<Registration>,
  paths: ReadonlyMap<string, string>,
) => Promise<readonly CheckResult[]>;

/** @param dryRunLocally absent: a dry run needs a gateway */
export function registerCommand(
  io: Io,
  exit: (code: number) => void,
  dryRunLocally?: DryRunLocally,
): Command {
  const command = askingBy(
    namingOptions(),
    "register",
    "Register a compiled artifact or an ONNX file as a variant of a model version. It serves when every check and " +
      "the comparison with the reference is passed. Registering the same again changes nothing.",
  );
  for (const option of registerOptions()) command.addOption(option);
  return command.action(async (options: Options) => {
    const given = await readGiven(options);
    const progress = new Progress(io);
    try {
      if (options.dryRun) await dryRun(given, options, progress);
      else await register(given, options, progress);
    } finally {
      progress.clear();
    }
  });

  async function register(given: GivenRegistration, options: Options, progress: Progress) {
    const { name, version } = requireName(given);
    const gateway = await gatewayAddress(gatewayOf(options), io);
    const registration = await sendFiles(gateway, given, progress);
    const path = modelPath(name, "versions", version, "artifacts");
    const body = { ...common({}, io), ...registration };
    const checks: unknown[] = [];
    const answer = await askForLines(gateway, path, body, (event) => {
      progress.event(event);
      const { check } = (event ?? {}) as { readonly check?: unknown };
      if (check !== undefined) checks.push(check);
    }).catch(async (error: unknown) => {
      // Programs read what failed where they read what passed; people see it as it comes.
      if (options.output !== "table" && checks.length > 0) {
        const told = error instanceof Error ? error.message : String(error);
        await print(io, options.output, { error: told, checks }, () => "");
      }
      throw error;
    });
    const { artifact } = (answer ?? {}) as Partial<RegistrationReport>;
    if (artifact === undefined || typeof artifact !== "object") {
      throw new CliError(Exit.failed, "the gateway's answer has no artifact in it");
    }
    if (artifact.state === "refused") exit(Exit.refused);
    await print(io, options.output, answer, () => reportText(name, version, answer as never));
  }

  async function dryRun(given: GivenRegistration, options: Options, progress: Progress) {
    const checks = await checksOf(given, options, progress);
    for (const check of checks) progress.check(check);
    const failed = checks.filter(({ outcome }) => outcome === "failed");
    if (failed.length > 0) exit(Exit.refused);
    await print(io, options.output, { checks }, () => `${checkTable(checks)}\n`);
  }

  async function checksOf(given: GivenRegistration, options: Options, progress: Progress) {
    const gateway = await gatewayAddress(gatewayOf(options), io);
    try {
      const registration = await sendFiles(gateway, given, progress);
      const body = { ...common({}, io), ...registration };
      return checksIn(await askGateway(gateway, "POST", `${REGISTRY}/dry-run`, body));
    } catch (error) {
      const unable = error instanceof NoGateway || isWithoutRegistry(error);
      const named = isNamed(gatewayOf(options), io);
      if (!unable || named || dryRunLocally === undefined) throw error;
      progress.line("no gateway with a registry here: checked against no device and no model");
      const { registration, paths } = await nameFiles(given, progress);
      return dryRunLocally(registration, paths);
    }
  }
}

function isWithoutRegistry(error: unknown): boolean {
  return error instanceof Refused && error.body["code"] === "UNIMPLEMENTED";
}

function gatewayOf({ url, token, apiKeyFile, cacert, cert, key }: Options): GatewayOptions {
  return {
    ...(url !== undefined && { url }),
    ...(token !== undefined && { token }),
    ...(apiKeyFile !== undefined && { apiKeyFile }),
    ...(cacert !== undefined && { cacert }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

function registerOptions(): readonly Option[] {
  return [
    new Option("--name <model>", "the model; NAME:VERSION says both"),
    new Option("--version <version>", "its version, a whole number"),
    new Option("--vendor <vendor>", "whose registry").choices(VENDORS).makeOptionMandatory(),
    new Option("--artifact <file>", "xclbin, aocx, gbs, xmodel, onnx, …").makeOptionMandatory(),
    new Option(
      "--sha256 <digest>",
      "what the artifact has to be; spares this command reading it twice",
    ),
    new Option("--manifest <file>", "manifest.json: tensors, kernel, platform; not for ONNX"),
    new Option(
      "--config <file>",
      "config.pbtxt of the model; completed from the artifact without it",
    ),
    new Option(
      "--golden <npz...>",
      "golden vectors: in.npz out.npz, or in.npz alone: outputs are the reference's; without it inputs are generated",
    ),
    new Option("--class <class...>", `how closely it computes the same: ${CLASS_FORMS}`),
    new Option("--reference", "its outputs are the truth for the other artifacts of the version"),
    new Option("--signature <file>", "made by 'model sign'"),
    new Option("--sign-with <key.pem>", "sign it here, with --key-id"),
    new Option("--key-id <id>", "name of the key in the gateway's trust file"),
    new Option("--file <path...>", "files beside the artifact, such as labels: PATH or NAME=PATH"),
    new Option("--promote <alias>", "point an alias at the version when it is ready"),
    new Option("--validate-only", "stop after the checks, before the comparison"),
    new Option("--dry-run", "only the checks that what is given allows; nothing is kept"),
    generationOption(),
  ];
}

function requireName({ told }: GivenRegistration): { name: string; version: string } {
  const { name, version } = told;
  if (name === undefined || version === undefined) {
    throw new CliError(
      Exit.usage,
      "--name and --version say which model it is; only --dry-run goes without",
    );
  }
  return { name, version };
}

/** Every file goes to the gateway, and its digest takes its place. */
async function sendFiles(
  gateway: GatewayAddress,
  given: GivenRegistration,
  progress: Progress,
): Promise<Partial<Registration>> {
  return withDigests(given, (path, what, digest) =>
    upload(gateway, path, { what, progress, ...(digest === undefined ? {} : { digest }) }),
  );
}

/** The same without a gateway: every file stays where it is. */
async function nameFiles(given: GivenRegistration, progress: Progress) {
  const paths = new Map<string, string>();
  const registration = await withDigests(given, async (path, what, expected) => {
    const digest = await digestOf(path, what, progress);
    if (expected !== undefined && digest !== expected) {
      throw new CliError(Exit.refused, `${what}: '${path}' has the digest ${digest}`);
    }
    paths.set(digest, path);
    return digest;
  });
  return { registration, paths };
}

async function withDigests(
  { told, artifact, digest, golden, files, sign }: GivenRegistration,
  digestOfFile: (path: string, what: string, digest?: string) => Promise<string>,
): Promise<Partial<Registration>> {
  const found = await digestOfFile(artifact, "artifact", digest);
  const named: Record<string, string> = {};
  for (const [name, path] of Object.entries(files)) named[name] = await digestOfFile(path, name);
  const signature = await sign(found);
  return {
    ...told,
    artifact: found,
    ...(golden === undefined
      ? {}
      : {
          golden: {
            inputs: await digestOfFile(golden.inputs, "golden inputs"),
            ...(golden.outputs !== undefined && {
              outputs: await digestOfFile(golden.outputs, "golden outputs"),
            }),
          },
        }),
    ...(Object.keys(named).length === 0 ? {} : { files: named }),
    ...(signature === undefined ? {} : { signature }),
  };
}

function checksIn(answer: unknown): readonly CheckResult[] {
  const { checks } = (answer ?? {}) as { readonly checks?: unknown };
  if (Array.isArray(checks))
    return checks.filter((each) => typeof each === "object" && each !== null);
  throw new CliError(Exit.failed, "the gateway's answer has no checks in it");
}

function checkTable(checks: readonly CheckResult[]): string {
  const rows = checks.map(({ check, outcome, reason, remedy }) =>
    [check, outcome, remedy === undefined ? reason : `${reason}; ${remedy}`].map(String),
  );
  return table(["CHECK", "OUTCOME", "REASON"], rows);
}

function reportText(name: string, version: string, report: RegistrationReport): string {
  const { artifact, unchanged, generation } = report;
  const { verdictSummary: verdict, reason } = artifact;
  const known = unchanged ? " (it was registered before: nothing was changed)" : "";
  const rows = [
    ["model", `${name}:${version}${known}`],
    ["variant", `${artifact.variant} (${artifact.platform})`],
    ["digest", artifact.digest],
    ["state", reason === undefined ? artifact.state : `${artifact.state}: ${reason}`],
    ...(verdict === undefined
      ? []
      : [
          [
            "verdict",
            `${verdict.passed ? "passed" : "failed"}, error ${figure(verdict.worst, verdict.unit)} ` +
              `over ${verdict.rows} rows on ${verdict.device}${verdict.emulated ? " (emulated)" : ""}`,
          ],
        ]),
    ["generation", String(generation)],
  ];
  return `${table(
    ["FIELD", "VALUE"],
    rows.map((row) => row.map(String)),
  )}\n`;
}
