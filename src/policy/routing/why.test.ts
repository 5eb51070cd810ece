import { describe, expect, it } from "vitest";
import { expectedDelayRouter } from "./expected-delay-router.ts";
import { preferenceRouter } from "./preference-router.ts";
import type { Router } from "./router.ts";
import type { VariantView } from "./variant-view.ts";
import type { ClientWish } from "./wish.ts";

const card: VariantView = {
  name: "u50",
  vendor: "xilinx",
  platform: "u50",
  numericClass: "ap_fixed<16,6>",
  backend: "xilinx-u50",
  ready: true,
  allowed: true,
  fixedMs: 1,
  msPerRow: 0,
  queuedRows: 0,
  inFlightRows: 0,
  instances: 1,
};
const cpu: VariantView = { ...card, name: "cpu", vendor: "arm", fixedMs: 4 };

/** What it chooses, and why. */
function choose(router: Router, views: readonly VariantView[], wish?: ClientWish): string {
  const chosen = views[Number(router.choose(views, 1, wish))];
  if (chosen === undefined) throw new Error("nothing was chosen");
  return `${chosen.name}: ${router.why(views, 1, wish, chosen)}`;
}

describe("why a variant was chosen", () => {
  it.each([
    ["the quickest", [cpu, card], undefined, "u50: the shortest expected delay: 1 ms"],
    [
      "the only one",
      [cpu, { ...card, ready: false }],
      undefined,
      "cpu: the only one that serves now",
    ],
    [
      "the only one that was asked for",
      [cpu, card],
      { vendor: "arm" },
      'cpu: the only one of those with vendor "arm" that serves now',
    ],
    [
      "one that will serve",
      [{ ...card, ready: false, readyInMs: 20 }],
      undefined,
      "u50: none serves now; it is expected to answer first of those that will",
    ],
  ])("is told for %s", (_, views, wish, told) => {
    expect(choose(expectedDelayRouter(), views, wish)).toBe(told);
  });

  it("is told where the last choice is kept", () => {
    const router = expectedDelayRouter();
    choose(router, [card, cpu]);
    const hardlyQuicker = { ...cpu, fixedMs: 0.95 };
    expect(choose(router, [card, hardlyQuicker])).toBe(
      'u50: kept, as chosen before: 1 ms are expected, and 0.95 ms of "cpu" are not shorter by 10 %',
    );
  });

  it("is the operator's order where there is one", () => {
    const views = [cpu, card];
    expect(choose(preferenceRouter(["cpu"]), views)).toBe(
      "cpu: the first in the order of preference that serves",
    );
    expect(choose(preferenceRouter(["cpu"], { aboveMs: 5 }), views)).toBe(
      "cpu: the first in the order of preference that is expected to answer within 5 ms: 4 ms",
    );
    expect(choose(preferenceRouter(["cpu"], { aboveMs: 0.5 }), views)).toBe(
      "u50: none is expected to answer within 0.5 ms; it is expected to be the first: 1 ms",
    );
  });
});
