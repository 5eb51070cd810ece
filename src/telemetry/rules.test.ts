/** What is shipped for Prometheus and Grafana, and that the parts of it fit each other. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { NO_PROMTOOL, promtool } from "../../test/support/prometheus.ts";
import { packageRoot } from "../package-root.ts";
import { readRunbook } from "./runbook.ts";

const HERE = join(packageRoot, "src", "telemetry");
const RULES = join(HERE, "rules");

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
const file = parse(readFileSync(join(RULES, "beamgate.rules.yaml"), "utf8")) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = file.groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);

describe.skipIf(NO_PROMTOOL !== undefined)(`the rules ${NO_PROMTOOL ?? ""}`, () => {
  it("are what Prometheus takes", () => {
    const { status, text } = promtool(["check", "rules", join(RULES, "beamgate.rules.yaml")]);
    expect(text).toContain(`${rules.length} rules found`);
    expect(status).toBe(0);
  });

  it("fire when they should, say what they should, and not before", () => {
    const { status, text } = promtool(["test", "rules", "beamgate.test.yaml"], "", RULES);
    expect(text).toContain("SUCCESS");
    expect(status).toBe(0);
  });
});

describe("each alert", () => {
  it.each(alerts.map(({ alert, annotations }) => [alert, annotations] as const))(
    "%s leads to a page, which names it, and has a test",
    (alert, annotations) => {
      const page = /^http:\/\/\{\{ \$labels\.instance \}\}\/runbook\/([\w-]+)$/.exec(
        annotations?.["runbook_url"] ?? "",
      )?.[1];
      expect(readRunbook().get(page ?? "")).toContain(`\`${alert}\``);
      const tests = readFileSync(join(RULES, "beamgate.test.yaml"), "utf8");
      expect(tests).toContain(`alertname: ${alert}\n`);
    },
  );
});

describe("the runbook", () => {
  const pages = readRunbook();

  /** Of what the dashboard alone tells of (`http/dashboard/alerts.ts`). */
  const ofTheDashboard = ["device-drained", "model-unavailable", "open-doors"];

  it("has a page for each alert, and no other", () => {
    const linked = alerts.map(({ annotations }) => annotations?.["runbook_url"]?.split("/").at(-1));
    expect([...pages.keys()]).toEqual([...linked, ...ofTheDashboard].toSorted());
  });

  it.each([...pages])("%s leads to pages that are there", (_name, text) => {
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link ?? "");
    for (const link of links) expect([...pages.keys()]).toContain(link);
  });
});

describe("the dashboards", () => {
  const folder = join(HERE, "dashboards");
  const boards = readdirSync(folder).map((name) => {
    return JSON.parse(readFileSync(join(folder, name), "utf8")) as {
      readonly uid: string;
      readonly panels: readonly {
        readonly id: number;
        readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>;
        readonly datasource: { readonly uid: string };
        readonly targets: readonly { readonly expr: string }[];
      }[];
    };
  });

  it("differ in their ids, and ask the data source that is chosen", () => {
    expect(new Set(boards.map(({ uid }) => uid)).size).toBe(boards.length);
    for (const { panels } of boards) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      for (const { datasource } of panels) expect(datasource.uid).toBe(`\${datasource}`);
    }
  });

  it("have no panel over another one", () => {
    for (const { panels } of boards) {
      const taken = new Set<string>();
      for (const { gridPos } of panels) {
        expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
            expect(taken.has(`${x} ${y}`)).toBe(false);
            taken.add(`${x} ${y}`);
          }
        }
      }
    }
  });
});
