/** Which devices answered, as beamgate's answers tell; other servers tell nothing. */
import type { Parameters } from "../../../src/inference/request.ts";

export interface OriginCount {
  readonly device: string;
  readonly variant: string;
  readonly artifact: string;
  readonly emulated: boolean;
  answers: number;
}

export class Origins {
  readonly #counts = new Map<string, OriginCount>();

  add(parameters: Parameters | undefined): void {
    const device = parameters?.get("beamgate_device")?.value;
    if (typeof device !== "string") return;
    const text = (name: string) => String(parameters?.get(name)?.value ?? "");
    const variant = text("beamgate_variant");
    const key = `${device}\n${variant}`;
    const known = this.#counts.get(key);
    if (known !== undefined) known.answers += 1;
    else {
      const emulated = parameters?.get("beamgate_emulated")?.value === true;
      const artifact = text("beamgate_artifact");
      this.#counts.set(key, { device, variant, artifact, emulated, answers: 1 });
    }
  }

  counts(): OriginCount[] {
    return [...this.#counts.values()];
  }
}

/** Those of several generators together. */
export function mergeOrigins(all: readonly (readonly OriginCount[])[]): OriginCount[] {
  const merged = new Map<string, OriginCount>();
  for (const origin of all.flat()) {
    const key = `${origin.device}\n${origin.variant}`;
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { ...origin });
    else known.answers += origin.answers;
  }
  return [...merged.values()].sort((a, b) => b.answers - a.answers);
}
