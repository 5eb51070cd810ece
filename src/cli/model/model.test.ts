import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import {
  digestOf,
  fakeArtifact,
  fakeModel,
  fakeRoom,
  fakeVerdict,
} from "../../../test/support/fake-registry.ts";
import { testServerOptions } from "../../../test/support/http-server.ts";
import { runCli } from "../../../test/support/run-cli.ts";
import { StatusError } from "../../errors.ts";
import { createHttpServer } from "../../http/inference-server.ts";
import type { RegistryRoom } from "../../http/registry/room.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A gateway with this registry. @returns what `beamgate model` does with it */
async function withGateway(room: RegistryRoom) {
  const server = createHttpServer({ ...testServerOptions(), registry: room });
  await server.start();
  ends.push(() => server.stop());
  const env = { BEAMGATE_URL: `127.0.0.1:${server.port}`, BEAMGATE_USER: "me" };
  return (...argv: string[]) => runCli(["model", ...argv], env);
}

const verdictSummary = {
  ...{ passed: true, emulated: true, device: "u50-0", rows: 1024, worst: 3, unit: "ulp" },
  ...{ batchInvariant: true, at: "2026-01-02T03:04:05.000Z" },
};

function roomOf(...artifacts: Parameters<typeof fakeArtifact>[0][]) {
  const models = [{ generation: 7, model: fakeModel("jets", artifacts.map(fakeArtifact)) }];
  return fakeRoom({ snapshot: () => ({ generation: 42, models }) }).room;
}

describe("model ls", () => {
  const room = roomOf(
    { verdictSummary },
    { vendor: "intel", variant: "intel", platform: "a10", state: "refused" },
    { vendor: "cpu", variant: "cpu", state: "retired" },
  );

  it("has a row an artifact, without what is retired", async () => {
    const { exitCode, out } = await (await withGateway(room))("ls");
    expect(exitCode).toBe(0);
    const [head, , ...rows] = out
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect(head).toEqual([
      ...["NAME", "VERSION", "ALIASES", "VENDOR", "PLATFORM", "STATE"],
      ...["VERDICT", "ERROR", "EMULATED"],
    ]);
    expect(rows).toEqual([
      ["jets", "1", "production", "intel", "a10", "refused", "-", "-", "-"],
      [
        ...["jets", "1", "production", "xilinx", "xilinx_u50_gen3x16_xdma_base_5", "ready"],
        ...["passed", "3 ulp", "yes"],
      ],
    ]);
  });

  it("shows what is retired when it is asked, and more columns", async () => {
    const run = await withGateway(room);
    expect((await run("ls", "--all")).out).toContain("retired");
    expect((await run("ls", "--state", "retired")).out.trimEnd().split("\n")).toHaveLength(3);
    expect((await run("ls", "--wide")).out).toContain(digestOf("artifact"));
    expect((await run("ls", "tau")).out).toContain("Nothing is registered");
  });

  it("prints the same as JSON and as YAML", async () => {
    const run = await withGateway(room);
    const json: unknown = JSON.parse((await run("ls", "-o", "json")).out);
    expect(json).toMatchObject({ generation: 42, artifacts: [{ vendor: "intel" }, {}] });
    expect(parse((await run("ls", "-o", "yaml")).out)).toEqual(json);
  });

  it("colours states for whoever sees colours, and only for them", async () => {
    const server = createHttpServer({ ...testServerOptions(), registry: room });
    await server.start();
    ends.push(() => server.stop());
    const env = { BEAMGATE_URL: `127.0.0.1:${server.port}` };
    const coloured = await runCli(["model", "ls"], env, { colour: true });
    expect(coloured.out).toContain("\u001b[31mrefused\u001b[0m");
    expect((await runCli(["model", "ls"], env)).out).not.toContain("\u001b");
  });
});

describe("model describe", () => {
  const room = roomOf({ verdict: digestOf("verdict"), verdictSummary });

  it("tells checks, the verdict with worst rows and a histogram, and the history of aliases", async () => {
    const { exitCode, out } = await (await withGateway(room))("describe", "jets:1@xilinx");
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^aliases +production → 1$/m);
    expect(out).toMatch(/^container +passed +xclbin with 12 sections$/m);
    expect(out).toMatch(/^device +u50-0 \(xilinx_u50, emulated\)$/m);
    expect(out).toMatch(/^ +17 +2 +0\.5 +0\.25 +7$/m);
    expect(out).toMatch(/^ +≤ 0 ulp +5117 +#{40}$/m);
    expect(out).toMatch(/^ +≤ 8 ulp +1 +#+$/m);
    expect(out).not.toContain("> 8 ulp");
    expect(out).toContain("padded (16 rows): 2 of 1024 differ");
    expect(out).toMatch(/^production +1 +2026-01-02T03:04:05\.000Z +me$/m);
  });

  it("has it all in JSON", async () => {
    const { out } = await (await withGateway(room))("describe", "jets", "-o", "json");
    expect(JSON.parse(out)).toMatchObject({
      generation: 7,
      model: { name: "jets" },
      verdicts: { [digestOf("verdict")]: { verdict: { rows: 1024 } } },
    });
  });

  it("of what is not there names what is", async () => {
    const run = await withGateway(room);
    expect(await run("describe", "jets:2")).toMatchObject({
      exitCode: 3,
      out: "",
      err: "error: there is no jets:2; there is jets:1@xilinx\n",
    });
    expect(await run("describe", "tau")).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining("no model 'tau'"),
    });
  });
});

describe("a change", () => {
  const who = "unverified:me@127.0.0.1";
  const digest = digestOf("artifact");
  it.each([
    [
      ["promote", "jets:2", "--alias", "candidate", "--weight", "0.1", "--shadow", "0.5"],
      [
        ...["promote", "jets"],
        { alias: "candidate", version: "2", weight: 0.1, shadowShare: 0.5 },
        who,
      ],
      "jets:2 is candidate 10 % (shadow 50 %) now\n",
    ],
    [
      ["promote", "jets:2", "--generation", "6"],
      ["promote", "jets", { alias: "production", version: "2", generation: 6 }, who],
      "jets:2 is production now\n",
    ],
    [
      ["rollback", "jets"],
      ["rollback", "jets", { alias: "production" }, who],
      "jets:1 is production again\n",
    ],
    [
      ["drop-alias", "jets", "--alias", "candidate"],
      ["dropAlias", "jets", { alias: "candidate" }, who],
      "jets has no candidate any more\n",
    ],
    [
      ["pin", "jets:1@xilinx", "--note", "the paper"],
      ["pin", { name: "jets", version: "1", vendor: "xilinx" }, { note: "the paper" }, who],
      "jets:1@xilinx is pinned\n",
    ],
    [
      ["unpin", `jets:1@${digest}`],
      ["pin", { name: "jets", version: "1", digest }, undefined, who],
      `jets:1@${digest} is not pinned any more\n`,
    ],
    [
      ["retire", "jets:1", "--reason", "old"],
      ["retire", { name: "jets", version: "1" }, "old", who],
      "jets:1 is retired\n",
    ],
    [["rm", "jets"], ["remove", { name: "jets" }, who], "jets is removed\n"],
  ])("%j reaches the registry and says so", async (argv, expected, said) => {
    const { room, asked } = fakeRoom();
    const { exitCode, out, err } = await (await withGateway(room))(...argv);
    expect([exitCode, out, err]).toEqual([0, said, ""]);
    expect(asked).toEqual([expected]);
  });

  it("that somebody else was faster with ends with 3 and the generation that is there", async () => {
    const { room } = fakeRoom({
      retire: async () => {
        throw new StatusError("ABORTED", "model 'jets' was changed meanwhile");
      },
    });
    const run = await withGateway(room);
    expect(await run("retire", "jets", "--generation", "6")).toEqual({
      exitCode: 3,
      out: "",
      err: "error: model 'jets' was changed meanwhile (the model is at generation 7 now)\n",
    });
  });

  it.each([
    [["promote", "jets"], "expected NAME:VERSION"],
    [["promote", "jets:1@xilinx"], "expected NAME:VERSION"],
    [["promote", "jets:1", "--weight", "2"], "expected a number from 0 to 1"],
    [["promote", "jets:1", "--generation", "x"], "expected a whole number"],
    [["rollback", "jets:1"], "expected the name of a model and nothing more"],
    [["retire", "jets:latest"], "expected NAME, NAME:VERSION"],
    [["retire", ".."], "names no model"],
    [["retire", "jets@sha256:12"], "names no model"],
    [["retir", "jets"], "Did you mean retire?"],
  ])("%j is wrong usage", async (argv, reason) => {
    const { room, asked } = fakeRoom();
    const { exitCode, err } = await (await withGateway(room))(...argv);
    expect(exitCode).toBe(2);
    expect(err).toContain(reason);
    expect(asked).toEqual([]);
  });
});

describe("model verify", () => {
  it("prints the verdict, and ends with 3 where it failed", async () => {
    const failed = fakeVerdict({ passed: false, failedCheck: "numeric-equivalence" });
    for (const [signed, exitCode] of [
      [fakeVerdict(), 0],
      [failed, 3],
    ] as const) {
      const { room } = fakeRoom({
        verify: async (_artifact, _who, tell) => {
          tell({ step: "gate", doneRows: 1024, rows: 1024 });
          return signed;
        },
      });
      const run = await withGateway(room);
      expect(await run("verify", "jets:1@xilinx")).toMatchObject({
        exitCode,
        out: expect.stringMatching(exitCode === 0 ? /passed/ : /failed: numeric-equivalence/),
      });
    }
  });
});

describe("what is long, or not there", () => {
  it("is shortened in what people read, and whole in JSON", async () => {
    const banks = Array.from({ length: 100 }, (_, index) => ({ index, type: "HBM" }));
    const run = await withGateway(roomOf({ facts: { platform: "p", banks } as never }));
    const { out } = await run("describe", "jets");
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThan(300);
    expect(out).toMatch(/banks +\[\{"index":0.*… \(\d+ characters; all of them with -o json\)/);
    const json = JSON.parse((await run("describe", "jets", "-o", "json")).out);
    expect(json.model.versions["1"].artifacts[0].facts.banks).toHaveLength(100);
  });

  it("is said in words where there is no history, and no golden vectors", async () => {
    const model = { ...fakeModel("jets", [fakeArtifact({})]), aliasHistory: [] };
    const snapshot = () => ({ generation: 1, models: [{ generation: 1, model }] });
    const { out } = await (await withGateway(fakeRoom({ snapshot }).room))("describe", "jets");
    expect(out).toMatch(/^golden vectors +none\nreference +none yet$/m);
    expect(out).toMatch(/\naliases before: none\n$/);
  });

  it("is said in words where an audit log has nothing of it", async () => {
    const run = await withGateway(fakeRoom({ audit: async () => [] }).room);
    expect((await run("audit", "tau")).out).toMatch(/^Nothing was changed/);
    expect((await run("audit", "tau", "-o", "json")).out).toBe("[]\n");
  });
});

describe("model audit", () => {
  it("has a line a change", async () => {
    const entry = {
      ...{ at: "2026-01-02T03:04:05.000Z", who: "unverified:me@::1", action: "promote" },
      ...{ model: "jets", version: "2", generation: 8, details: { alias: "production" } },
    };
    const { room, asked } = fakeRoom({ audit: async () => [entry] });
    const { out } = await (await withGateway(room))("audit", "jets", "--limit", "5");
    expect(out.trimEnd().split("\n").at(-1)?.split(/ {2,}/)).toEqual([
      ...["2026-01-02T03:04:05.000Z", "unverified:me@::1", "promote", "jets", "2", "8"],
      '{"alias":"production"}',
    ]);
    expect(asked).toEqual([]);
  });
});

describe("the help of model", () => {
  it("lists every command, also those that are not loaded", async () => {
    const { exitCode, out } = await runCli(["model", "--help"]);
    expect(exitCode).toBe(0);
    for (const command of ["register", "ls", "describe", "rollback", "keys", "check-config"]) {
      expect(out).toMatch(new RegExp(`^  ${command}\\b`, "m"));
    }
  });

  it.each(["register", "ls", "promote", "keys", "backup"])("of %s is its own", async (command) => {
    const help = await runCli(["model", command, "--help"]);
    expect(help).toMatchObject({ exitCode: 0, out: expect.stringContaining("Options:") });
    expect(help.out).toContain(`beamgate model ${command}`);
    expect(await runCli(["model", "help", command])).toEqual(help);
  });
});

describe("explain", () => {
  it("prints what the gateway remembers of a request, or why nothing", async () => {
    const explain = (id: string) =>
      id === "a/b" ? { device: "u50-0", batch: { rows: 7, members: ["x", "y"] } } : undefined;
    const server = createHttpServer({ ...testServerOptions(), explain });
    await server.start();
    ends.push(() => server.stop());
    const env = { BEAMGATE_URL: `127.0.0.1:${server.port}` };
    const { out } = await runCli(["explain", "a/b"], env);
    expect(out).toMatch(/^batch\.rows +7$/m);
    expect(out).toMatch(/^batch\.members +x, y$/m);
    expect(await runCli(["explain", "other"], env)).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining("nothing is known of request 'other'"),
    });
  });
});
