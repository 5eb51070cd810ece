import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import { intendedAt, scheduleOf } from "../../test/support/arrivals-schedule.ts";
import { defaultModelShape } from "../../test/support/model-shapes.ts";
import type { Arrivals } from "../types.ts";
import { describeScenario } from "./describe-scenario.ts";
import { planScenario } from "./plan-stream.ts";
import { findScenario, parseScenario, presets, scenarioJsonSchema } from "./read-scenario.ts";
import { tenantIdentity, withoutSecrets } from "./tenant-identity.ts";

const MINIMAL = `
name: mine
title: a test
arrivals: { kind: poisson, perSecond: 100 }
streams:
  - { name: jets, model: jet_tagger, payload: { kind: physics, generator: jet-observables } }
`;
const parse = (text: string) => parseScenario(text, "file.yaml");
const NO_ARRIVALS: Arrivals = { describe: "", scale: "", *[Symbol.iterator]() {} };
const named = presets().map(({ name }) => name);

describe("the presets", () => {
  it("are those that are promised", () => {
    const promised = [
      ...["l1-cms-100k", "l1-cms-hl", "l0-atlas-hl", "hlt1-lhcb", "hlt-cms", "scouting-40m"],
      ...["w1", "w2", "w3", "w4", "w5", "w6", "day", "two-vendor"],
      ...["facile", "particlenet", "deepmet", "anomaly", "tracking", "mix"].map(
        (one) => `sonic-${one}`,
      ),
    ];
    expect([...named].sort()).toEqual(promised.sort());
    expect(findScenario("scouting-40M").scenario.name).toBe("scouting-40m");
  });

  it.each(named)("%s fits the default models, and two cores", async (name) => {
    const { scenario, file } = findScenario(name);
    expect(scenario.name).toBe(name);
    const plans = await planScenario(scenario, defaultModelShape, file);
    let bytesPerSecond = 0;
    for (const { arrivals, payloads } of plans) {
      if (arrivals.concurrency !== undefined) continue;
      const { ns, events } = scheduleOf(arrivals, 20_000);
      expect(ns.length, arrivals.describe).toBeGreaterThan(0);
      // What a gateway and a generator on two cores can take together.
      expect(ns.length / 20).toBeLessThan(5000);
      const payload = payloads.next({ atMs: 0, events: events[0] ?? 1 });
      expect(payload.inputs.length).toBeGreaterThan(0);
      const bytes = payload.inputs.reduce((sum, { data }) => sum + data.byteLength, 0);
      bytesPerSecond += (bytes * ns.length) / 20;
    }
    expect(bytesPerSecond).toBeLessThan(100e6);
  });

  it.each(named)("%s tells what it is and how its load relates to the experiment's", (name) => {
    const { scenario, file } = findScenario(name);
    const text = describeScenario(scenario, file);
    expect(text).toContain(scenario.title);
    expect(text).toMatch(/^scale: .{20,}/m);
    for (const stream of scenario.streams) expect(text).toContain(`model ${stream.model}`);
  });

  it("say what was sampled or dilated, in numbers", () => {
    const text = (name: string) => describeScenario(findScenario(name).scenario);
    expect(text("l1-cms-hl")).toContain(
      "all LHC times are 20000 times as long (slots of 499.0 µs); 1.545 kHz of events asked",
    );
    expect(text("l1-cms-hl")).toContain(
      "answers after 500 crossings (249.5 ms of this run) are lost",
    );
    expect(text("hlt-cms")).toContain(
      "1 in 1000 events is sent, at random; times are the LHC's; 100 Hz",
    );
    expect(text("w1")).toContain(
      "an orbit is one request, due when it is over; 1 in 100 orbits is sent",
    );
  });
});

describe("the manual", () => {
  it("shows a scenario that can be read", () => {
    const text = readFileSync(join(packageRoot, "loadtest", "scenarios", "README.md"), "utf8");
    const [, example = ""] = /```yaml\n([\s\S]*?)```/.exec(text) ?? [];
    expect(describeScenario(parse(example))).toContain(
      "dead time: 1 in 3, 2 in 25, 3 in 100, 4 in 240",
    );
  });
});

describe("a scenario", () => {
  it("has defaults for what is not said", () => {
    const scenario = parse(MINIMAL);
    expect(scenario).toMatchObject({
      seed: 1,
      durationS: 20,
      warmupS: 2,
      tenants: {},
      actions: [],
    });
    expect(scenario.streams[0]).toMatchObject({
      share: 1,
      perEvent: 1,
      rows: 1,
      tenant: "default",
    });
  });

  it.each([
    ["durationS: 5", "duration: 5", "unknown key duration (did you mean durationS?)"],
    ["share: 0.5", "shar: 0.5", "streams.0: unknown key shar (did you mean share?)"],
    ["", "seed: -1", "seed: Too small"],
    ["", "seed: 1.5", "seed: Invalid input: expected int"],
  ])("is refused with a remedy: %s written as %s", (_, written, message) => {
    const text = written.startsWith("shar")
      ? MINIMAL.replace("model: jet_tagger", `model: jet_tagger, ${written}`)
      : `${MINIMAL}${written}\n`;
    expect(() => parse(text)).toThrow(message);
  });

  it("is refused for an unknown kind, with those that there are", () => {
    expect(() => parse(MINIMAL.replace("kind: poisson", "kind: poison"))).toThrow(
      "arrivals.kind: no kind 'poison' (did you mean poisson?); there are closed, constant, poisson, ramp",
    );
    expect(() => parse(MINIMAL.replace("kind: poisson, ", ""))).toThrow(
      "arrivals.kind: no kind ''",
    );
  });

  it("is refused for a wrong key within a kind, and for a wrong distribution", () => {
    expect(() => parse(MINIMAL.replace("perSecond", "persecond"))).toThrow(
      "arrivals: unknown key persecond (did you mean perSecond?)",
    );
    const rows = (text: string) => MINIMAL.replace("model: jet", `rows: ${text}, model: jet`);
    expect(() => parse(rows("{ min: 4, max: 3 }"))).toThrow("`min` is larger than `max`");
    expect(() => parse(rows("{ mini: 4, max: 9 }"))).toThrow(
      "unknown key mini (did you mean min?)",
    );
    expect(() => parse(rows("-1"))).toThrow("streams.0.rows: Too small");
    expect(parse(rows("{ min: 4, max: 12 }")).streams[0]?.rows).toEqual({ min: 4, max: 12 });
  });

  it("tells all mistakes at once, each with its place", () => {
    const text = MINIMAL.replace("perSecond: 100", "perSecond: 0").replace(
      "title: a test",
      "title: 5",
    );
    expect(() => parse(text)).toThrow(/file\.yaml: title: .*\nfile\.yaml: arrivals\.perSecond: /);
  });

  it("is refused for YAML that is none, streams of one name, and strangers", () => {
    expect(() => parse("name: [")).toThrow("file.yaml: ");
    expect(() => parse(MINIMAL + MINIMAL.slice(MINIMAL.indexOf("  - {")))).toThrow(
      "'jets' comes twice",
    );
    const stranger = MINIMAL.replace("model: jet", "tenant: cns, model: jet");
    expect(() => parse(`${stranger}tenants: { cms: {} }\n`)).toThrow(
      "streams.jets.tenant: 'cns' is not among tenants (cms) (did you mean cms?)",
    );
  });
});

describe("finding a scenario", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "scenario-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("takes a file, whose files are relative to it", async () => {
    writeFileSync(join(folder, "gaps.txt"), "1000\n");
    const arrivals = "{ kind: intervals, file: gaps.txt }";
    const text = MINIMAL.replace("{ kind: poisson, perSecond: 100 }", arrivals);
    writeFileSync(join(folder, "mine.yaml"), text);
    const { scenario, file } = findScenario(join(folder, "mine.yaml"));
    const [plan] = await planScenario(scenario, defaultModelShape, file);
    expect(scheduleOf(plan?.arrivals ?? NO_ARRIVALS, 3.5).ns).toEqual(
      Float64Array.of(1e6, 2e6, 3e6),
    );
  });

  it("tells the presets where there is neither, and the one that was meant", () => {
    expect(() => findScenario("l1-cms-100")).toThrow("(did you mean l1-cms-100k?); presets: day, ");
  });
});

describe("the plan of a scenario", () => {
  it("asks the same events of streams that share their arrivals", async () => {
    const { scenario, file } = findScenario("w4");
    const [slices, edges, events] = await planScenario(scenario, defaultModelShape, file);
    const first = (plan: typeof slices) => scheduleOf(plan?.arrivals ?? NO_ARRIVALS, 5000);
    expect(first(slices)).toEqual(first(edges));
    expect(first(slices)).not.toEqual(first(events));
  });

  it("is the same for the same seed, requests included", async () => {
    const bytes = async (seed: number) => {
      const scenario = { ...findScenario("hlt-cms").scenario, seed };
      const [plan] = await planScenario(scenario, defaultModelShape);
      const hash: (number | string)[] = [];
      const schedule = scheduleOf(plan?.arrivals ?? NO_ARRIVALS, 200);
      for (let number = 0; number < schedule.ns.length; number++) {
        const intended = intendedAt(schedule, number);
        const payload = plan?.payloads.next(intended);
        hash.push(
          intended.atMs,
          ...(payload?.inputs ?? []).map(({ data }) => Buffer.from(data).toString("base64")),
        );
      }
      return hash;
    };
    expect(await bytes(3)).toEqual(await bytes(3));
    expect(await bytes(3)).not.toEqual(await bytes(4));
  });

  it("makes requests for the model that generates, in two-vendor mode", async () => {
    const asked: string[] = [];
    const ask = (model: string) => {
      asked.push(model);
      return defaultModelShape(model);
    };
    const [plan] = await planScenario(findScenario("two-vendor").scenario, ask);
    const payload = plan?.payloads.next({ atMs: 0, events: 72 });
    expect(asked).toEqual(["jet_units"]);
    expect(payload?.inputs).toMatchObject([{ name: "jets_mev", shape: [72, 16] }]);
  });

  it("has a fresh trigger each time", async () => {
    const [plan] = await planScenario(findScenario("l1-cms-hl").scenario, defaultModelShape);
    const event = {
      bx: Float64Array.of(0),
      score: Float32Array.of(1e9),
      latencyBx: Float64Array.of(1),
    };
    expect([plan?.trigger?.().push(event), plan?.trigger?.().push(event)]).toEqual([
      ...[Uint8Array.of(1), Uint8Array.of(1)],
    ]);
  });
});

describe("headers of an experiment", () => {
  const scenario = parse(
    `${MINIMAL}tenants: { cms: { headers: { Authorization: Bearer $CMS_TOKEN, x-group: "/cms" } } }\n`,
  );

  it("take secrets from the environment", () => {
    expect(tenantIdentity(scenario, "cms", { CMS_TOKEN: "x" })).toEqual({
      headers: [
        { name: "authorization", value: "Bearer x" },
        { name: "x-group", value: "/cms" },
      ],
    });
    expect(tenantIdentity(scenario, "default", {})).toEqual({ headers: [] });
  });

  it("are kept in a result by name alone, where they may be secret", () => {
    expect(withoutSecrets(scenario).tenants).toEqual({
      cms: { headers: { Authorization: "Bearer $CMS_TOKEN", "x-group": "(not kept)" } },
    });
  });

  it("are refused where the environment has none", () => {
    expect(() => tenantIdentity(scenario, "cms", {})).toThrow("the environment has no CMS_TOKEN");
  });
});

describe("the published schema", () => {
  it("knows every key with its meaning", () => {
    const without: string[] = [];
    const walk = (node: unknown, path: string) => {
      if (typeof node !== "object" || node === null) return;
      const { properties } = node as {
        readonly properties?: Record<string, Record<string, unknown>>;
      };
      for (const [name, property] of Object.entries(properties ?? {})) {
        if (property["description"] === undefined && property["const"] === undefined)
          without.push(`${path}.${name}`);
      }
      for (const [name, inner] of Object.entries(node)) walk(inner, `${path}.${name}`);
    };
    walk(scenarioJsonSchema(), "");
    expect(without).toEqual([]);
    expect(scenarioJsonSchema()).toMatchObject({
      required: ["name", "title", "arrivals", "streams"],
    });
  });
});
