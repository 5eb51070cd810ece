import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync } from "node:fs";
import type { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { posixSpawn, posixSpawnSupported } from "./posix-spawn.ts";

const SHELL = "/bin/sh";
const run = (script: string, environment: NodeJS.ProcessEnv = {}) =>
  posixSpawn(SHELL, ["-c", script], environment);

async function textOf(stream: Readable): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

const descriptors = () => readdirSync("/proc/self/fd").length;

describe.skipIf(!posixSpawnSupported)("a process that is started by posix_spawn", () => {
  it("has its arguments, exactly its environment, and no standard input", async () => {
    const { outputs, channel, exit } = posixSpawn(
      SHELL,
      [
        "-c",
        'cat; echo "$0 $1"; env | grep -v "^\\(PWD\\|SHLVL\\|_\\)="; echo oh >&2',
        "a b",
        'c"d',
      ],
      { ONE: "1 = one", TWO: "zwei ü" },
    );
    const [output, error] = await Promise.all(outputs.map(textOf));
    expect(output?.split("\n").toSorted().join("\n")).toBe('\nONE=1 = one\nTWO=zwei ü\na b c"d');
    expect(error).toBe("oh\n");
    expect(await exit).toEqual({ code: 0 });
    channel.destroy();
  });

  it("leads a session of its own, and has no descriptor of ours but what it was given", async () => {
    const listed =
      "fd=0; while [ $fd -lt 256 ]; do [ -e /proc/$$/fd/$fd ] && echo $fd; fd=$((fd + 1)); done";
    // Descriptors that this process was itself given by whoever started it go to every child.
    const { stdout } = spawnSync(SHELL, ["-c", listed], { encoding: "utf8" });
    const given = stdout
      .trim()
      .split("\n")
      .filter((fd) => Number(fd) > 3);
    const ours = openSync("/dev/null", "r");
    const { pid, outputs, channel, exit } = run(
      `read -r line </proc/self/stat; echo "$line"; ${listed}`,
    );
    const [text = ""] = await Promise.all(outputs.map(textOf));
    const [stat = "", ...open] = text.trim().split("\n");
    const [group, session] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(2, 4);
    expect([group, session]).toEqual([String(pid), String(pid)]);
    expect(open).toEqual(["0", "1", "2", "3", ...given]);
    closeSync(ours);
    await exit;
    channel.destroy();
  });

  it("has one end of the channel as descriptor 3, both ways", async () => {
    const { outputs, channel, exit } = run("read -r word <&3; echo $word back >&3");
    channel.write("there\n");
    expect(await textOf(channel)).toBe("there back\n");
    await Promise.all([exit, ...outputs.map(textOf)]);
  });

  it.each([
    { script: "exit 0", end: { code: 0 } },
    { script: "exit 255", end: { code: 255 } },
    { script: "kill -KILL $$", end: { signal: "SIGKILL" } },
    { script: "kill -SEGV $$", end: { signal: "SIGSEGV" } },
  ])("tells how '$script' ended", async ({ script, end }) => {
    const { outputs, channel, exit } = run(script);
    expect(await exit).toEqual(end);
    for (const stream of [...outputs, channel]) stream.destroy();
  });

  it("tells the end of each of many that end at once", async () => {
    const children = Array.from({ length: 20 }, (_, at) => run(`exit ${at}`));
    const ends = await Promise.all(children.map(({ exit }) => exit));
    expect(ends).toEqual(children.map((_, code) => ({ code })));
    for (const { outputs, channel } of children) {
      for (const stream of [...outputs, channel]) stream.destroy();
    }
  });

  it("is refused by its code where there is no such program, and leaves nothing open", () => {
    const before = descriptors();
    expect(() => posixSpawn("/nowhere/at/all", [], {})).toThrow(
      expect.objectContaining({ code: "ENOENT", message: "posix_spawn: ENOENT" }),
    );
    expect(descriptors()).toBe(before);
    expect(process.listenerCount("SIGCHLD")).toBe(0);
  });

  it("leaves neither descriptors nor listeners when it is over", async () => {
    const before = descriptors();
    const { outputs, channel, exit } = run("exit 0");
    const closed = [...outputs, channel].map(
      (stream) => new Promise((resolve) => stream.once("close", resolve).resume()),
    );
    await Promise.all([exit, ...closed]);
    expect(descriptors()).toBe(before);
    expect(process.listenerCount("SIGCHLD")).toBe(0);
  });
});

describe("the tests above", () => {
  it.runIf(process.platform === "linux")("run on Linux", () => {
    expect(posixSpawnSupported).toBe(true);
  });
});
