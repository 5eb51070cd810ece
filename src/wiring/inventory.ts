/** The devices of each backend on this host: asked for once, in a worker of its own. */
import type { Device } from "../../backends/contract.ts";
import type { Fleet } from "../workers/types.ts";

export class Inventory {
  readonly #fleet: Pick<Fleet, "devices">;
  readonly #known = new Map<string, Promise<readonly Device[]>>();

  readonly #found: (backendKind: string, boards: readonly Device[]) => void;

  /** @param found is told of those that hold one artifact at a time */
  constructor(
    fleet: Pick<Fleet, "devices">,
    found: (backendKind: string, boards: readonly Device[]) => void,
  ) {
    this.#fleet = fleet;
    this.#found = found;
  }

  /** @throws BackendError where the backend's library is missing or broken; it is asked again the next time */
  devicesOf(backendKind: string): Promise<readonly Device[]> {
    const known = this.#known.get(backendKind);
    if (known !== undefined) return known;
    const asking = this.#ask(backendKind);
    this.#known.set(backendKind, asking);
    asking.catch(() => this.#known.delete(backendKind));
    return asking;
  }

  async #ask(backendKind: string): Promise<readonly Device[]> {
    const devices = await this.#fleet.devices(backendKind);
    const boards = devices.filter(({ reconfigurable }) => reconfigurable === true);
    if (boards.length > 0) this.#found(backendKind, boards);
    return devices;
  }
}
