import type { DeviceView } from "./views.ts";

/** A device in the plan. */
export interface Board {
  readonly view: DeviceView;
  /** Devices with a dedicated link between them have the same; one without is alone in its own. */
  readonly linkGroup: string;
  /** Cost of a switch, ms. */
  readonly switchMs: number;
  /** Variant that it holds or will hold. */
  holds: string | undefined;
  /** An action is decided for it, or it is kept for somebody: no more is decided now. */
  taken: boolean;
}

export function boardOf(view: DeviceView, assumedSwitchMs: number): Board {
  return {
    view,
    linkGroup: view.linkGroup === undefined ? `device ${view.id}` : `link ${view.linkGroup}`,
    switchMs: view.switchMs ?? assumedSwitchMs,
    holds: view.resident,
    taken: view.state !== "ready",
  };
}

/** It serves, or will when it is loaded. */
export const inService = ({ view }: Board): boolean =>
  view.state === "ready" || view.state === "loading";
