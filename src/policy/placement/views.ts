/** What placement sees of the devices and of the demand, and what it may ask for. */

/** A device that holds one artifact at a time. */
export interface DeviceView {
  readonly id: string;
  readonly vendor: string;
  /** Matches `DemandView.platform`. */
  readonly platform: string;
  /** Kind of the backend that drives it; absent: any. */
  readonly backend?: string;
  /** Devices with the same group share a dedicated link; absent: the device is a group of its own. */
  readonly linkGroup?: string;
  readonly memoryBytes?: number;
  /** Id of the variant it holds or, while it is loading, will hold. Absent: it is empty. */
  readonly resident?: string;
  /**
   * `loading`: a placement action is under way, its drain included. `draining` and `drained`: an operator
   * takes it out of service. `failed`: it serves nothing and holds nothing that counts.
   */
  readonly state: "ready" | "loading" | "draining" | "drained" | "failed";
  /** When it entered the state, monotonic ms. */
  readonly sinceMs: number;
  /** When it was decided to give it what it holds, monotonic ms. Absent: a switch before `sinceMs`. */
  readonly givenMs?: number;
  /** What a switch (drain, load, warm-up) costs this device: mean of those measured, ms. Absent: none yet. */
  readonly switchMs?: number;
  /** The tenant that has it for itself for a time. */
  readonly leasedTo?: string;
}

/**
 * What waits for one variant. Every variant that a device holds is listed, with no rows where nobody
 * asks for it: what is not listed is taken for unwanted.
 */
export interface DemandView {
  readonly variant: string;
  /** Absent: any vendor whose platform it is. */
  readonly vendor?: string;
  readonly platform: string;
  readonly backend?: string;
  /** What it takes on the device, where known. */
  readonly memoryBytes?: number;
  readonly waitingRows: number;
  /** Requests that make up these rows; absent: as many as rows. */
  readonly waitingRequests?: number;
  /** Age of the oldest of them, ms; 0 where none waits. */
  readonly oldestWaitMs: number;
  /**
   * For how long rows have been waiting without a device that serves them, ms; absent: `oldestWaitMs`. Turns go by it: the
   * oldest row of a variant that is always overloaded is always older than those of one that is rarely asked for.
   */
  readonly nowhereMs?: number;
  /** Recent mean. */
  readonly arrivalRowsPerS: number;
  /** What a row costs a device, ms. */
  readonly msPerRow: number;
  /** Whose rows these are; absent: nobody asked. Who does not wait, and did within the last seconds, is listed with 0 rows. */
  readonly tenants?: readonly TenantRows[];
  /**
   * What an ms of a device is worth for these rows, 0 to 1. 1 (default) where nothing else serves them; the share
   * of time saved where something slower does and `waitingRows` are those that would rather run here.
   */
  readonly benefit?: number;
  /** No device that holds it is taken away from it. */
  readonly pinned?: boolean;
  /** Devices that are to hold it, asked for or not. Default 0. */
  readonly minInstances?: number;
  /** Id of the ensemble whose steps stay inside one link group; a variant is a step of one such ensemble at most. */
  readonly group?: string;
  /** The rows of one tenant, who may use the devices leased to it; absent: everybody's. */
  readonly tenant?: string;
}

/** What of one tenant waits for one variant. */
export interface TenantRows {
  readonly tenant: string;
  /** How idle device time is divided; > 0. */
  readonly weight: number;
  /** Part of the devices' time that it gets whenever it wants it, 0 to 1. */
  readonly guarantee: number;
  readonly rows: number;
  readonly requests: number;
}

/** Where one of several tenants stands that want the devices of one platform, see `BoardTime`. */
export interface Standing {
  readonly tenant: string;
  readonly platform: string;
  /** It is promised a part of them. */
  readonly guaranteed: boolean;
  /** Devices that are its part, a fraction mostly. */
  readonly partDevices: number;
  /** Time of devices that it is owed; below 0: that it had of others, ms. */
  readonly creditMs: number;
  /** Since when it has wanted some of them, monotonic ms. */
  readonly sinceMs: number;
}

/** A device that no action names keeps what it holds. */
export type PlacementAction =
  /** Drain the device, load the variant, warm it up. */
  | {
      readonly kind: "load";
      readonly device: string;
      readonly variant: string;
      /** What the device holds until then; absent: it is empty. */
      readonly evicts?: string;
      readonly reason: LoadReason;
      /** Whose rows it is for, or most of them; absent: nobody knows. */
      readonly tenant?: string;
    }
  /** Drain the device and leave it empty. */
  | {
      readonly kind: "unload";
      readonly device: string;
      readonly variant: string;
      /** `stranded`: the rest of its ensemble is in another link group. `moving`: its ensemble cannot go on in this one. */
      readonly reason: "stranded" | "moving";
    };

export type LoadReason =
  /** The device is empty. */
  | "free"
  /** `minInstances` asks for it. */
  | "minimum"
  /** What waits is worth more than the switch costs. */
  | "worth"
  /** The device has less to do than the switch costs, and requests have waited for some time. */
  | "idle"
  /** The tenant has less than its part of the devices' time, and others have more. */
  | "share"
  /** Every device has work, but the work is spread unevenly. */
  | "balance"
  /** Requests with nowhere to run reached the age at which they are served at any cost. */
  | "aged";

export interface Placement {
  /**
   * At most one action per device, in the order in which they are to be begun. Pure: equal views and
   * time, equal actions.
   * @param now monotonic ms
   * @param standings of the tenants on platforms that several want; default: nobody's rows are weighed against others'
   */
  decide(
    devices: readonly DeviceView[],
    demands: readonly DemandView[],
    now: number,
    standings?: readonly Standing[],
  ): readonly PlacementAction[];
}
