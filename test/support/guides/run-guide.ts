/**
 * Runs a guide as its reader would: every block in its order, in one shell, in a folder that looks like a checkout.
 * Ports that a guide names are replaced by free ones, everywhere; nothing else is.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { packageRoot } from "../../../src/package-root.ts";
import { freePort } from "../free-port.ts";
import { type GuideBlock, guideBlocks, missingLine } from "./extract.ts";

export interface GuideRun {
  /** Blocks that were run. */
  readonly ran: number;
  /** Outputs that were compared. */
  readonly compared: number;
}

export interface GuideOptions {
  /** `src/guides/<name>.md` */
  readonly name: string;
  /** Folders that come first in PATH: a python, doubles of programs that are not here. */
  readonly path?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly limitMs: number;
}

/** What of a checkout a guide may use. */
const LINKS = ["dist", "loadtest", "models", "node_modules", "package.json", "proto", "src"];
const PORTS = [8000, 8001, 8002, 8003, 8100, 8101, 8102, 6379];
const SEPARATOR = "@@guide block ";

/** @throws Error with the line of the block that failed or printed something else, and what was said */
export async function runGuide(options: GuideOptions): Promise<GuideRun> {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-guide-"));
  try {
    const written = readFileSync(join(packageRoot, "src", "guides", `${options.name}.md`), "utf8");
    const ports = await Promise.all(PORTS.map(() => freePort()));
    const port = (named: number) => String(ports[PORTS.indexOf(named)]);
    const text = written.replace(new RegExp(`\\b(${PORTS.join("|")})\\b`, "g"), (named) =>
      port(Number(named)),
    );
    const blocks = guideBlocks(text);
    prepare(folder);
    const env = {
      PATH: [join(folder, ".bin"), ...(options.path ?? []), process.env["PATH"]].join(delimiter),
      HOME: folder,
      TMPDIR: folder,
      LANG: "C.UTF-8",
      NO_COLOR: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      BEAMGATE_GRPC_PORT: port(8001),
      BEAMGATE_HTTP_PORT: port(8000),
      BEAMGATE_METRICS_PORT: port(8002),
      ...options.env,
    };
    const { code, printed } = await runShell(script(blocks), folder, env, options.limitMs);
    return judge(blocks, code, printed);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function prepare(folder: string): void {
  for (const name of LINKS) symlinkSync(join(packageRoot, name), join(folder, name));
  mkdirSync(join(folder, ".bin"));
  const program = join(packageRoot, "src", "cli", "beamgate.mjs");
  symlinkSync(program, join(folder, ".bin", "beamgate"));
}

function script(blocks: readonly GuideBlock[]): string {
  const parts = blocks.map((block, at) => {
    const { kind, language, name, text } = block;
    if (kind === "output") return "";
    const mark = `echo; echo "${SEPARATOR}${at}"`;
    const quoted = `<<'END_OF_BLOCK_${at}'\n${text}\nEND_OF_BLOCK_${at}`;
    if (kind === "file")
      return `${mark}\nmkdir -p "$(dirname '${name}')"\ncat > '${name}' ${quoted}`;
    return language === "sh" ? `${mark}\n${text}` : `${mark}\npython - ${quoted}`;
  });
  // What a reader starts in the background is his until he logs out.
  return [
    "set -euo pipefail",
    "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT",
    ...parts,
  ].join("\n");
}

function runShell(
  text: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
  limitMs: number,
): Promise<{ readonly code: number | string; readonly printed: string }> {
  return new Promise((resolve, reject) => {
    const file = join(cwd, ".guide.sh");
    writeFileSync(file, text);
    const shell = spawn("bash", [file], {
      ...{ cwd, env, detached: true },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { pid } = shell;
    let printed = "";
    const listen = (chunk: Buffer) => {
      printed += chunk;
    };
    shell.stdout.on("data", listen);
    shell.stderr.on("data", listen);
    shell.once("error", reject);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      if (pid !== undefined) killGroup(pid);
    }, limitMs);
    shell.once("exit", () => {
      // Whatever is left of its group would keep the pipes, and the machine.
      if (pid !== undefined) killGroup(pid);
    });
    shell.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code: late ? `not done after ${limitMs} ms` : (code ?? signal ?? 0), printed });
    });
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // nobody is left
  }
}

function judge(blocks: readonly GuideBlock[], code: number | string, printed: string): GuideRun {
  const said = new Map<number, string>();
  for (const part of printed.split(`\n${SEPARATOR}`).slice(1)) {
    const [, at = "", text = ""] = /^(\d+)\n([\s\S]*)$/.exec(part) ?? [];
    said.set(Number(at), text);
  }
  const tail = (text: string) => text.slice(-4000);
  if (code !== 0) {
    const last = Math.max(...said.keys());
    throw new Error(
      `line ${blocks[last]?.line}: the block ended with ${code}:\n${tail(said.get(last) ?? printed)}`,
    );
  }
  let compared = 0;
  for (const [at, block] of blocks.entries()) {
    if (block.kind !== "output") continue;
    const missing = missingLine(block.text, said.get(at - 1) ?? "");
    if (missing !== undefined) {
      throw new Error(
        `line ${block.line}: "${missing}" is missing or too much in what was printed:\n${tail(said.get(at - 1) ?? "")}`,
      );
    }
    compared++;
  }
  return { ran: blocks.filter(({ kind }) => kind === "run").length, compared };
}
