import { compareVersions, type Tool, type ToolRule, toolsOf } from "../../vendors/tool-rules.ts";
import { type Check, failed, type Outcome, passed, skipped } from "../check.ts";

/** The tools that made it are neither too old nor known to be wrong. */
export const toolchainCheck: Check = {
  name: "toolchain",
  needs: ["container", "vendor"],
  run({ found }) {
    const { format = "", facts, rule } = found;
    const tools = facts === undefined ? [] : toolsOf(format, facts);
    if (tools.length === 0) return skipped("the artifact does not say which tools made it");
    for (const tool of tools) {
      for (const each of rule?.tools ?? []) {
        const problem = each.tool === tool.tool ? judge(tool, each) : undefined;
        if (problem !== undefined) return problem;
      }
    }
    return passed(tools.map(({ tool, version }) => `${tool} ${version}`.trim()).join(", "));
  },
};

function judge({ tool, version }: Tool, rule: ToolRule): Outcome | undefined {
  if (version === "") return undefined;
  const denied = rule.denied?.find((each) => compareVersions(each.version, version) === 0);
  if (denied !== undefined) {
    return failed(
      `made by ${tool} ${version}, which is refused: ${denied.why}`,
      `build it with another ${tool}`,
    );
  }
  const { minimum, why = "older ones are refused" } = rule;
  if (minimum === undefined || compareVersions(version, minimum) >= 0) return undefined;
  return failed(
    `made by ${tool} ${version}, expected ${minimum} or later: ${why}`,
    `build it with ${tool} ${minimum} or later`,
  );
}
