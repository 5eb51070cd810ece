/**
 * The container image without a container engine: what the Dockerfile copies is there and is enough.
 * Its last stage is laid out in a folder, and a gateway is started from it with a read-only root, as no root.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { simpleQuestion } from "../chaos/questions.ts";
import { startGateway } from "../support/gateway-process.ts";
import { InferClient } from "../support/infer-client.ts";

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

interface Copy {
  /** Stage it copies from; undefined: the build context. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

const instructions: readonly Instruction[] = readFileSync(join(packageRoot, "Dockerfile"), "utf8")
  .replaceAll(/^\s*#.*\n/gm, "")
  .replaceAll(/\\\n\s*/g, "")
  .split("\n")
  .flatMap((line) => {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    return word && rest ? [{ word, rest }] : [];
  });
const stageStarts = instructions.flatMap(({ word }, at) => (word === "FROM" ? [at] : []));
const lastStage = instructions.slice(stageStarts.at(-1));

function copies(of: readonly Instruction[]): Copy[] {
  return of
    .filter(({ word }) => word === "COPY")
    .map(({ rest }) => {
      const words = rest.split(/\s+/);
      const from = words[0]?.startsWith("--from=") ? words.shift()?.slice(7) : undefined;
      return { from, sources: words.slice(0, -1), target: words.at(-1) ?? "" };
    });
}

/** A path of the stage `build` as one of this tree, which has the same layout. */
const inTree = (path: string) => path.replace(/^\/build\//, "");
const copied = copies(lastStage).flatMap(({ sources }) => sources.map(inTree));
const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
  readonly files: readonly string[];
};

/** For whoever watches or installs it: not read by a gateway that runs. */
const FOR_INSTALLERS = /^src\/(deploy|telemetry\/(dashboards|provisioning|rules))(\/|$)/;

const folder = mkdtempSync(join(tmpdir(), "beamgate-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("what the image holds", () => {
  it("is there to be copied, and is not kept from the build", () => {
    const ignored = readFileSync(join(packageRoot, ".dockerignore"), "utf8").split("\n");
    const fromContext = copies(instructions)
      .filter(({ from }) => from === undefined)
      .flatMap(({ sources }) => sources);
    expect(fromContext.length).toBeGreaterThan(8);
    for (const source of fromContext) {
      expect(existsSync(join(packageRoot, source)), source).toBe(true);
      expect(ignored.filter((line) => line === source || source.startsWith(`${line}/`))).toEqual(
        [],
      );
    }
  });

  it("is all that the npm package holds for a gateway", () => {
    const wanted = manifest.files.filter(
      (entry) => !entry.startsWith("!") && !FOR_INSTALLERS.test(entry),
    );
    expect(wanted.length).toBeGreaterThan(8);
    expect(copied).toEqual(expect.arrayContaining(wanted));
  });

  it("is every file that is read at run time and not compiled", () => {
    const { stdout } = spawnSync("git", ["ls-files", "src", "backends", "loadtest", "proto"], {
      cwd: packageRoot,
      encoding: "utf8",
    });
    // Sources, documentation, what tests read, the compiler's.
    const other = /\.(ts|md)$|recorded\/|fixtures\/|^src\/client\/|^src\/cli\/build\.mjs$/;
    const needed = stdout
      .split("\n")
      .filter((path) => path !== "" && !other.test(path) && !FOR_INSTALLERS.test(path));
    expect(needed.length).toBeGreaterThan(8);
    const missing = needed.filter(
      (path) => !copied.some((source) => path === source || path.startsWith(`${source}/`)),
    );
    expect(missing).toEqual([]);
  });

  it("ends as another user than root, with a stage for each kind of host", () => {
    expect(lastStage.find(({ word }) => word === "USER")?.rest).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    const stages = instructions.filter(({ word }) => word === "FROM").map(({ rest }) => rest);
    for (const variant of ["cpu", "xrt", "cuda"]) {
      expect(stages.some((rest) => rest.endsWith(` AS host-${variant}`))).toBe(true);
    }
  });
});

describe("what process 1 of a container is", () => {
  it("takes note of the end of processes that nobody else waits for, on each kind of host", () => {
    const entry = lastStage.find(({ word }) => word === "ENTRYPOINT")?.rest ?? "[]";
    expect(JSON.parse(entry)).toEqual(["/usr/bin/tini", "--", "node", "src/cli/beamgate.mjs"]);
    for (const variant of ["cpu", "xrt", "cuda"]) {
      const start = instructions.findIndex(({ rest }) => rest.endsWith(` AS host-${variant}`));
      const end = stageStarts.find((at) => at > start);
      const runs = instructions.slice(start, end).filter(({ word }) => word === "RUN");
      expect(runs.map(({ rest }) => rest).join()).toMatch(/ apt-get install [^&]*\btini\b/);
    }
  });
});

/** The last stage's files below `app`; of the dependencies only those that `npm prune --omit=dev` leaves. */
function layOut(app: string): void {
  for (const { sources, target } of copies(lastStage)) {
    for (const source of sources.map(inTree)) {
      if (source === "node_modules") continue;
      const to = target === "./" ? join(app, source) : join(app, target);
      cpSync(join(packageRoot, source), to, {
        recursive: true,
        filter: (path) => !/\/dist\/test(\/|$)|\.test\.(js|d\.ts)$/.test(path),
      });
    }
  }
  const lock = JSON.parse(readFileSync(join(packageRoot, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
  };
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    if (!/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) || dev) continue;
    if (!existsSync(join(packageRoot, path))) continue; // optional, of another system
    mkdirSync(dirname(join(app, path)), { recursive: true });
    symlinkSync(join(packageRoot, path), join(app, path));
  }
}

/**
 * `sh` as root of a namespace: everything read-only but a tmpfs, in the place of the image's /tmp (where this tree may
 * lie itself), and /dev/shm; then user 1000 without capabilities.
 */
const READ_ONLY = `
set -e
mount --make-rprivate /
mount --bind "$APP" /mnt
mount -o remount,bind,ro /mnt
mount -t tmpfs tmpfs "$TMPDIR"
mount -o remount,bind,ro /
if touch /beamgate-writes || touch /mnt/beamgate-writes; then echo "the root is not read-only"; exit 1; fi
shift 2
cd /mnt
exec unshare --user --map-user=1000 --map-group=1000 node src/cli/beamgate.mjs "$@"
`;
const namespaces =
  spawnSync("unshare", ["--user", "--map-root-user", "--mount", "true"]).status === 0;

describe("a gateway in the image's files", () => {
  it.skipIf(!namespaces)(
    "serves with a read-only root, as no root, and its health check says so",
    { timeout: 120_000 },
    async () => {
      const app = join(folder, "app");
      layOut(app);
      const room = join(folder, "tmp");
      mkdirSync(room);
      const gateway = await startGateway({
        repositories: ["/mnt/models"],
        flags: ["--model-control-mode", "explicit", "--load-model", "simple"],
        launcher: [
          ...["env", `APP=${app}`, `TMPDIR=${room}`, `XDG_CACHE_HOME=${room}/cache`],
          "NODE_ENV=production",
          ...["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", READ_ONLY, "sh"],
        ],
      });
      try {
        const status = readFileSync(`/proc/${gateway.pid}/status`, "utf8");
        expect(status).toMatch(/^CapEff:\s+0+$/m);
        const client = new InferClient(gateway.grpcPort);
        const question = simpleQuestion(1, 3);
        expect(question.check(await client.infer(question.bytes))).toBeUndefined();
        client.close();
        const health = lastStage.find(({ word }) => word === "HEALTHCHECK")?.rest ?? "";
        const command = JSON.parse(health.slice(health.indexOf("["))) as string[];
        const check = (port: number) => {
          const [program = "", ...args] = command.map((word) =>
            word.replace(":8000/", `:${port}/`),
          );
          return spawnSync(program, args, { timeout: 60_000 }).status;
        };
        expect(check(gateway.httpPort)).toBe(0);
        await gateway.stop();
        expect(check(gateway.httpPort)).toBe(1);
        expect(await gateway.exited).toEqual({ code: 0, signal: null });
      } finally {
        await gateway.stop();
      }
    },
  );
});
