import { takersOf } from "../../vendors/vendor-rules.ts";
import { type Check, failed, passed, ruleOf, skipped } from "../check.ts";

/** The registry of the vendor takes this format, and the manifest was written for that vendor. */
export const vendorCheck: Check = {
  name: "vendor",
  needs: ["name", "container"],
  run(context) {
    const { candidate, checkers, found } = context;
    const { format = "", manifest } = found;
    const { vendor } = candidate;
    if (vendor === undefined) return skipped("no vendor was given");
    const rule = ruleOf(context, vendor);
    const formatRule = Object.hasOwn(rule.formats, format) ? rule.formats[format] : undefined;
    const takers = takersOf(checkers.rules, format);
    if (formatRule === undefined) {
      return failed(
        `the bytes are ${format}, which the registry of ${takers.join(" and ")} takes; that of ${vendor} ` +
          `takes ${Object.keys(rule.formats).join(", ")}`,
        `register it for ${takers.join(" or ")}, or hand in what was compiled for ${vendor}`,
      );
    }
    if (manifest !== undefined && manifest.vendor !== vendor) {
      return failed(
        `the manifest is for vendor '${manifest.vendor}', not for ${vendor}`,
        "correct manifest.json, or register it for that vendor",
      );
    }
    const { backend, keptBecause } = formatRule;
    if (manifest !== undefined && backend !== undefined && manifest.backend !== backend) {
      return failed(
        `the manifest names backend '${manifest.backend}', ${format} is executed by ${backend}`,
        "correct manifest.json",
      );
    }
    found.rule = rule;
    found.formatRule = formatRule;
    if (backend !== undefined) return passed(`${vendor} takes ${format}; ${backend} executes it`);
    return passed(`${vendor} keeps ${format}; nothing here executes it: ${keptBecause}`);
  },
};
