/** What the emulation tells its boards, and where both look for each other's files. */
import { join } from "node:path";
import type { Faults } from "./faults.ts";

export interface BoardSettings {
  /** How long programming takes, on top of what it takes here. */
  readonly secondsPerLoad: number;
  readonly faults: Faults;
  readonly faultsFile?: string;
}

/** In the emulation's private folder: why board `number` ended, as soon as it has. */
export function failureFile(folder: string, number: number): string {
  return join(folder, `board-${number}.failed`);
}

/** In the same folder; read by each board when it starts. */
export function settingsFile(folder: string): string {
  return join(folder, "boards.json");
}

/** Where XRT 2.13 listens: it names the socket by board and process. */
export function socketPath(environment: NodeJS.ProcessEnv): string {
  const { USER: user, EMULATION_SOCKETID: id } = environment;
  return user ? join("/tmp", user, id ?? "xcl_sock") : "/tmp/xcl_sock";
}

/** XRT's name of the socket begins with `device<number>_`. */
export function boardNumber(environment: NodeJS.ProcessEnv): number {
  return Number(/^device(\d+)_/.exec(environment["EMULATION_SOCKETID"] ?? "")?.[1] ?? 0);
}
