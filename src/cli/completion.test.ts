/** What a shell offers after TAB; bash is asked itself. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli } from "../../test/support/run-cli.ts";
import { packageRoot } from "../package-root.ts";

let folder: string;
let server: Server;
let url: string;
let script: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-completion-"));
  mkdirSync(join(folder, "repository"));
  writeFileSync(join(folder, "boards.yaml"), "");
  script = (await runCli(["completion", "bash"])).out;
  server = createServer((request, answer) => {
    const body = request.url?.endsWith("/devices")
      ? [{ id: "u50-0" }, { id: "cpu:0" }]
      : [{ name: "jet_tagger" }, { name: "jets" }, { name: "$(touch hacked)" }, { name: "jets" }];
    answer.setHeader("content-type", "application/json");
    answer.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

/** What bash offers for the last word. */
async function offered(...words: string[]): Promise<string[]> {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  const program = join(bin, "beamgate");
  // Names come from the command itself, in this process's place: the gateway is a fake.
  const { out } = await runCli(
    ["completion", "names", words.includes("device") ? "devices" : "models"],
    {
      BEAMGATE_URL: url,
    },
  );
  writeFileSync(program, `#!/bin/sh\n[ "$1 $2" = "completion names" ] && cat <<'X'\n${out}X\n`);
  chmodSync(program, 0o755);
  const asked = `
    ${script}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _beamgate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const printed = execFileSync("bash", ["-c", asked, "bash", program, ...words], {
    cwd: folder,
    encoding: "utf8",
  });
  return printed.split("\n").filter((line) => line !== "");
}

describe("bash", () => {
  it("completes commands, and those below them", async () => {
    expect(await offered("d")).toEqual(["device", "doctor"]);
    expect(await offered("")).toEqual(
      expect.arrayContaining(["serve", "model", "top", "completion"]),
    );
    expect(await offered("model", "re")).toEqual(
      expect.arrayContaining(["register", "retire", "restore", "recover"]),
    );
    expect(await offered("completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  it("completes options of the command that is typed, also those of tritonserver", async () => {
    expect(await offered("model", "promote", "--al")).toEqual(["--alias"]);
    expect(await offered("top", "--o")).toEqual(["--once", "--output"]);
    expect(await offered("serve", "--model-rep")).toEqual(["--model-repository"]);
    expect(await offered("--v")).toEqual(["--version"]);
  });

  it("completes values: words to choose from, after = too, else files", async () => {
    expect(await offered("top", "-o", "")).toEqual(["table", "json", "yaml"]);
    expect(await offered("model", "ls", "--output", "=", "y")).toEqual(["yaml"]);
    expect(await offered("model", "ls", "--output", "=")).toEqual(["table", "json", "yaml"]);
    expect(await offered("serve", "--config", "bo")).toEqual(["boards.yaml"]);
    expect(await offered("serve", "--exit-on-error", "--model-repository", "rep")).toEqual([
      "repository",
    ]);
  });

  it("completes names of the gateway that are plain, and runs nothing that is in one", async () => {
    expect(await offered("model", "describe", "jet")).toEqual(["jet_tagger", "jets"]);
    expect(await offered("device", "drain", "u")).toEqual(["u50-0"]);
    const files = execFileSync("ls", [folder], { encoding: "utf8" });
    expect(files).not.toContain("hacked");
  });

  it("is silent where no gateway answers", async () => {
    const { exitCode, out } = await runCli(["completion", "names", "models"], {
      BEAMGATE_URL: "127.0.0.1:1",
    });
    expect([exitCode, out]).toEqual([4, ""]);
  });

  it("knows every command and every option that --help shows", async () => {
    const help = (await runCli(["--help"])).out;
    const commands = [...help.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name = ""]) => name);
    expect(commands.length).toBeGreaterThan(10);
    expect(await offered("")).toEqual(
      expect.arrayContaining(commands.filter((name) => name !== "help")),
    );
    const register = (await runCli(["model", "register", "--help"])).out;
    const flags = [...register.matchAll(/^ {2}(?:-\w, )?(--[a-z0-9-]+)/gm)].map(([, flag]) => flag);
    expect(await offered("model", "register", "--")).toEqual(expect.arrayContaining(flags));
  });
});

describe.each(["zsh", "fish"])("%s", (shell) => {
  const there = spawnSync(shell, ["--version"]).status === 0;

  async function scriptFile(): Promise<string> {
    const file = join(folder, `script.${shell}`);
    writeFileSync(file, (await runCli(["completion", shell])).out);
    return file;
  }

  it("has a script that names commands and options with what they do", async () => {
    const { exitCode, out } = await runCli(["completion", shell]);
    expect(exitCode).toBe(0);
    for (const word of ["model register", "reservation", "completion names", "once"]) {
      expect(out).toContain(word);
    }
    expect(out).not.toContain(packageRoot);
  });

  // Its quotes are bash's, too, which is there where zsh is not.
  if (shell === "zsh") {
    it("has quotes that bash finds closed", async () => {
      const file = await scriptFile();
      expect(() => execFileSync("bash", ["-n", file], { stdio: "pipe" })).not.toThrow();
    });
  }

  it.skipIf(!there)(`can read it (skipped where there is no ${shell})`, async () => {
    const file = await scriptFile();
    expect(() => execFileSync(shell, ["-n", file], { stdio: "pipe" })).not.toThrow();
  });
});
