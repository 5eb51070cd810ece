import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "../package-root.ts";

const {
  buildIfNeeded,
}: { buildIfNeeded(root: string, entry: string): Promise<string | undefined> } = await import(
  pathToFileURL(join(packageRoot, "src/cli/build.mjs")).href
);

let root: string;
let entry: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "beamgate-build-"));
  entry = join(root, "dist/src/cli/main.js");
  put("src/cli/main.ts", "export {};");
  put("src/cli/main.test.ts", "");
  put("package.json", "{}");
  compiler("");
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** A compiler that notes every call, and then does what the test says. */
function compiler(then: string): void {
  put(
    "node_modules/typescript-7/bin/tsc",
    `const fs = require("node:fs");
     fs.appendFileSync("calls", process.argv.slice(2).join(" ") + "\\n");
     fs.mkdirSync("dist/src/cli", { recursive: true });
     fs.writeFileSync("dist/src/cli/main.js", "");
     ${then}`,
  );
}

const calls = () =>
  existsSync(join(root, "calls"))
    ? readFileSync(join(root, "calls"), "utf8").trimEnd().split("\n")
    : [];

describe("a checkout", () => {
  it("is looked at again where a source was touched, and read only then", async () => {
    await buildIfNeeded(root, entry);
    await buildIfNeeded(root, entry);
    const lookedAt = join(root, "dist/.looked-at");
    const before = readFileSync(lookedAt, "utf8");
    utimesSync(join(root, "src/cli/main.ts"), 1, 1);
    await buildIfNeeded(root, entry);
    expect(readFileSync(lookedAt, "utf8")).not.toBe(before);
    put("src/cli/main.ts", "export {}\n"); // as long as it was
    utimesSync(join(root, "src/cli/main.ts"), 1, 1);
    await buildIfNeeded(root, entry);
    expect(calls()).toHaveLength(2);
  });

  it("is built once, and again when a source changes", async () => {
    expect(await buildIfNeeded(root, entry)).toBeUndefined();
    expect(await buildIfNeeded(root, entry)).toBeUndefined();
    expect(calls()).toEqual(["--build . src/http/dashboard/app --noCheck --force"]);
    put("src/cli/main.ts", "export { };");
    await buildIfNeeded(root, entry);
    put("backends/echo/backend.ts", "");
    await buildIfNeeded(root, entry);
    expect(calls()).toEqual([
      "--build . src/http/dashboard/app --noCheck --force",
      "--build . src/http/dashboard/app --noCheck",
      "--build . src/http/dashboard/app --noCheck",
    ]);
  });

  it("is not built for a changed test", async () => {
    await buildIfNeeded(root, entry);
    put("src/cli/main.test.ts", "changed");
    await buildIfNeeded(root, entry);
    expect(calls()).toHaveLength(1);
  });

  it("is built again when the built files are gone", async () => {
    await buildIfNeeded(root, entry);
    rmSync(entry);
    await buildIfNeeded(root, entry);
    expect(calls()).toEqual([
      "--build . src/http/dashboard/app --noCheck --force",
      "--build . src/http/dashboard/app --noCheck --force",
    ]);
  });

  it("says what the compiler said when it fails, and tries again next time", async () => {
    compiler('console.log("src/x.ts(1,1): error TS1005"); process.exit(2)');
    expect(await buildIfNeeded(root, entry)).toContain("error TS1005");
    expect(await buildIfNeeded(root, entry)).toContain("error TS1005");
    expect(calls()).toHaveLength(2);
  });

  it("is built once by several programs that start together", async () => {
    compiler("Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)");
    const results = await Promise.all([1, 2, 3].map(() => buildIfNeeded(root, entry)));
    expect(results).toEqual([undefined, undefined, undefined]);
    expect(calls()).toHaveLength(1);
    expect(readdirSync(join(root, "dist")).filter((name) => name.includes("lock"))).toEqual([]);
  });

  it("is built although a program died while it was building", async () => {
    put("dist/.build-lock", `${2 ** 22 + 1}\n${Date.now()}`); // above Linux' largest process id
    expect(await buildIfNeeded(root, entry)).toBeUndefined();
    expect(calls()).toHaveLength(1);
    expect(readdirSync(join(root, "dist")).filter((name) => name.includes("lock"))).toEqual([]);
  });
});

describe("a package without compiler or sources", () => {
  it.each(["node_modules", "src"])("is left alone without %s", async (missing) => {
    rmSync(join(root, missing), { recursive: true });
    expect(await buildIfNeeded(root, entry)).toBeUndefined();
    expect(calls()).toEqual([]);
    expect(existsSync(join(root, "dist"))).toBe(false);
  });
});
