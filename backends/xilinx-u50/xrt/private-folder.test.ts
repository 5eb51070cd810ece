import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readlinkSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { privateFolder, removeFolder } from "./private-folder.ts";

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach(removeFolder));

function leftover(namespace: string, pid: number): string {
  const folder = `/tmp/beamgate-u50-${namespace}-${pid}-test${process.pid}`;
  mkdirSync(folder, { recursive: true });
  folders.push(folder);
  return folder;
}

describe("a private folder", () => {
  const here = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "";
  const gone = spawnSync("true").pid;

  it("is another each time", () => {
    folders.push(privateFolder(), privateFolder());
    expect(new Set(folders).size).toBe(2);
    for (const folder of folders) expect(existsSync(folder)).toBe(true);
  });

  it("comes with the removal of those whose processes are gone", () => {
    const left = leftover(here, gone);
    folders.push(privateFolder());
    expect(existsSync(left)).toBe(false);
  });

  it("leaves those of living processes and of other containers alone", () => {
    const kept = [leftover(here, process.pid), leftover(`${here}1`, gone)];
    folders.push(privateFolder());
    for (const folder of kept) expect(existsSync(folder)).toBe(true);
  });
});
