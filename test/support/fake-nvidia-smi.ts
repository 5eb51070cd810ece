/** A program in place of nvidia-smi that prints what was recorded of the real one. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @param folder for the program
 * @param recorded folder with `list.txt`, `query.txt`, `profiles.txt`, `sensors.txt`; a missing one fails
 * @returns path of the program; it ends with the codes of the real one: 6 no device, 9 no driver
 */
export function fakeNvidiaSmi(folder: string, recorded: string): string {
  const path = join(folder, "nvidia-smi");
  const script = `#!/bin/sh
case "$*" in
  -L) file=list ;;
  --query-gpu=uuid,temperature*) file=sensors ;;
  --query-gpu=*) file=query ;;
  "mig -lgip") file=profiles ;;
esac
text=$(cat '${recorded}'/"$file.txt" 2>/dev/null) || { echo "Insufficient Permissions"; exit 4; }
printf '%s\\n' "$text"
case "$text" in
  "No devices were found") exit 6 ;;
  "NVIDIA-SMI has failed"*) exit 9 ;;
esac
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}
