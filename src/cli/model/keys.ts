/** `model keys new|show`: keys that sign artifacts, and what a trust file says of them. */
import { createPublicKey } from "node:crypto";
import { open } from "node:fs/promises";
import { Command } from "commander";
import { toStatusError } from "../../errors.ts";
import type { VendorReport } from "../../http/registry/vendor-report.ts";
import { newKeyPair, readPublicKey } from "../../registry/trust/artifact-signature.ts";
import { keyIdOf } from "../../registry/vendors/key-id.ts";
import { CliError, Exit, type Io } from "../io.ts";
import { type OutputFormat, outputOption, print } from "../output-option.ts";
import { printable, table } from "../table.ts";
import { type AskOptions, ask, asking, REGISTRY } from "./asking.ts";
import { readSmallFile } from "./read-file.ts";

interface NewOptions {
  readonly output: OutputFormat;
  readonly out: string;
}

export function keysCommand(io: Io): Command {
  const make = new Command("new")
    .description(
      "Make an Ed25519 key: the private one into a file of yours, the public one printed.",
    )
    .requiredOption("--out <key.pem>", "file for the private key; must not be there yet")
    .addOption(outputOption())
    .action(async ({ out, output }: NewOptions) => {
      const { privateKey, publicKey } = newKeyPair();
      await writeSecret(out, privateKey);
      await show(publicKey, output, io);
    });
  const tell = asking(
    "show",
    "Tell a key's name and public half; without a key those of the gateway's registries.",
  )
    .argument("[key.pem]", "a private or a public key, PEM")
    .action(async (path: string | undefined, options: AskOptions) => {
      if (path !== undefined) await show(await publicKeyIn(path), options.output, io);
      else await showVendors(options, io);
    });
  return new Command("keys")
    .description("Keys that sign artifacts.")
    .addCommand(make)
    .addCommand(tell);
}

/** Readable by its owner only, and never over another key. */
async function writeSecret(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "EEXIST" ? "there is a file of that name; name another" : message;
    throw new CliError(Exit.usage, `--out ${path}: ${reason}`, { cause });
  }
}

async function publicKeyIn(path: string): Promise<string> {
  const pem = await readSmallFile(path, "the key");
  try {
    const key = /PRIVATE KEY-----/.test(pem) ? createPublicKey(pem) : readPublicKey(pem);
    const spki = key.export({ type: "spki", format: "pem" }).toString();
    readPublicKey(spki); // of the kind that signs artifacts
    return spki;
  } catch (cause) {
    throw new CliError(Exit.usage, `'${path}': ${toStatusError(cause).message}`, { cause });
  }
}

/** As a trust file wants it; the id may be any other name. */
async function show(publicKey: string, output: OutputFormat, io: Io): Promise<void> {
  const id = keyIdOf(readPublicKey(publicKey));
  await print(io, output, { id, publicKey }, () => {
    const lines = publicKey
      .trim()
      .split("\n")
      .map((line) => `    ${line}\n`);
    return `- id: ${id}\n  vendors: []  # whose artifacts it may sign\n  publicKey: |\n${lines.join("")}`;
  });
}

const HEAD = ["VENDOR", "ARTIFACTS", "SIGNS VERDICTS", "TRUSTS", "RULES"];

async function showVendors(options: AskOptions, io: Io): Promise<void> {
  const answer = await ask(options, io, "GET", `${REGISTRY}/vendors`);
  await print(io, options.output, answer, () => {
    const vendors = Array.isArray(answer) ? (answer as readonly VendorReport[]) : [];
    const rows = vendors.map(({ vendor, artifacts = {}, key, trusted = [], rules = {} }) => [
      String(vendor),
      pairs(artifacts),
      key === undefined ? "-" : String(key.keyId),
      trusted.map(({ keyId }) => keyId).join(", ") || "-",
      pairs(rules),
    ]);
    const keys = vendors.flatMap(({ vendor, key }) =>
      key === undefined ? [] : [`${printable(String(vendor))}:\n${key.publicKey}`],
    );
    // Lines of a key stay lines; what else might be in them becomes visible.
    const shown = keys.map((text) => text.split("\n").map(printable).join("\n"));
    return [`${table(HEAD, rows)}\n`, ...shown].join("\n");
  });
}

function pairs(values: Readonly<Record<string, unknown>>): string {
  return (
    Object.entries(values)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ") || "-"
  );
}
