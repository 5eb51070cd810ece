/** config.pbtxt as text: what is accepted says the same when it is written down and read again. */
import { formatConfig, MAX_CONFIG_BYTES, parseConfig } from "../../../src/registry/config-pbtxt.ts";
import type { ModelConfigObject } from "../../../src/registry/types.ts";
import { configSeeds } from "../corpus.ts";
import { type Family, LARGEST_SEED_BYTES, outcomeOf } from "./family.ts";

export function makePbtxtFamily(): Family {
  return {
    seeds: configSeeds().filter(({ length }) => length > 0 && length <= LARGEST_SEED_BYTES),
    read: async (mutant) => {
      let config: ModelConfigObject | undefined;
      const outcome = await outcomeOf(() => {
        config = parseConfig(mutant.toString("utf8"), "config.pbtxt");
      });
      if (config !== undefined) {
        const written = formatConfig(config);
        if (written.length > MAX_CONFIG_BYTES) return "read, too long to be written";
        if (formatConfig(parseConfig(written, "written")) !== written) {
          throw new Error(`written and read again it says something else: ${written}`);
        }
      }
      return outcome;
    },
  };
}
