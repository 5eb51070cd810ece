/**
 * Toy Level-1 trigger objects: the input of l1_anomaly.
 *
 * Per bunch crossing the missing transverse momentum, 4 e/gamma, 4 muons and 10
 * jets, hardest first, each as (pt in GeV, eta, phi); an absent object is three
 * zeros, and the missing momentum has no eta.
 */
import type { Random } from "../random.ts";

export const L1_SLOTS = { met: 1, egamma: 4, muon: 4, jet: 10 } as const;
/** (1 + 4 + 4 + 10) x 3. */
export const L1_FEATURES = 57;

/**
 * `zero-bias`: ordinary crossings. The rest never enters a training:
 * `resonance`, a heavy particle to two electrons; `multijet`, some jets more
 * than usual; `invisible`, one hard jet against much missing momentum.
 */
export type L1Process = "zero-bias" | "resonance" | "multijet" | "invisible";

interface L1Object {
  readonly kind: "egamma" | "muon" | "jet";
  readonly pt: number;
  readonly eta: number;
  readonly phi: number;
}

/** [rows, 57] FP32. */
export function generateL1Events(random: Random, rows: number, process: L1Process): Float32Array {
  const events = new Float32Array(rows * L1_FEATURES);
  for (let row = 0; row < rows; row++) {
    const { objects, hiddenX, hiddenY } = crossing(random, process);
    let [x, y] = [hiddenX + random.normal(0, 8), hiddenY + random.normal(0, 8)];
    for (const { pt, phi } of objects) {
      const mismeasured = pt * random.normal(0, 0.15);
      x += mismeasured * Math.cos(phi);
      y += mismeasured * Math.sin(phi);
    }
    const at = row * L1_FEATURES;
    events.set([Math.hypot(x, y), 0, Math.atan2(y, x)], at);
    let slot = at + 3;
    for (const kind of ["egamma", "muon", "jet"] as const) {
      const kept = objects.filter((object) => object.kind === kind).sort((a, b) => b.pt - a.pt);
      kept.slice(0, L1_SLOTS[kind]).forEach(({ pt, eta, phi }, i) => {
        events.set([pt, eta, phi], slot + 3 * i);
      });
      slot += 3 * L1_SLOTS[kind];
    }
  }
  return events;
}

function crossing(random: Random, process: L1Process) {
  const objects: L1Object[] = [];
  let hiddenX = 0;
  let hiddenY = 0;
  const direction = () => random.uniform(-Math.PI, Math.PI);
  const add = (kind: L1Object["kind"], pt: number, eta: number, phi: number) => {
    const wrapped = Math.atan2(Math.sin(phi), Math.cos(phi));
    objects.push({ kind, pt, eta, phi: wrapped });
  };

  const jets = random.poisson(2.2);
  for (let i = 0; i < jets; i++) {
    add("jet", random.powerLaw(15, 400, 5), random.uniform(-4, 4), direction());
  }
  const clusters = random.poisson(1.1);
  for (let i = 0; i < clusters; i++) {
    add("egamma", random.powerLaw(5, 200, 4), random.uniform(-2.5, 2.5), direction());
  }
  if (random.chance(0.06)) {
    add("muon", random.powerLaw(3, 150, 3.5), random.uniform(-2.4, 2.4), direction());
  }

  if (process === "resonance") {
    const phi = direction();
    const pt = random.uniform(15, 50);
    add("egamma", pt, random.normal(0, 1), phi);
    add("egamma", pt * random.normal(1, 0.05), random.normal(0, 1), phi + Math.PI);
  } else if (process === "multijet") {
    const extra = 2 + random.poisson(2);
    for (let i = 0; i < extra; i++) {
      add("jet", random.powerLaw(20, 300, 3.5), random.normal(0, 1.5), direction());
    }
  } else if (process === "invisible") {
    const phi = direction();
    const pt = random.uniform(25, 100);
    add("jet", pt, random.normal(0, 1.2), phi);
    hiddenX = -pt * Math.cos(phi);
    hiddenY = -pt * Math.sin(phi);
  }
  return { objects, hiddenX, hiddenY };
}
