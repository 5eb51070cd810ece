/** `model backup`, `restore` and `recover`: a registry's store on the host where it lies. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { CliError, Exit, type Io } from "../io.ts";
import { type OutputFormat, outputOption, print } from "../output-option.ts";
import { printable } from "../table.ts";
import { bytesText } from "./words.ts";

interface Options {
  readonly output: OutputFormat;
  readonly folder?: string;
  readonly config?: string;
}

/** Folders of the store that go with it, where they are: the keys that signed its verdicts. */
const FOLDERS = ["vendors"];

export function backupCommand(io: Io, exit: (code: number) => void): Command {
  return onStore(
    "backup",
    "Copy a registry's store into a new folder, signing keys included; gateways may use it meanwhile. " +
      "Exit code 1 where something in it is damaged.",
  )
    .argument("<target>", "a folder that is empty or not there")
    .action(async (target: string, options: Options) => {
      const { backupStore } = await import("../../store/files/backup.ts");
      const folder = await folderOf(options, io);
      const folders = FOLDERS.filter((name) => existsSync(join(folder, name)));
      const report = await backupStore(folder, target, folders);
      for (const file of report.damaged) io.err(`warning: ${printable(file)} is damaged\n`);
      if (report.damaged.length > 0) exit(Exit.failed);
      const done = `${printable(folder)} is copied to ${printable(target)}: ${held(report)}\n`;
      await print(io, options.output, { folder, target, ...report }, () => done);
    });
}

export function restoreCommand(io: Io): Command {
  return onStore(
    "restore",
    "Make a registry's store from a copy, every byte checked, for a gateway that is started after it.",
  )
    .argument("<copy>", "a folder made by 'model backup'")
    .action(async (copy: string, options: Options) => {
      const { restoreStore } = await import("../../store/files/restore.ts");
      const folder = await folderOf(options, io);
      const report = await restoreStore(copy, folder);
      const done = `${printable(folder)} is made from ${printable(copy)}: ${held(report)}\n`;
      await print(io, options.output, { folder, copy, ...report }, () => done);
    });
}

export function recoverCommand(io: Io): Command {
  return onStore(
    "recover",
    "Bring a model whose record was damaged from outside back to its newest state that can be read. " +
      "What was changed after that is lost: restore the file from a backup where there is one.",
  )
    .argument("<name>", "the model")
    .action(async (name: string, options: Options) => {
      const { openFileStore } = await import("../../store/files/file-store.ts");
      const { Catalog } = await import("../../registry/catalog/catalog.ts");
      const folder = await folderOf(options, io);
      if (!existsSync(join(folder, "format.json"))) {
        throw new CliError(Exit.refused, `'${printable(folder)}' is no store`);
      }
      const store = await openFileStore(folder);
      const catalog = new Catalog(store);
      const { generation } = await catalog.recover(name, `local:${person(io)}`);
      await store.close();
      const done = `${printable(name)} is back, as generation ${generation}\n`;
      await print(io, options.output, { name, generation }, () => done);
    });
}

interface Held {
  readonly at: string;
  readonly records: number;
  readonly blobs: number;
  readonly bytes: number;
}

function held({ at, records, blobs, bytes }: Held): string {
  return `${records} records, ${blobs} files of ${bytesText(bytes)}, as of ${at}`;
}

/** Who says that they do it, for the audit log. */
function person({ env }: Io): string {
  return env["BEAMGATE_USER"] || env["USER"] || env["LOGNAME"] || "unknown";
}

function onStore(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option("--folder <folder>", "the store (default: registry.folder of the configuration)")
    .option("--config <file>", "configuration of the gateway")
    .addOption(outputOption());
}

async function folderOf({ folder, config }: Options, { env }: Io): Promise<string> {
  if (folder !== undefined) return folder;
  const { loadForClient } = await import("../client-config.ts");
  const configured = loadForClient(config, env).registry.folder;
  if (configured !== undefined) return configured;
  const remedy = "name it with --folder, --config, or BEAMGATE_REGISTRY_FOLDER";
  throw new CliError(Exit.usage, `which store? ${remedy}`);
}
