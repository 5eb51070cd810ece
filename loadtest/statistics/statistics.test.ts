import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../models/make/random.ts";
import { ORBIT_HZ } from "../arrivals/lhc/clock.ts";
import { betaShare, gammaShare, logGamma } from "./beta.ts";
import { clopperPearson, ONE_SIGMA, poissonInterval } from "./intervals.ts";
import { kolmogorovSmirnov } from "./kolmogorov-smirnov.ts";
import { ratesByThreshold, thresholdsFor } from "./rate.ts";
import { rocOf } from "./roc.ts";
import { evenBins, fitTurnOn, turnOn } from "./turn-on.ts";

/** P(X >= k) of a binomial, term by term. */
function atLeast(k: number, n: number, p: number): number {
  let sum = 0;
  for (let i = k; i <= n; i++) {
    let term = 1;
    for (let j = 1; j <= i; j++) term *= ((n - i + j) / j) * p;
    sum += term * (1 - p) ** (n - i);
  }
  return sum;
}

describe("gamma and beta functions", () => {
  it.each([
    [1, 0],
    [0.5, Math.log(Math.sqrt(Math.PI))],
    [5, Math.log(24)],
    [171, 706.5730622457874],
  ])("ln gamma(%d) is known", (x, expected) => {
    expect(logGamma(x)).toBeCloseTo(expected, 10);
  });

  it("the beta integral is the sum of a binomial's terms", () => {
    const n = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(n, fc.nat(59), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (n, at, p) => {
        const k = 1 + (at % n);
        expect(betaShare(p, k, n - k + 1)).toBeCloseTo(atLeast(k, n, p), 9);
      }),
    );
  });

  it("the gamma integral is 1 less the sum of a Poisson's terms", () => {
    const mean = fc.double({ min: 0.01, max: 60, noNaN: true });
    fc.assert(
      fc.property(mean, fc.integer({ min: 1, max: 80 }), (mean, k) => {
        let term = Math.exp(-mean);
        let below = 0;
        for (let i = 0; i < k; i++) {
          below += term;
          term *= mean / (i + 1);
        }
        expect(gammaShare(mean, k)).toBeCloseTo(1 - below, 9);
      }),
    );
  });
});

describe("Clopper-Pearson intervals", () => {
  // From sums of the binomial's terms in 60 decimal digits.
  it.each([
    [0, 10, 0.95, 0, 0.3084971078],
    [1, 10, 0.95, 0.0025285785, 0.4450161175],
    [5, 10, 0.95, 0.1870860284, 0.8129139716],
    [10, 10, 0.95, 0.6915028922, 1],
    [3, 20, ONE_SIGMA, 0.069517739526, 0.27471137336],
    [97, 100, ONE_SIGMA, 0.9416783110876, 0.98628324972896],
    [450, 500, 0.95, 0.8702909143378, 0.92486418493357],
    [999, 1000, 0.99, 0.99259371306165, 0.99999498747074],
  ])("%d of %d at a level of %d", (successes, of, level, low, high) => {
    const interval = clopperPearson(successes, of, level);
    expect(interval.low).toBeCloseTo(low, 9);
    expect(interval.high).toBeCloseTo(high, 9);
    expect(interval.value).toBe(successes / of);
  });

  it("say nothing of no events", () => {
    expect(clopperPearson(0, 0)).toEqual({ value: Number.NaN, low: 0, high: 1 });
    expect(() => clopperPearson(3, 2)).toThrow("3 successes of 2");
  });

  it("cover the truth at least as often as they promise", () => {
    const random = new Random(5);
    let covered = 0;
    for (let run = 0; run < 2000; run++) {
      let successes = 0;
      for (let i = 0; i < 40; i++) if (random.chance(0.93)) successes += 1;
      const { low, high } = clopperPearson(successes, 40);
      if (low <= 0.93 && 0.93 <= high) covered += 1;
    }
    expect(covered / 2000).toBeGreaterThan(ONE_SIGMA);
  });
});

describe("intervals of a count", () => {
  it.each([
    [0, ONE_SIGMA, 0, 1.8410216450093],
    [1, ONE_SIGMA, 0.17275377902345, 3.2995265591159],
    [3, ONE_SIGMA, 1.3672953138904, 5.9181858328834],
    [10, 0.95, 4.7953886961324, 18.390356042018],
    [400, ONE_SIGMA, 380.00835240048, 421.01667940345],
  ])("%d at a level of %d", (count, level, low, high) => {
    const interval = poissonInterval(count, level);
    expect(interval.low).toBeCloseTo(low, 7);
    expect(interval.high).toBeCloseTo(high, 7);
  });
});

describe("the Kolmogorov-Smirnov test", () => {
  const uniform = (value: number) => Math.min(1, Math.max(0, value));

  it("passes a sample of the distribution, with probabilities that are themselves even", () => {
    const random = new Random(11);
    const probabilities = Float64Array.from({ length: 300 }, () => {
      const sample = Float64Array.from({ length: 200 }, () => random.uniform());
      return kolmogorovSmirnov(sample, uniform).probability;
    });
    expect(kolmogorovSmirnov(probabilities, uniform).probability).toBeGreaterThan(0.001);
  });

  it("refuses a sample of another one", () => {
    const random = new Random(12);
    const sample = Float64Array.from({ length: 2000 }, () => random.uniform() ** 1.1);
    expect(kolmogorovSmirnov(sample, uniform).probability).toBeLessThan(1e-3);
  });

  it("knows the distance of a small sample", () => {
    expect(kolmogorovSmirnov(Float64Array.of(0.1, 0.2, 0.3), uniform).distance).toBeCloseTo(0.7);
  });
});

describe("rate against threshold", () => {
  const scores = Float32Array.of(0.1, 0.2, 0.2, 0.9, Number.NaN);

  it("is 11.2455 kHz times colliding bunches times the accepted share", () => {
    const [low, middle, high] = ratesByThreshold(scores, scores, 2808 * ORBIT_HZ, [0, 0.2, 0.95]);
    expect(low?.perSecond).toBeCloseTo((4 / 5) * 2808 * 11_245.5, 3);
    expect(middle).toMatchObject({ accepts: 3 });
    expect(high).toMatchObject({ accepts: 0, perSecond: 0, low: 0 });
    // nothing seen is less than 1.84 events at one sigma
    expect(high?.high).toBeCloseTo((1.8410216450093 / 5) * 2808 * 11_245.5, 0);
  });

  it("is no more certain because the same events came again", () => {
    const again = Float64Array.from(
      { length: 100 * scores.length },
      (_, at) => scores[at % 5] ?? 0,
    );
    const [once] = ratesByThreshold(scores, scores, 1e6, [0.2]);
    const [repeated] = ratesByThreshold(Float32Array.from(again), scores, 1e6, [0.2]);
    expect(repeated).toMatchObject({ accepts: 300, perSecond: once?.perSecond });
    expect(repeated?.low).toBeCloseTo(once?.low ?? 0, 3);
    expect(repeated?.high).toBeCloseTo(once?.high ?? 0, 3);
  });

  it("gets thresholds that thin the accepts evenly", () => {
    const random = new Random(3);
    const many = Float32Array.from({ length: 10_000 }, () => random.uniform());
    const thresholds = thresholdsFor(many, 5);
    const accepts = ratesByThreshold(many, many, 1, thresholds).map((point) => point.accepts);
    expect(accepts).toEqual([10_000, 1000, 100, 10, 1]);
  });
});

describe("the ROC curve", () => {
  it("has the area that counting all pairs gives, ties half", () => {
    const score = fc.integer({ min: 0, max: 6 });
    const events = fc.array(fc.record({ score, signal: fc.boolean() }), {
      minLength: 2,
      maxLength: 40,
    });
    fc.assert(
      fc.property(events, (events) => {
        const signals = events.filter(({ signal }) => signal);
        const backgrounds = events.filter(({ signal }) => !signal);
        const roc = rocOf(
          Float32Array.from(events, (event) => event.score),
          Uint8Array.from(events, ({ signal }) => (signal ? 1 : 0)),
        );
        if (signals.length === 0 || backgrounds.length === 0) {
          expect(roc).toBeUndefined();
          return;
        }
        let wins = 0;
        for (const s of signals) {
          for (const b of backgrounds)
            wins += s.score > b.score ? 1 : s.score === b.score ? 0.5 : 0;
        }
        expect(roc?.area).toBeCloseTo(wins / (signals.length * backgrounds.length), 12);
        expect(roc?.points.at(-1)).toMatchObject({ signal: 1, background: 1 });
      }),
    );
  });

  it("keeps its ends when it is thinned", () => {
    const random = new Random(4);
    const signal = Uint8Array.from({ length: 50_000 }, () => (random.chance(0.3) ? 1 : 0));
    const scores = Float32Array.from(signal, (s) => random.normal(s, 1));
    const roc = rocOf(scores, signal, 100);
    expect(roc?.points.length).toBeLessThanOrEqual(101);
    expect(roc?.points.at(-1)).toMatchObject({ signal: 1, background: 1 });
    // two normals one sigma apart: Phi(1 / sqrt 2)
    expect(roc?.area).toBeCloseTo(0.7602, 2);
  });
});

describe("a turn-on", () => {
  it("counts each value in its bin", () => {
    const bins = turnOn(
      Float64Array.of(-1, 0, 5, 10, 20, 21),
      Uint8Array.of(1, 0, 1, 1, 0, 1),
      [0, 10, 20],
    );
    expect(bins.map(({ events, accepted }) => [events, accepted])).toEqual([
      [2, 1],
      [2, 1],
    ]);
    expect(bins[0]).toMatchObject(clopperPearson(1, 2));
  });

  it("is fitted: plateau, half-way point and width come out as they went in", () => {
    const random = new Random(8);
    const values = Float64Array.from({ length: 40_000 }, () => random.uniform(0, 100));
    const accepted = Uint8Array.from(values, (value) =>
      random.chance(0.95) && value + random.normal(0, 6) >= 40 ? 1 : 0,
    );
    const edges = Array.from({ length: 51 }, (_, at) => 2 * at);
    const fit = fitTurnOn(turnOn(values, accepted, edges));
    expect(fit?.plateau).toBeCloseTo(0.95, 1.7);
    expect(Math.abs((fit?.halfAt ?? 0) - 40)).toBeLessThan(0.4);
    expect(Math.abs((fit?.width ?? 0) - 6)).toBeLessThan(0.5);
  });

  it("is not fitted to nothing", () => {
    const bins = turnOn(Float64Array.of(1, 2, 3), Uint8Array.of(0, 0, 0), [0, 1, 2, 3, 4]);
    expect(fitTurnOn(bins)).toBeUndefined();
  });

  it("has bins with as many events each", () => {
    const random = new Random(9);
    const values = Float64Array.from({ length: 1000 }, () => random.exponential(20));
    const bins = turnOn(values, new Uint8Array(1000), evenBins(values, 10));
    expect(bins.map(({ events }) => events)).toEqual(Array(10).fill(100));
  });
});
