/**
 * Toy jets: particles and displaced vertices of a parton that showered.
 *
 * A parton of 500-1000 GeV decays where it is heavy (W, Z, Higgs, top), every
 * prong fragments into particles whose number and spread depend on its flavour,
 * and bottom and charm leave vertices. The shapes follow what is known of jets
 * (gluons wider and richer than quarks, masses and opening angles dR ~ m / pt);
 * nothing is fitted to data.
 */
import type { Random } from "../random.ts";

/** The order is that of the class numbers in particle_jets. */
export const FLAVOURS = ["gluon", "light", "charm", "bottom", "w", "z", "higgs", "top"] as const;
export type Flavour = (typeof FLAVOURS)[number];

export type ParticleKind = "charged-hadron" | "neutral-hadron" | "photon" | "electron" | "muon";

export interface Particle {
  /** GeV. */
  readonly pt: number;
  /** Relative to the jet axis. */
  readonly deltaEta: number;
  readonly deltaPhi: number;
  /** -1, 0, 1. */
  readonly charge: number;
  readonly kind: ParticleKind;
  /** Signed transverse and longitudinal distance to the primary vertex, mm; 0 for neutrals. */
  readonly d0: number;
  readonly dz: number;
  /** Resolution of `d0`, mm. */
  readonly d0Sigma: number;
}

/** A place where tracks cross away from the primary vertex. */
export interface SecondaryVertex {
  /** GeV. */
  readonly pt: number;
  readonly deltaEta: number;
  readonly deltaPhi: number;
  /** Invariant mass of its tracks, GeV. */
  readonly mass: number;
  readonly tracks: number;
  /** Distance to the primary vertex, mm, and its resolution. */
  readonly flight: number;
  readonly flightSigma: number;
  /** Of the fit, per degree of freedom. */
  readonly chi2: number;
  /** Cosine of the angle between flight and momentum. */
  readonly cosPointing: number;
}

export interface Jet {
  readonly flavour: Flavour;
  /** GeV. */
  readonly pt: number;
  readonly eta: number;
  /** Hardest first; some 15 to 200. */
  readonly particles: readonly Particle[];
  readonly vertices: readonly SecondaryVertex[];
}

type ProngFlavour = "gluon" | "light" | "charm" | "bottom";

interface Prong {
  readonly flavour: ProngFlavour;
  readonly pt: number;
  readonly deltaEta: number;
  readonly deltaPhi: number;
}

/** GeV. */
const MASS = { w: 80.4, z: 91.2, higgs: 125, top: 172.5 } as const;

/** Particles per prong at 500 GeV, their angular spread, how evenly they share the momentum. */
const FRAGMENTATION = {
  gluon: { particles: 32, spread: 0.043, evenness: 1.8 },
  light: { particles: 23, spread: 0.033, evenness: 2.15 },
  charm: { particles: 23, spread: 0.034, evenness: 2.1 },
  bottom: { particles: 25, spread: 0.037, evenness: 2 },
} as const;

/** Mean flight in mm at 500 GeV, mass in GeV, chance that the vertex is found. */
const VERTEX = {
  gluon: { flight: 1, mass: 0.9, found: 0.05 },
  light: { flight: 1, mass: 0.8, found: 0.03 },
  charm: { flight: 6, mass: 1.6, found: 0.35 },
  bottom: { flight: 12, mass: 3.6, found: 0.7 },
} as const;

export function generateJet(random: Random, flavour: Flavour): Jet {
  const pt = random.uniform(500, 1000);
  const prongs = decay(random, flavour, pt);
  const particles = prongs.flatMap((prong) => fragment(random, prong));
  const pileup = random.poisson(15);
  for (let i = 0; i < pileup; i++) particles.push(pileupParticle(random));
  return {
    flavour,
    pt,
    eta: random.uniform(-2, 2),
    particles: particles.sort((a, b) => b.pt - a.pt),
    vertices: prongs.flatMap((prong) => vertices(random, prong)).sort((a, b) => b.pt - a.pt),
  };
}

function decay(random: Random, flavour: Flavour, pt: number): readonly Prong[] {
  const whole = { pt, deltaEta: 0, deltaPhi: 0 };
  switch (flavour) {
    case "gluon":
    case "light":
    case "charm":
    case "bottom":
      return [{ ...whole, flavour }];
    case "w":
      return twoProngs(random, whole, MASS.w, random.chance(0.5) ? "charm" : "light", "light");
    case "z": {
      const pair = random.chance(0.15) ? "bottom" : random.chance(0.14) ? "charm" : "light";
      return twoProngs(random, whole, MASS.z, pair, pair);
    }
    case "higgs":
      return twoProngs(random, whole, MASS.higgs, "bottom", "bottom");
    case "top": {
      const [bottom, w] = twoProngs(random, whole, MASS.top, "bottom", "light");
      const second = random.chance(0.5) ? "charm" : "light";
      return [bottom, ...twoProngs(random, w, MASS.w, "light", second)];
    }
  }
}

/** A two-body decay at small angles: dR = m / (pt sqrt(z (1 - z))), momentum balanced. */
function twoProngs(
  random: Random,
  parent: Omit<Prong, "flavour">,
  mass: number,
  first: ProngFlavour,
  second: ProngFlavour,
): readonly [Prong, Prong] {
  const z = random.uniform(0.15, 0.85);
  const opening = mass / (parent.pt * Math.sqrt(z * (1 - z)));
  const angle = random.uniform(0, 2 * Math.PI);
  const prong = (flavour: ProngFlavour, share: number, away: number): Prong => ({
    flavour,
    pt: parent.pt * share,
    deltaEta: parent.deltaEta + away * Math.cos(angle),
    deltaPhi: parent.deltaPhi + away * Math.sin(angle),
  });
  return [prong(first, z, opening * (1 - z)), prong(second, 1 - z, -opening * z)];
}

function fragment(random: Random, prong: Prong): Particle[] {
  const { particles, spread, evenness } = FRAGMENTATION[prong.flavour];
  const hardness = prong.pt / 500;
  // Jets of one flavour differ far more than by counting statistics.
  const richness = Math.exp(random.normal(0, 0.35));
  const width = spread * Math.exp(random.normal(0, 0.4));
  const count = Math.max(3, random.poisson(particles * hardness ** 0.3 * richness));
  const shares = Array.from({ length: count }, () => random.exponential(1) ** evenness);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const fromDecay = prong.flavour === "bottom" ? 5 : prong.flavour === "charm" ? 2.5 : 0;
  return shares.map((share) => {
    const z = share / total;
    // Soft particles fly wide: the angular ordering of a shower, roughly.
    const radius = width * (0.1 / (z + 0.01)) ** 0.4 * random.exponential(1);
    const angle = random.uniform(0, 2 * Math.PI);
    const displaced = random.chance(Math.min(0.6, fromDecay / count));
    return particle(random, {
      pt: z * prong.pt,
      deltaEta: prong.deltaEta + radius * Math.cos(angle),
      deltaPhi: prong.deltaPhi + radius * Math.sin(angle),
      flightMm: displaced ? (prong.flavour === "bottom" ? 0.4 : 0.15) : 0,
    });
  });
}

function pileupParticle(random: Random): Particle {
  return particle(random, {
    pt: 0.5 + random.exponential(1.2),
    deltaEta: random.uniform(-0.8, 0.8),
    deltaPhi: random.uniform(-0.8, 0.8),
    flightMm: 0,
    dzMm: random.normal(0, 40),
  });
}

function particle(
  random: Random,
  made: {
    readonly pt: number;
    readonly deltaEta: number;
    readonly deltaPhi: number;
    /** Typical distance of its origin in the transverse plane. */
    readonly flightMm: number;
    readonly dzMm?: number;
  },
): Particle {
  const { pt, deltaEta, deltaPhi } = made;
  const draw = random.uniform();
  const kind: ParticleKind =
    draw < 0.58
      ? "charged-hadron"
      : draw < 0.84
        ? "photon"
        : draw < 0.97
          ? "neutral-hadron"
          : draw < 0.985
            ? "electron"
            : "muon";
  const charged = kind !== "photon" && kind !== "neutral-hadron";
  const d0Sigma = 0.01 + 0.06 / Math.max(pt, 0.5);
  return {
    pt,
    deltaEta,
    deltaPhi,
    charge: charged ? (random.chance(0.5) ? 1 : -1) : 0,
    kind,
    d0: charged
      ? random.normal(0, d0Sigma) + (made.flightMm > 0 ? random.exponential(made.flightMm) : 0)
      : 0,
    dz: charged ? random.normal(0, 2 * d0Sigma) + (made.dzMm ?? 0) : 0,
    d0Sigma: charged ? d0Sigma : 0,
  };
}

function vertices(random: Random, prong: Prong): SecondaryVertex[] {
  const { flight, mass, found } = VERTEX[prong.flavour];
  if (!random.chance(found)) return [];
  const flightMm = 0.3 + random.exponential(flight * (prong.pt / 500));
  const flightSigma = 0.1 + 0.05 * random.exponential(1);
  return [
    {
      pt: prong.pt * random.uniform(0.2, 0.8),
      deltaEta: prong.deltaEta + random.normal(0, 0.02),
      deltaPhi: prong.deltaPhi + random.normal(0, 0.02),
      mass: Math.max(0.3, random.normal(mass, 0.3 * mass)),
      tracks: 2 + random.poisson(mass > 2 ? 2.2 : 0.7),
      flight: flightMm,
      flightSigma,
      chi2: random.exponential(1),
      cosPointing: 1 - random.exponential(mass > 1 ? 0.001 : 0.01),
    },
  ];
}
