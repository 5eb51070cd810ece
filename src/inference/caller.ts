/**
 * Who calls, as data. `tenants` decides it, once a connection or a call; admission, fair
 * share and account read it. A gateway without tenants knows `ANYBODY` alone.
 */

/** What somebody may do. A role does not include another. */
export type Role =
  /** Use models and read what they are. */
  | "infer"
  /** Read state, statistics, metrics, explanations, the registry. */
  | "observe"
  /** Load and unload models, drain and lease boards, edit quotas and reservations. */
  | "operate"
  /** Upload artifacts, register, promote, pin, retire. */
  | "register"
  /** Everything, also log settings, traces, memory shared with the gateway, and keys. */
  | "admin";

/** Least limit that can be set: below it a client would be told to come back after its lifetime. */
export const LEAST_LIMIT = 0.001;

/** Limits of a tenant, each `LEAST_LIMIT` or more; absent: no limit. */
export interface Quota {
  readonly rowsPerSecond?: number;
  readonly bytesPerSecond?: number;
  /** Bytes of requests that may be held at once. */
  readonly concurrentBytes?: number;
  /** Over the newest 24 hours. */
  readonly deviceSecondsPerDay?: number;
}

/** An experiment, or whoever else is promised a part of the cluster. */
export interface Tenant {
  readonly name: string;
  /** Dense, from 0, never used for another one while the process lives: an index into tables. */
  readonly index: number;
  /** How idle device time is divided; > 0. */
  readonly weight: number;
  /** Part of every pool's device time that it gets whenever it wants it, 0 … 1; the sum of all is at most 1. */
  readonly guarantee: number;
  /** Its clients are CMSSW's: `RepositoryIndex` lists what it can use now, and fails while it cannot get its share. */
  readonly sonic: boolean;
  readonly quota: Quota;
  /** Names of the models it may use, `*` stands for any characters. */
  readonly models: readonly string[];
}

export interface Caller {
  readonly tenant: Tenant;
  readonly roles: ReadonlySet<Role>;
  /** For logs and audits, e.g. a certificate's DN or a token's issuer and subject; never a secret. */
  readonly subject: string;
  /** What named it. */
  readonly how: "certificate" | "token" | "key" | "listener" | "anonymous";
}

/** Of somebody: whether he may use a model. */
export type MayUse = (model: string) => boolean;

const ALL_ROLES: readonly Role[] = ["infer", "observe", "operate", "register", "admin"];

/** The only tenant where none are configured. */
export const DEFAULT_TENANT: Tenant = {
  name: "default",
  index: 0,
  weight: 1,
  guarantee: 0,
  sonic: false,
  quota: {},
  models: ["*"],
};

/** Whoever calls a gateway that does not ask who calls. */
export const ANYBODY: Caller = {
  tenant: DEFAULT_TENANT,
  roles: new Set(ALL_ROLES),
  subject: "anybody",
  how: "anonymous",
};
