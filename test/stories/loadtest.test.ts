/** `beamgate loadtest` as its user runs it: against a gateway, and against a server that knows the protocol only. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type NullProcess,
  startNullProcess,
} from "../../loadtest/drivers/null-server/null-process.ts";
import { type Result, readResult } from "../../loadtest/report/schema.ts";
import { packageRoot } from "../../src/package-root.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { echoConfig, temporaryRepository } from "../support/model-repository.ts";

const STORY_MS = 120_000;
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);
const DELAY_MS = 20;

const repository = temporaryRepository();
const folder = mkdtempSync(join(tmpdir(), "beamgate-loadtest-"));
let gateway: GatewayProcess;
let plain: NullProcess;
beforeAll(async () => {
  const jets = { name: "jets", maxBatchSize: 8, dims: [2] };
  repository.add("jets", echoConfig({ ...jets, delayMs: DELAY_MS }));
  repository.add("quick", echoConfig({ ...jets, name: "quick" }));
  const flags = ["--record", join(folder, "trace.jsonl")];
  gateway = await startGateway({ repositories: [repository.folder], flags });
  plain = await startNullProcess();
}, STORY_MS);
afterAll(async () => {
  await Promise.all([gateway?.stop(), plain?.stop()]);
  repository.remove();
  rmSync(folder, { recursive: true });
});

interface Told {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function loadtest(...args: string[]): Promise<Told> {
  const program = join(packageRoot, "src", "cli", "beamgate.mjs");
  const child = spawn(process.execPath, [program, "loadtest", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err })));
}

/** Of a run that wrote its files there. */
function resultIn(output: string): Result {
  const file = join(output, "result.json");
  return readResult(JSON.parse(readFileSync(file, "utf8")), file);
}

function main({ points, main }: Result) {
  const point = points[main];
  if (point === undefined) throw new Error("no point");
  return point;
}

/** Busy machines are late; what these runs are about is not that. */
const PATIENT = ["--late-after", "5000"];

describe("a closed loop on a model that takes 20 ms", { timeout: STORY_MS }, () => {
  const output = join(folder, "closed");
  let told: Told;
  let result: Result;
  beforeAll(async () => {
    const where = ["-m", "jets", "-u", `127.0.0.1:${gateway.grpcPort}`];
    const how = ["--concurrency-range", "1:2", "--duration", "2.4", "--output", output];
    told = await loadtest(...where, ...how, "-f", join(output, "table.csv"));
    result = resultIn(output);
  }, STORY_MS);

  it("finds what the model takes, and as many answers as that allows", () => {
    expect(told.code, told.err).toBe(0);
    const [one] = result.points;
    expect(one?.concurrency).toBe(1);
    const p50 = one?.latency.quantiles[0]?.ms ?? 0;
    expect(p50).toBeGreaterThan(DELAY_MS * 0.95);
    // One request at a time: the rate is the inverse of the latency.
    const underWay = ((one?.answeredPerSecond ?? 0) * (one?.latency.meanMs ?? 0)) / 1000;
    expect(underWay).toBeLessThan(1.1);
    // Less than one on average where a busy machine lets the generator wait.
    expect(underWay).toBeGreaterThan(0.6);
  });

  it("tells the server's share of it, and how the generator did", () => {
    const { split, generator } = main(result);
    expect(split?.computeInferMs).toBeGreaterThan(DELAY_MS * 0.9);
    expect(split?.batchRows.length).toBeGreaterThan(0);
    expect(generator.processes).toBeGreaterThanOrEqual(1);
    expect(told.out).toContain("ceiling");
  });

  it("leaves files that others read", () => {
    expect(readFileSync(join(output, "table.csv"), "utf8")).toMatch(
      /^Concurrency,Inferences\/Second,/,
    );
    expect(readFileSync(join(output, "latency-1.hgrm"), "utf8")).toContain("1/(1-Percentile)");
    const schema = JSON.parse(readFileSync(join(output, "result.schema.json"), "utf8")) as object;
    expect(schema).toMatchObject({ type: "object" });
  });

  it.skipIf(CHROMIUM === undefined)(
    "writes a page that a browser shows without a complaint and without a network",
    async () => {
      const browser = await chromium.launch({
        executablePath: CHROMIUM ?? "",
        args: ["--no-sandbox"],
      });
      try {
        const page = await browser.newPage();
        const complaints: string[] = [];
        const requests: string[] = [];
        page.on("console", (message) => complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(error.message));
        page.on("request", (request) => requests.push(request.url()));
        const url = pathToFileURL(join(output, "report.html")).href;
        await page.goto(url);
        await page.locator("#chart-latency canvas").waitFor();
        await page.locator("button.theme").click();
        await page.locator("#chart-latency .plot").focus();
        await page.keyboard.press("ArrowRight");
        expect(await page.locator("#chart-latency .readout").textContent()).toMatch(
          /latency, ms: /,
        );
        // Paper is light, whatever the screen is; afterwards the screen is as it was.
        const theme = () =>
          page.evaluate<string | undefined>("document.documentElement.dataset.theme");
        const chosen = await theme();
        await page.evaluate("dispatchEvent(new Event('beforeprint'))");
        expect(await theme()).toBe("light");
        await page.evaluate("dispatchEvent(new Event('afterprint'))");
        expect(await theme()).toBe(chosen);
        await page.setViewportSize({ width: 390, height: 844 });
        const wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
        // The charts follow the new width a moment later.
        await expect.poll(() => page.evaluate(wide), { timeout: 60_000 }).toBe(false);
        expect(complaints).toEqual([]);
        expect(requests).toEqual([url]);
      } finally {
        await browser.close();
      }
    },
  );
});

describe("an open loop", { timeout: STORY_MS }, () => {
  const open = (output: string, ...more: string[]) => {
    const rate = ["--request-rate-range", "200", "--request-distribution", "poisson"];
    const how = [...rate, "--duration", "1", "--no-ceiling", "--output", output, ...PATIENT];
    return loadtest("-m", "quick", "-u", `127.0.0.1:${gateway.grpcPort}`, ...how, ...more);
  };

  it("means the same times with the same seed, and others with another", async () => {
    const folders = ["a", "b", "c"].map((name) => join(folder, name));
    const seeds = ["5", "5", "6"];
    await Promise.all(folders.map((output, at) => open(output, "--seed", seeds[at] ?? "")));
    const [a, b, c] = folders.map((output) => resultIn(output).intended);
    expect(a?.count).toBeGreaterThan(200);
    expect(b).toEqual(a);
    expect(c?.sha256).not.toBe(a?.sha256);
  });

  it.each(["grpc", "grpc-stream", "http"])("is answered by %s alike", async (driver) => {
    const port = driver === "http" ? gateway.httpPort : gateway.grpcPort;
    const how = driver === "http" ? ["-i", "http"] : driver === "grpc" ? [] : ["--streaming"];
    const scores = ["--score-output", ":0", "--threshold", "0", "--reference-model", "quick"];
    const output = join(folder, driver);
    const { code, err } = await open(output, "-u", `127.0.0.1:${port}`, ...how, ...scores);
    expect(code, err).toBe(0);
    const result = resultIn(output);
    const point = main(result);
    expect([point.failures, point.unanswered.count, point.dropped]).toEqual([[], 0, 0]);
    expect(point.answered).toBe(point.sent);
    // echo gives back what it gets: about half of the random numbers are above 0.
    const { accepted = 0, events = 1 } = result.trigger ?? {};
    expect(accepted / events).toBeGreaterThan(0.35);
    expect(accepted / events).toBeLessThan(0.65);
    const { compared = 0, bitExact } = result.agreement ?? {};
    expect(compared).toBeGreaterThan(100);
    expect(bitExact).toBe(compared);
  });

  it("ends with 99 where an objective was missed, and says which", async () => {
    const { code, out } = await open(join(folder, "missed"), "--objective", "p50 <= 1 us");
    expect(code).toBe(99);
    expect(out).toMatch(/MISSED +p50 <= 1 us: /);
  });

  it("was recorded by the gateway, request by request", async () => {
    const lines = readFileSync(join(folder, "trace.jsonl"), "utf8").trimEnd().split("\n");
    const times = lines.map((line) => (JSON.parse(line) as { atMs: number }).atMs);
    expect(times.length).toBeGreaterThan(600);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it("is replayed from such a recording, twice as slow where that is asked for", async () => {
    const trace = join(folder, "short.jsonl");
    const line = (atMs: number) => JSON.stringify({ atMs, model: "quick", rows: 1 });
    writeFileSync(trace, Array.from({ length: 50 }, (_, at) => line(at * 10)).join("\n"));
    const where = ["-m", "quick", "-u", `127.0.0.1:${gateway.grpcPort}`, "--warmup", "0"];
    const output = join(folder, "replayed");
    const how = ["--replay", trace, "--time-scale", "2", "--duration", "5", "--output", output];
    const { code, err } = await loadtest(...where, ...how, "--no-ceiling", ...PATIENT);
    expect(code, err).toBe(0);
    const result = resultIn(output);
    expect(main(result).answered).toBe(50);
    expect(result.intended.firstNs.slice(0, 3)).toEqual([0, 20e6, 40e6]);
  });
});

describe("a server that knows the protocol only", { timeout: STORY_MS }, () => {
  it("is measured as well; what it does not tell is said", async () => {
    const where = ["-m", "null", "-u", `127.0.0.1:${plain.port}`];
    const how = ["--request-rate-range", "200", "--duration", "1", ...PATIENT];
    const { code, out, err } = await loadtest(...where, ...how);
    expect(code, err).toBe(0);
    expect(out).toContain("not told by the server");
  });
});

describe("two results", { timeout: STORY_MS }, () => {
  const file = (name: string) => join(folder, name, "result.json");

  it("are compared, and 99 says that the second is worse", async () => {
    const same = await loadtest("--compare", file("a"), file("a"));
    expect([same.code, same.err]).toEqual([0, ""]);
    const worse = readFileSync(file("a"), "utf8").replace(
      /"answeredPerSecond": [\d.]+/,
      '"answeredPerSecond": 1',
    );
    writeFileSync(join(folder, "worse.json"), worse);
    const compared = await loadtest("--compare", file("a"), join(folder, "worse.json"));
    expect(compared.code).toBe(99);
    expect(compared.out).toMatch(/answered .* worse/);
  });
});

describe("what cannot be run", { timeout: STORY_MS }, () => {
  it.each([
    [2, [], /say what to test/],
    [2, ["-m", "quick", "--shape", "x"], /--shape x: expected NAME:1,2,3/],
    [2, ["-m", "quick", "--objective", "fast"], /objective 'fast': expected METRIC/],
    [2, ["-m", "quick", "--capacity"], /needs a budget/],
    [2, ["-m", "quick", "--request-intervals", "/nowhere"], /cannot be read/],
    [2, ["l1-cms-100"], /no preset and no file 'l1-cms-100'.*l1-cms-100k/],
    [4, ["-m", "quick", "-u", "127.0.0.1:1"], /ECONNREFUSED/],
  ])("ends with %i: %j", async (code, args, text) => {
    const told = await loadtest(...(args as string[]));
    expect([told.code, told.err]).toEqual([code, expect.stringMatching(text)]);
  });

  it("ends with 3 where the server has no such model", async () => {
    const told = await loadtest("-m", "nobody", "-u", `127.0.0.1:${gateway.grpcPort}`);
    expect([told.code, told.err]).toEqual([3, expect.stringContaining("unknown model: 'nobody'")]);
  });

  it("is told in words, of a preset too", async () => {
    const listed = await loadtest("--list");
    expect(listed.out).toMatch(/^two-vendor +\S/m);
    const told = await loadtest("l1-cms-100k", "--dry-run", "--duration", "7");
    expect(told.code).toBe(0);
    expect(told.out).toMatch(/scale: .*\n7 s after 2 s of warm-up/);
  });

  it("is said before anything is asked, with --dry-run", async () => {
    const told = await loadtest("-m", "quick", "-u", "127.0.0.1:1", "--dry-run");
    expect(told.code).toBe(0);
    expect(told.out).toContain("grpc at 127.0.0.1:1");
  });
});
