/** `model …`: the registry of models, from the command line. */
import type { Command } from "commander";
import { type Entry, groupOf } from "../command-group.ts";
import type { Io } from "../io.ts";

const COMMANDS: Readonly<Record<string, Entry>> = {
  register: {
    summary: "register an artifact: upload, checks, numeric-equivalence gate",
    load: async () => {
      const { registerCommand } = await import("./register.ts");
      return (io, exit) =>
        registerCommand(io, exit, async (registration, paths) => {
          // Readers of every vendor: loaded where somebody asks without a gateway only.
          const { dryRunLocally } = await import("../../wiring/dry-run.ts");
          return dryRunLocally(registration, paths);
        });
    },
  },
  ls: {
    summary: "list what is registered",
    load: async () => (await import("./ls.ts")).lsCommand,
  },
  describe: {
    summary: "tell everything about a model: checks, verdicts, aliases",
    load: async () => (await import("./describe.ts")).describeCommand,
  },
  verify: {
    summary: "replay the golden vectors once more",
    load: async () => (await import("./verify.ts")).verifyCommand,
  },
  promote: {
    summary: "point an alias at a version: production, candidate",
    load: async () => (await import("./promote.ts")).promoteCommand,
  },
  rollback: {
    summary: "point an alias at what it pointed at before",
    load: async () => (await import("./rollback.ts")).rollbackCommand,
  },
  "drop-alias": {
    summary: "take an alias away",
    load: async () => (await import("./drop-alias.ts")).dropAliasCommand,
  },
  pin: {
    summary: "keep an artifact from being retired",
    load: async () => (await import("./pin.ts")).pinCommand,
  },
  unpin: {
    summary: "undo that",
    load: async () => (await import("./pin.ts")).unpinCommand,
  },
  retire: {
    summary: "take artifacts out of service for good",
    load: async () => (await import("./retire.ts")).retireCommand,
  },
  rm: {
    summary: "forget what is retired or refused",
    load: async () => (await import("./rm.ts")).rmCommand,
  },
  audit: {
    summary: "tell who changed what, and when",
    load: async () => (await import("./audit.ts")).auditCommand,
  },
  sign: {
    summary: "sign an artifact",
    load: async () => (await import("./sign.ts")).signCommand,
  },
  keys: {
    summary: "new, show: keys that sign artifacts",
    load: async () => (await import("./keys.ts")).keysCommand,
  },
  backup: {
    summary: "copy a registry's store, also while it is used",
    load: async () => (await import("./backup.ts")).backupCommand,
  },
  restore: {
    summary: "make a store from a copy",
    load: async () => (await import("./backup.ts")).restoreCommand,
  },
  recover: {
    summary: "bring back a model whose record was damaged",
    load: async () => (await import("./backup.ts")).recoverCommand,
  },
  "check-config": {
    summary: "check the configuration of a model, without a gateway",
    load: async () => (await import("./check-config.ts")).checkConfigCommand,
  },
};

export function modelCommand(
  argv: readonly string[],
  io: Io,
  exit: (code: number) => void,
): Promise<Command> {
  const description =
    "Register models and compiled artifacts with a running gateway, and say which of them serve.\n" +
    "A model is named NAME[:VERSION][@VENDOR], or NAME[:VERSION]@sha256:DIGEST.";
  return groupOf("beamgate model", description, COMMANDS, argv, io, exit);
}
