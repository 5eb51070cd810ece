/** A large site in numbers: what stands there, and who asks. All times are virtual. */

export interface ScaleWorld {
  /** Each has its part of the boards, the cores and the clients, and decides for itself. */
  readonly gateways: number;
  readonly boards: number;
  readonly cores: number;
  readonly clients: number;
  readonly tenants: number;
  readonly models: number;
  readonly seconds: number;
  /** Share of the clients that belong to the first tenant: it floods. */
  readonly flooder: number;
  /** Mean pause of a client between an answer and its next request, ms. */
  readonly thinkMs: number;
  readonly rowsPerRequest: number;
  /** How long a board is away when it is switched, ms. */
  readonly switchMs: number;
  /** The popular models change so often, s. */
  readonly changesEveryS: number;
  /** Rows a second that one tenant may ask for; absent: no limit. */
  readonly quotaRowsPerSecond?: number;
  readonly seed: number;
}

/** 1 000 boards, 2 000 ARM cores, 10 000 clients, behind gateways with 40 boards each. */
export const SITE: ScaleWorld = {
  gateways: 25,
  boards: 1_000,
  cores: 2_000,
  clients: 10_000,
  tenants: 40,
  models: 8,
  seconds: 20,
  flooder: 0.2,
  thinkMs: 500,
  rowsPerRequest: 4_096,
  switchMs: 1_500,
  changesEveryS: 8,
  seed: 1,
};

/** How often the gateway asks its placement, ms: a slot. */
export const SLOT_MS = 50;

export interface PlatformFacts {
  readonly name: string;
  readonly vendor: string;
  readonly fixedMs: number;
  readonly msPerRow: number;
}

/** Two kinds of boards, six to four, and cores. */
export const U50: PlatformFacts = { name: "u50", vendor: "xilinx", fixedMs: 1, msPerRow: 0.02 };
export const INTEL: PlatformFacts = { name: "a10", vendor: "intel", fixedMs: 1, msPerRow: 0.025 };
export const CORES: PlatformFacts = { name: "arm", vendor: "arm", fixedMs: 0.1, msPerRow: 0.2 };
export const U50_SHARE = 0.6;
