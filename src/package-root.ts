/** Where this package lies, whether its sources or its built files run. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("beamgate: no package.json above its own files");
    folder = parent;
  }
  return folder;
}

export const packageRoot = findPackageRoot();
