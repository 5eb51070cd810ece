/** `beamgate top` on a gateway with two tenants, one of which asks. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Terminal } from "../../src/cli/terminal.ts";
import { InferenceClient, tensor } from "../../src/client/index.ts";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";
import { runCli } from "../support/run-cli.ts";

const folder = temporaryFolder();
const keys = { cms: newApiKey(), shift: newApiKey() };
let served: TenantsGateway;
let over = false;
let asking: Promise<void>;

beforeAll(async () => {
  for (const [name, { line }] of Object.entries(keys)) {
    writeFileSync(join(folder.path, `${name}.keys`), `${line}\n`);
  }
  writeFileSync(
    join(folder.path, "tenants.yaml"),
    `
tenants: { cms: { weight: 3, quota: { rowsPerSecond: 1000000 } }, atlas: {} }
identities:
  - { key: cms, keyFile: cms.keys, tenant: cms, roles: [infer] }
  - { key: shift, keyFile: shift.keys, tenant: atlas, roles: [infer, observe] }
anonymous: { tenant: atlas, roles: [infer, observe] }
`,
  );
  served = await startTenantsGateway(folder.path, "");
  const client = new InferenceClient(`127.0.0.1:${served.grpcPort}`, { apiKey: keys.cms.key });
  const numbers = Int32Array.from({ length: 32 }, () => 1);
  const inputs = ["INPUT0", "INPUT1"].map((name) => tensor(name, "INT32", [2, 16], numbers));
  asking = (async () => {
    while (!over) await client.infer({ model: "simple", inputs });
    client.close();
  })();
});
afterAll(async () => {
  over = true;
  await asking;
  await served?.stop();
  folder.remove();
});

const url = () => `--url=127.0.0.1:${served.httpPort}`;

describe("top", () => {
  it("prints the figures of one interval where nobody sits at a terminal", async () => {
    const { exitCode, out } = await runCli(["top", url(), "--interval", "500ms"]);
    expect(exitCode).toBe(0);
    expect(out).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+ {2}\S+Z {2}\S+ rows\/s {2}1 of 1 models ready$/m,
    );
    expect(out).toMatch(/^simple:1 +READY +[\d.k]+ +[\d.k]+/m);
    expect(out).toMatch(/^cms +100% +0% +3 /m);
  });

  it("prints them as JSON", async () => {
    const { out } = await runCli(["top", url(), "--interval", "500ms", "-o", "json"]);
    const { models, tenants, devices, seconds } = JSON.parse(out);
    expect(seconds).toBeGreaterThanOrEqual(0.5);
    expect(models[0]).toMatchObject({ name: "simple", state: "READY", failuresPerSecond: 0 });
    expect(models[0].rowsPerSecond).toBeCloseTo(2 * models[0].requestsPerSecond, -1);
    expect(models[0].rowsPerSecond).toBeGreaterThan(0);
    expect(tenants[0]).toMatchObject({ name: "cms", share: 1 });
    expect(tenants[0].quotaUsed.rowsPerSecond).toBeLessThan(1);
    expect(tenants[1]).toMatchObject({ name: "atlas", requestsPerSecond: 0 });
    expect(devices[0]).toMatchObject({ id: "cpu:0", state: "ready" });
  });

  it("draws in a terminal until somebody quits, leaves it as it was, and freezes", async () => {
    let press: (key: string) => void = () => undefined;
    let columns = 80;
    let listening = 0;
    const counted = () => {
      listening++;
      return () => void listening--;
    };
    const terminal: Terminal = {
      size: () => ({ columns, rows: 24 }),
      onResize: counted,
      onKey(listener) {
        press = listener;
        return counted();
      },
    };
    let drawn = "";
    const frames = () => drawn.split("\u001b[H").slice(1);
    const { main } = await import("../../src/cli/main.ts");
    const io = { err: () => undefined, env: {}, colour: false, terminal };
    const out = (text: string) => {
      drawn += text;
    };
    const ended = main(["top", url(), "--interval", "100ms"], { ...io, out });
    await expect.poll(() => frames().length, { timeout: 60_000 }).toBeGreaterThan(3);
    expect(frames()[0]).toContain("the first figures come after one interval");
    expect(frames().at(-1)).toMatch(/simple:1 +READY/);
    press(" ");
    const [frozen = ""] = frames().slice(-1);
    expect(frozen).toContain("frozen: space goes on");
    columns = 40;
    await expect.poll(() => frames().at(-1), { timeout: 60_000 }).not.toBe(frozen);
    const figures = (frame: string | undefined) => frame?.split("\u001b[K\r\n").slice(2, 5).join();
    const again = frames().at(-1);
    await expect
      .poll(() => frames().length, { timeout: 60_000 })
      .toBeGreaterThan(frames().length + 2);
    expect(figures(frames().at(-1))).toBe(figures(again));
    for (const line of frames().at(-1)?.split("\u001b[K\r\n") ?? []) {
      expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(40);
    }
    press("q");
    expect(await ended).toBe(0);
    expect(listening).toBe(0);
    expect(drawn.startsWith("\u001b[?1049h")).toBe(true);
    expect(drawn.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
  });

  it("says what it is not told", async () => {
    const argv = ["top", url(), "--interval", "100ms", "--token", keys.cms.key];
    const { exitCode, err } = await runCli(argv);
    expect(exitCode).not.toBe(0);
    expect(err).toContain("token");
    const nobody = await runCli(["top", "--url=127.0.0.1:1"]);
    expect(nobody.exitCode).toBe(4);
    expect((await runCli(["top", "--interval", "soon"])).exitCode).toBe(2);
  });
});
