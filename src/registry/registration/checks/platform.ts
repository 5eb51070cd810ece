import type { Device } from "../../../../backends/contract.ts";
import { type Check, type CheckContext, failed, type Outcome, passed } from "../check.ts";
import { readBytes } from "../read-bytes.ts";
import { refused } from "../refusal.ts";

/** It was compiled for the boards that there are, as the manifest says, too. */
export const platformCheck: Check = {
  name: "platform",
  needs: ["container", "vendor"],
  async run(context) {
    const { candidate, found } = context;
    const { facts, manifest, rule, formatRule } = found;
    const own = facts?.platform ?? "";
    const wanted = manifest?.artifact.platform ?? "any";
    if (wanted !== "any" && rule?.boards !== false) {
      try {
        await readBytes(context, { platform: wanted });
      } catch (thrown) {
        return refused(thrown, candidate, `compile it for ${wanted}`);
      }
    }
    const wrongInterface = interfaceMismatch(context);
    if (wrongInterface !== undefined) return wrongInterface;
    found.platform = wanted !== "any" ? wanted : own || rule?.defaultPlatform || "any";
    const said =
      wanted === "any" || wanted === own ? own : `${own}, which the manifest calls ${wanted}`;
    if (rule === undefined) return passed(`made for ${said}; no vendor was given to compare with`);
    if (!rule.boards) {
      const on = rule.architecture === undefined ? "any host" : `hosts with ${rule.architecture}`;
      return passed(`made for ${said}; runs on ${on}`);
    }
    if (formatRule?.backend === undefined)
      return passed(`made for ${said}; nothing here executes it`);
    return onBoards(context, said);
  },
};

/** UUID of the shell's interface, where the manifest states one (`parameters.interface_uuid`). */
function interfaceMismatch({ found }: CheckContext): Outcome | undefined {
  const stated = found.manifest?.parameters?.["interface_uuid"]?.toLowerCase();
  const own = found.facts?.details?.["interfaceUuid"];
  if (stated === undefined || typeof own !== "string" || own === stated) return undefined;
  return failed(
    `its interface is ${own}, the manifest says ${stated}`,
    "link it for the shell with that interface, or correct the manifest",
  );
}

async function onBoards(context: CheckContext, said: string): Promise<Outcome> {
  const { checkers, found } = context;
  const { rule, format = "", facts } = found;
  const { platformPattern } = rule ?? {};
  const own = facts?.platform ?? "";
  if (platformPattern?.formats.includes(format) && !platformPattern.pattern.test(own)) {
    return failed(
      `it was linked for ${own}; the boards of ${rule?.vendor} here are ${rule?.defaultPlatform} and its kin`,
      "link it for that platform (v++ --platform)",
    );
  }
  if (targetOf(context) === "hw_emu") {
    return failed(
      "it was linked for hardware emulation, which neither cards nor the emulated board execute",
      "link it with -t hw for cards, or with -t sw_emu for the emulated one",
    );
  }
  const boards = checkers.devices().filter(({ vendor }) => vendor === rule?.vendor);
  if (boards.length === 0) {
    return passed(
      `made for ${said}; no board of ${rule?.vendor} is known here, so only the vendor's rule was checked`,
    );
  }
  const fitting = await fittingBoards(context, boards);
  found.boards = fitting;
  if (fitting.length > 0)
    return passed(`made for ${said}, as ${fitting.map(({ id }) => id).join(", ")} has`);
  const known = [...new Set(boards.map(({ platform }) => platform))].join(", ");
  return failed(
    `it was compiled for ${said}; the boards known here have ${known}`,
    "compile it for the platform of the boards, or register it where its boards are",
  );
}

/** Readers know which names of a platform mean the same. */
async function fittingBoards(
  context: CheckContext,
  boards: readonly Device[],
): Promise<readonly Device[]> {
  const fits = new Map<string, boolean>();
  for (const { platform } of boards) {
    if (fits.has(platform)) continue;
    fits.set(platform, await agrees(context, platform));
  }
  return boards.filter(({ platform }) => fits.get(platform) === true);
}

async function agrees(context: CheckContext, platform: string): Promise<boolean> {
  try {
    await readBytes(context, { platform });
    return true;
  } catch {
    return false;
  }
}

/** `hw`, `sw_emu` or `hw_emu`; undefined: it does not say. */
export function targetOf({ found }: Pick<CheckContext, "found">): unknown {
  return found.facts?.details?.["target"];
}
