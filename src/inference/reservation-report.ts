/** Windows in which devices are withdrawn for somebody, as people see them. */

export interface ReservationReport {
  readonly name: string;
  readonly tenant: string;
  readonly devices: readonly string[];
  readonly models: readonly string[];
  readonly leadMinutes: number;
  /** The running window or the next one, ISO 8601; absent: it is over. */
  readonly from?: string;
  readonly to?: string;
  readonly state: "over" | "waiting" | "draining" | "running";
  /** Devices it has now. */
  readonly holds: readonly string[];
  /** Why it does not have what it should have. */
  readonly trouble?: string;
  /** `file`: written by the operator, and only changed there. */
  readonly origin: "file" | "added";
}

/** On a device: who has it, or will have it. */
export interface DeviceReservation {
  readonly name: string;
  readonly tenant: string;
  readonly from: string;
  readonly to: string;
  readonly state: "waiting" | "draining" | "running";
}

export interface ReservationList {
  /** Of those that were added; grows with every change. */
  readonly generation: number;
  readonly durable: boolean;
  readonly reservations: readonly ReservationReport[];
}

export interface ReservationControl {
  list(): ReservationList;
  /** @param given as `policy/reservation/read-reservation.ts` reads it @throws StatusError */
  add(given: object, context: ReservationContext): Promise<ReservationList>;
  /** @throws StatusError NOT_FOUND; FAILED_PRECONDITION for one of the file */
  remove(name: string, context: ReservationContext): Promise<ReservationList>;
}

export interface ReservationContext {
  readonly who: string;
  readonly generation?: number | undefined;
}
