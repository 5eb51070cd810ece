/** The devices of each backend on this host: asked for once, in a worker of its own. */
import type { Device } from "../../backends/contract.ts";
import type { Fleet } from "../workers/types.ts";

export class Inventory {
  readonly #fleet: Pick<Fleet, "devices">;
  readonly #known = new Map<string, Promise<readonly Device[]>>();

  constructor(fleet: Pick<Fleet, "devices">) {
    this.#fleet = fleet;
  }

  /** @throws BackendError where the backend's library is missing or broken; it is asked again the next time */
  devicesOf(backendKind: string): Promise<readonly Device[]> {
    const known = this.#known.get(backendKind);
    if (known !== undefined) return known;
    const asking = this.#fleet.devices(backendKind);
    this.#known.set(backendKind, asking);
    asking.catch(() => this.#known.delete(backendKind));
    return asking;
  }
}
