/** The devices of this host, asked of nvidia-smi. */
import { nvidiaSmi } from "../common/nvidia/nvidia-smi.ts";
import { parseQuery } from "../common/nvidia/query.ts";
import type { BackendHost, Device } from "../contract.ts";
import { CARD_FIELDS, inventory } from "./inventory.ts";
import type { GpuOptions } from "./options.ts";
import { parseList } from "./parse-list.ts";
import { parseProfiles, type SliceProfile } from "./parse-profiles.ts";

/** @throws BackendError `device` where the tool fails or prints what nobody can read */
export async function discover(
  { provider, devices: wanted, nvidiaSmi: tool }: GpuOptions,
  host: BackendHost,
): Promise<readonly Device[]> {
  const cards = parseList(await nvidiaSmi(tool, ["-L"]));
  if (cards.length === 0) return chosen([], wanted, host);
  const query = [`--query-gpu=${CARD_FIELDS.join(",")}`, "--format=csv"];
  const rows = parseQuery(await nvidiaSmi(tool, query), CARD_FIELDS);
  const sliced = cards.some(({ slices }) => slices.length > 0);
  const profiles = sliced ? await readProfiles(tool, host) : new Map<number, SliceProfile[]>();
  const { devices, unusable } = inventory(cards, rows, profiles, provider);
  for (const reason of unusable) host.log("warn", reason);
  return chosen(devices, wanted, host);
}

/** Without them a slice serves as well; its size is then unknown. */
async function readProfiles(
  tool: string,
  host: BackendHost,
): Promise<ReadonlyMap<number, readonly SliceProfile[]>> {
  try {
    return parseProfiles(await nvidiaSmi(tool, ["mig", "-lgip"]));
  } catch (cause) {
    host.log("warn", "memory and compute of MIG slices are unknown", { reason: String(cause) });
    return new Map();
  }
}

/** One that is missing does not keep the others from serving. */
function chosen(
  devices: readonly Device[],
  wanted: GpuOptions["devices"],
  host: BackendHost,
): readonly Device[] {
  if (wanted === undefined) return devices;
  const present = devices.map(({ id }) => id).join(", ") || "none";
  for (const id of wanted) {
    if (devices.some((device) => device.id === id)) continue;
    host.log("warn", `gpu: options.devices: ${id} is not here; there are: ${present}`);
  }
  return devices.filter(({ id }) => wanted.includes(id));
}
