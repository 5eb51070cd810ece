import Fastify from "fastify";
import { describe, expect, it } from "vitest";
import { addUsage, USAGE } from "./usage.ts";

const now = Date.parse("2026-03-02T12:00Z");

async function asked(query: string) {
  const app = Fastify({ exposeHeadRoutes: false });
  const spans: object[] = [];
  const source = (span: object) => {
    spans.push(span);
    return Promise.resolve([]);
  };
  addUsage(app, source, () => now);
  const { body } = await app.inject({ url: `${USAGE}?${query}` });
  await app.close();
  return { spans, body };
}

describe("a question for usage", () => {
  it("is about the newest day, or from one time to another", async () => {
    const day = 86_400_000;
    expect((await asked("")).spans).toEqual([{ fromMs: now - day, toMs: now }]);
    const leap = await asked("from=2024-02-29&to=2024-02-29T06:00Z");
    const fromMs = Date.parse("2024-02-29");
    expect(leap.spans).toEqual([{ fromMs, toMs: fromMs + day / 4 }]);
  });

  it.each([
    "from=2026-02-30",
    "from=2025-02-29T00:00Z",
    "to=2026-04-31T12:00%2B02:00",
    "from=2026-13-01",
    "from=yesterday",
  ])("about a day that there is not is refused: %s", async (query) => {
    const { spans, body } = await asked(query);
    expect(spans).toEqual([]);
    expect(body).toMatch(/'(from|to)' of a question for usage: expected a date, or a time such as/);
  });
});
