import { toStatusError } from "../../../errors.ts";
import { type Check, failed, missing, passed, skipped } from "../check.ts";
import { configurationOf } from "../configuration.ts";
import { hasTensors } from "../settle-config.ts";

/** There is a configuration that can be served, and it is the version's. */
export const configCheck: Check = {
  name: "config",
  needs: ["name", "container", "manifest", "vendor"],
  run(context) {
    const { candidate, found } = context;
    try {
      const { config, source } = configurationOf(context);
      if (hasTensors(config)) return passed(SOURCES[source]);
      if (found.formatRule?.backend === undefined) {
        return skipped("nothing here executes the artifact, so nobody needs a configuration yet");
      }
      return missing(
        context,
        "configuration",
        "give a config.pbtxt: the artifact names no tensors",
      );
    } catch (thrown) {
      const { code, message } = toStatusError(thrown);
      if (code === "FAILED_PRECONDITION") {
        return failed(message, "leave the configuration out, or register a new version with it");
      }
      const whose = candidate.config === undefined ? "give a config.pbtxt" : "correct config.pbtxt";
      return failed(
        message,
        `${whose} (beamgate model check-config looks at it without a gateway)`,
      );
    }
  },
};

const SOURCES = {
  version: "that of the version",
  given: "as given",
  artifact: "completed from the artifact",
  none: "none is needed",
} as const;
