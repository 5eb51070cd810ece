import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectedDelayRouter } from "./expected-delay-router.ts";
import { preferenceRouter } from "./preference-router.ts";
import { expectedDelayMs, type VariantView } from "./variant-view.ts";

const u50: VariantView = {
  name: "u50",
  vendor: "xilinx",
  platform: "xilinx_u50_gen3x16_xdma_5_202210_1",
  numericClass: "ap_fixed<16,6>",
  backend: "xilinx-u50",
  ready: true,
  allowed: true,
  fixedMs: 1,
  msPerRow: 0.01,
  queuedRows: 0,
  inFlightRows: 0,
  instances: 1,
};
const intel: VariantView = { ...u50, name: "a10", vendor: "intel", platform: "pac_a10" };
const cpu: VariantView = {
  ...u50,
  name: "cpu",
  vendor: "arm",
  platform: "any",
  numericClass: "float32",
  msPerRow: 0.1,
};
const all = [cpu, u50, intel];

describe("expected delay", () => {
  it.each([
    ["idle: its own rows", {}, 100, 2],
    ["busy: what is ahead, and one execution more", { queuedRows: 100, inFlightRows: 100 }, 100, 5],
    ["rows ahead are shared by the instances", { queuedRows: 200, instances: 2 }, 100, 4],
    ["not ready: the time until it is", { ready: false, readyInMs: 500 }, 100, 502],
    ["never ready", { ready: false }, 100, Number.POSITIVE_INFINITY],
    ["of unknown cost and idle: try it", { fixedMs: 0, msPerRow: 0 }, 100, 0],
    [
      "of unknown cost and busy",
      { fixedMs: 0, msPerRow: 0, queuedRows: 1 },
      100,
      Number.POSITIVE_INFINITY,
    ],
  ])("%s", (_, change, rows, ms) => {
    expect(expectedDelayMs({ ...u50, ...change }, rows)).toBeCloseTo(ms, 9);
  });
});

describe("an order of preference", () => {
  const router = preferenceRouter(["u50", "intel"]);

  it("takes the first that serves, named by variant, platform or vendor", () => {
    expect(router.choose(all, 1)).toBe(1);
    expect(router.choose([cpu, { ...u50, ready: false }, intel], 1)).toBe(2);
    expect(router.choose([cpu, { ...u50, allowed: false }, intel], 1)).toBe(2);
    expect(preferenceRouter(["pac_a10"]).choose(all, 1)).toBe(2);
  });

  it("takes what the order does not name last", () => {
    const down = { allowed: false };
    expect(router.choose([cpu, { ...u50, ...down }, { ...intel, ...down }], 1)).toBe(0);
  });

  it("does not mind a long queue, unless a limit says so", () => {
    const busy = { ...u50, queuedRows: 100_000 };
    expect(router.choose([cpu, busy, intel], 1)).toBe(1);
    expect(preferenceRouter(["u50", "intel"], { aboveMs: 50 }).choose([cpu, busy, intel], 1)).toBe(
      2,
    );
  });

  it("takes the quickest where all are above the limit", () => {
    const spilling = preferenceRouter(["u50", "intel"], { aboveMs: 50 });
    const views = [
      { ...cpu, queuedRows: 5_000 },
      { ...u50, queuedRows: 90_000 },
      { ...intel, queuedRows: 80_000 },
    ];
    expect(spilling.choose(views, 1)).toBe(0);
  });

  it("lets rows wait for the one that will serve soonest, but only where none serves", () => {
    const loading = { ...u50, ready: false, readyInMs: 1_600 };
    const later = { ...intel, ready: false, readyInMs: 9_000 };
    expect(router.choose([later, loading], 1)).toBe(1);
    expect(router.choose([later, loading, cpu], 1)).toBe(2);
  });
});

describe("the shortest expected delay", () => {
  it("prefers the quicker variant until its queue makes it the slower one", () => {
    const router = expectedDelayRouter();
    expect(router.choose([cpu, u50], 100)).toBe(1);
    expect(router.choose([cpu, { ...u50, queuedRows: 2_000 }], 100)).toBe(0);
  });

  it("takes the first listed of equals", () => {
    expect(expectedDelayRouter().choose([intel, u50], 10)).toBe(0);
  });

  it("stays with its last choice until another is better by the fraction", () => {
    const router = expectedDelayRouter({ fraction: 0.2 });
    expect(router.choose([u50, intel], 100)).toBe(0);
    expect(router.choose([{ ...u50, fixedMs: 1.4 }, intel], 100)).toBe(0);
    expect(router.choose([{ ...u50, fixedMs: 1.6 }, intel], 100)).toBe(1);
    expect(router.choose([{ ...u50, fixedMs: 0.9 }, intel], 100)).toBe(1);
  });

  it("does not flap while noise is smaller than the fraction", () => {
    const noise = fc.array(fc.tuple(fc.double(), fc.double()), { minLength: 20, maxLength: 40 });
    const upTo = (share: number) => (Number.isFinite(share) ? Math.abs(share % 1) * 0.04 : 0);
    fc.assert(
      fc.property(noise, (samples) => {
        const router = expectedDelayRouter({ fraction: 0.1 });
        const chosen = samples.map(([a, b]) =>
          router.choose(
            [
              { ...u50, fixedMs: 1 + upTo(a) },
              { ...intel, fixedMs: 1 + upTo(b) },
            ],
            1,
          ),
        );
        expect(new Set(chosen).size).toBe(1);
      }),
    );
  });

  it("is not led astray by what single clients ask for", () => {
    const router = expectedDelayRouter();
    router.choose([u50, intel], 1);
    expect(router.choose([u50, intel], 1, { vendor: "intel" })).toBe(1);
    expect(router.choose([u50, intel], 1)).toBe(0);
  });
});

describe.each([
  ["preference", () => preferenceRouter(["u50", "cpu"], { aboveMs: 20 })],
  ["expected delay", () => expectedDelayRouter()],
])("any router (%s)", (_, make) => {
  const someView = fc.record({
    vendor: fc.constantFrom("xilinx", "intel", "arm"),
    ready: fc.boolean(),
    allowed: fc.boolean(),
    readyInMs: fc.option(fc.integer({ min: 0, max: 9_000 }), { nil: undefined }),
    queuedRows: fc.nat(5_000),
    msPerRow: fc.constantFrom(0, 0.01, 0.1),
    fixedMs: fc.constantFrom(0, 1),
  });
  const someViews = fc.array(someView, { maxLength: 6 });

  it("chooses one that serves and is wanted, wherever there is one", () => {
    fc.assert(
      fc.property(someViews, fc.constantFrom(undefined, "intel", "amd"), (given, vendor) => {
        const views = given.map((view, index) => ({ ...u50, ...view, name: `v${index}` }));
        const wanted = views.filter((view) => vendor === undefined || view.vendor === vendor);
        const choice = make().choose(views, 10, vendor === undefined ? undefined : { vendor });
        if (typeof choice === "number") {
          const chosen = views[choice];
          expect(wanted).toContain(chosen);
          expect(chosen?.allowed).toBe(true);
          if (wanted.some((view) => view.ready && view.allowed)) expect(chosen?.ready).toBe(true);
          else expect(chosen?.readyInMs).toBeDefined();
        } else {
          expect(wanted.filter((view) => view.allowed && view.ready)).toEqual([]);
          const insists = vendor !== undefined && views.length > 0;
          const hopeless = wanted.every(({ allowed, ready, readyInMs }) => {
            return allowed && !ready && readyInMs === undefined;
          });
          expect(choice.code).toBe(insists && hopeless ? "FAILED_PRECONDITION" : "UNAVAILABLE");
        }
      }),
    );
  });

  it("says what there is to a client that asks for what there is not", () => {
    expect(make().choose([cpu, u50], 1, { vendor: "nvidia", numericClass: "float16" })).toEqual({
      code: "FAILED_PRECONDITION",
      message:
        'no variant of vendor "nvidia" and numeric class "float16": there are ' +
        "cpu (vendor arm, platform any, numeric class float32), " +
        "u50 (vendor xilinx, platform xilinx_u50_gen3x16_xdma_5_202210_1, numeric class ap_fixed<16,6>); " +
        "ask for one of them, or leave out 'beamgate_vendor' and 'beamgate_class'",
    });
  });

  it("says why a variant that the model has cannot be had here", () => {
    const reason = "its board refused the image";
    const absent = [{ ...intel, digest: `sha256:${"a".repeat(64)}`, reason }];
    const asked = { vendor: "intel", digest: `sha256:${"a".repeat(64)}` };
    const message =
      `no variant of vendor "intel" and digest "${asked.digest}" serves: a10 (${reason}); ` +
      "ask for one that serves, or leave out 'beamgate_vendor' and 'beamgate_digest'";
    expect(make().choose([cpu], 1, asked, absent)).toEqual({
      code: "FAILED_PRECONDITION",
      message,
    });
    // In service, but nobody knows when a board will hold it.
    const nowhere = { ...intel, ready: false };
    expect(make().choose([cpu, nowhere], 1, { vendor: "intel" })).toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringContaining("a10 (not ready)"),
    });
    expect(make().choose([cpu, { ...nowhere, readyInMs: 5 }], 1, { vendor: "intel" })).toBe(1);
  });

  it("says how the variants are when none serves", () => {
    const views = [
      { ...cpu, ready: false },
      { ...u50, allowed: false },
    ];
    expect(make().choose(views, 1)).toEqual({
      code: "UNAVAILABLE",
      message:
        "no variant serves now: cpu (not ready), u50 (its devices failed and are being probed); " +
        "send the request again later",
    });
    expect(make().choose(views, 1, { vendor: "xilinx" })).toMatchObject({
      message: expect.stringMatching(/^no variant of vendor "xilinx" serves now: u50 \(/),
    });
    expect(make().choose([], 1)).toMatchObject({ code: "UNAVAILABLE" });
  });
});
