/** Which process holds something, as it is written down. */

export interface Owner {
  readonly pid: number;
  /** Start time of the process; a pid alone is used again. */
  readonly started: string;
  /** Boot of the machine and name space of the pid; elsewhere the pid means nothing. */
  readonly place: string;
  readonly host: string;
  readonly token: string;
}
