import { spawnSync } from "node:child_process";

/** True where this host's own nvidia-smi lists a card. */
export const hasNvidiaCard = /^GPU 0: /m.test(
  spawnSync("nvidia-smi", ["-L"], { encoding: "utf8" }).stdout ?? "",
);
