/**
 * Toy hadronic-calorimeter channels: the input of calo_energy.
 *
 * One channel is read out in ten samples of 25 ns. The energy of the crossing
 * of interest arrives in samples 3-5 with a jitter in time; pulses of the
 * crossings before and after lie on top, and the electronics add noise. The
 * task is the one of FACILE (CMS HCAL): the energy, without fitting the pulse.
 */
import type { Random } from "../random.ts";

const SAMPLES = 10;
const DEPTHS = 7;
/** |ieta| of the towers: 1 to 28. */
const RINGS = 28;

/**
 * 10 samples (charge in fC), pedestal (fC), gain (GeV / fC), then one-hot depth
 * (7) and one-hot |ieta| (28).
 */
export const CHANNEL_FEATURES = SAMPLES + 2 + DEPTHS + RINGS;

/** The crossing of interest starts in this sample. */
const SAMPLE_OF_INTEREST = 3;

export interface ChannelSample {
  /** [rows, 47] FP32. */
  readonly inputs: Float32Array;
  /** True energy of the crossing of interest, GeV; from 0.5 to 500, falling. */
  readonly energyGeV: Float32Array;
  /**
   * What the simplest method finds: the charge of samples 3-5 less pedestals,
   * times the gain, corrected for the part of a pulse outside of the window.
   */
  readonly windowEnergyGeV: Float32Array;
}

export function generateChannels(random: Random, rows: number): ChannelSample {
  const inputs = new Float32Array(rows * CHANNEL_FEATURES);
  const energyGeV = new Float32Array(rows);
  const windowEnergyGeV = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const depth = random.integer(DEPTHS);
    const ring = random.integer(RINGS);
    const energy = random.powerLaw(0.5, 500, 1.6);
    const pedestal = random.uniform(4, 8) + 0.5 * depth;
    const gain = 0.018 * (1 + 0.06 * depth) * (1 + 0.015 * ring) * random.normal(1, 0.02);
    const samples = readOut(random, { energy, ring, pedestal, gain });

    inputs.set(samples, row * CHANNEL_FEATURES);
    const rest = row * CHANNEL_FEATURES + SAMPLES;
    inputs[rest] = pedestal;
    inputs[rest + 1] = gain;
    inputs[rest + 2 + depth] = 1;
    inputs[rest + 2 + DEPTHS + ring] = 1;
    energyGeV[row] = energy;
    const window = samples.slice(SAMPLE_OF_INTEREST, SAMPLE_OF_INTEREST + 3);
    const charge = window.reduce((sum, sample) => sum + sample - pedestal, 0);
    windowEnergyGeV[row] = (charge * gain) / windowFraction;
  }
  return { inputs, energyGeV, windowEnergyGeV };
}

/** Charge in fC of each sample. */
function readOut(
  random: Random,
  channel: {
    readonly energy: number;
    readonly ring: number;
    readonly pedestal: number;
    readonly gain: number;
  },
): number[] {
  const charge = Array.from({ length: SAMPLES }, () => channel.pedestal + random.normal(0, 2.5));
  const addPulse = (energy: number, start: number) => {
    const fC = energy / channel.gain;
    for (let i = 0; i < SAMPLES; i++) {
      charge[i] = (charge[i] as number) + fC * (pulse(i + 1 - start) - pulse(i - start));
    }
  };
  addPulse(channel.energy, SAMPLE_OF_INTEREST + random.normal(0, 0.08));
  // More pile-up towards the beam line.
  const occupancy = 0.15 + 0.012 * channel.ring;
  for (let crossing = 0; crossing < SAMPLES; crossing++) {
    if (crossing !== SAMPLE_OF_INTEREST && random.chance(occupancy)) {
      addPulse(random.exponential(2), crossing + random.normal(0, 0.08));
    }
  }
  return charge;
}

/** Share of a pulse's charge within `samples` (of 25 ns) after its start. */
function pulse(samples: number): number {
  if (samples <= 0) return 0;
  const time = samples / 0.6;
  return 1 - (1 + time) * Math.exp(-time);
}

const windowFraction = pulse(3);
