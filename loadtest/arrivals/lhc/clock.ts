/** The clock of the LHC. All of it is counted in crossings; time is made last. */

/** Slots of 25 ns (24.95) in an orbit: the harmonic number 35640 by the 10 RF periods of a slot. */
export const SLOTS = 3564;

/** Revolutions a second at 6.8-7 TeV. */
export const ORBIT_HZ = 11_245.5;

/** Slots a second: 40.079 MHz. */
const SLOT_HZ = SLOTS * ORBIT_HZ;

/** Length of a slot, ms. */
export const SLOT_MS = 1000 / SLOT_HZ;

/** RF periods (buckets) of a slot: bucket 1 is slot 0, bucket 11 slot 1. */
export const BUCKETS_PER_SLOT = 10;
