/** An artifact that computes live requests once more in a whole gateway, and is found out. */
import { afterEach, describe, expect, it } from "vitest";
import type { DemotedArtifact } from "../../src/wiring/shadow/shadows.ts";
import { ADDING_CONFIG, addingGraph, anArtifact, rowOf } from "../support/fake-catalog.ts";
import { InferClient } from "../support/infer-client.ts";
import { encodeQuestion, type InferAnswer } from "../support/infer-messages.ts";
import { type RegistryGateway, startRegistryGateway } from "../support/registry-gateway.ts";

const LIMIT_MS = 180_000;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Demotion {
  readonly artifact: DemotedArtifact;
  readonly reason: string;
}

/** Version 2, `x + added`, computes all that version 1, `x + 1`, was asked. */
async function twoVersions(added: number, reference: "shared" | "own" = "shared") {
  const demotions: Demotion[] = [];
  let gateway: RegistryGateway | undefined;
  gateway = await startRegistryGateway(
    (catalog) => {
      const truth = catalog.put(addingGraph(1, "truth"));
      const set = (version: string, digest: string, its: string) => {
        const artifacts = [anArtifact({ digest })];
        const equivalence = { class: { kind: "ulp", max: 2 } } as const;
        catalog.set("jets", version, {
          config: ADDING_CONFIG,
          equivalence,
          artifacts,
          reference: its,
        });
      };
      set("1", truth, truth);
      const digest = catalog.put(addingGraph(added, "compiled"));
      set("2", digest, reference === "shared" ? truth : digest);
      catalog.alias("jets", "production", { version: "1" });
      catalog.alias("jets", "candidate", { version: "2", shadowShare: 1 });
    },
    [],
    undefined,
    async (artifact, reason) => {
      demotions.push({ artifact, reason });
      const { model, version, digest } = artifact;
      gateway?.catalog.state(model, version, "refused", digest, reason);
      gateway?.catalog.alias(model, "candidate", undefined);
      await gateway?.serving.follow([model]);
    },
  );
  const client = new InferClient(gateway.grpcPort);
  ends.push(
    () => gateway?.stop(),
    () => client.close(),
  );
  return { gateway, client, demotions };
}

/** Rows of requests that were computed once more, and those of them that failed. */
async function figures({ metricsPort }: RegistryGateway) {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const of = (name: string) => {
    const line = new RegExp(`^beamgate_shadow_${name}\\{.*version="2".*\\} (\\S+)$`, "m").exec(
      text,
    );
    return Number(line?.[1] ?? 0);
  };
  return { rows: of("rows_total"), failing: of("failing_rows_total") };
}

async function ask(client: InferClient, times: number) {
  const inputs = [{ name: "x", datatype: "FP32", shape: [1, 2], data: rowOf(1) }];
  const question = encodeQuestion({ model: "jets", version: "", texts: {}, inputs });
  const answers: InferAnswer[] = [];
  for (let i = 0; i < times; i++) answers.push(await client.infer(question, 30_000));
  return answers;
}

describe("a version that computes live requests once more", { timeout: LIMIT_MS }, () => {
  it("is demoted within 1 000 rows once it leaves its class; clients get production all the time", async () => {
    const { gateway, client, demotions } = await twoVersions(1.5);
    let asked = 0;
    const deadline = Date.now() + 120_000;
    while (demotions.length === 0 && Date.now() < deadline) {
      for (const { version, outputs } of await ask(client, 20)) {
        asked += 1;
        expect(version).toBe("1");
        expect(new Float32Array(Uint8Array.from(outputs.get("y") ?? []).buffer)).toEqual(
          Float32Array.of(2, 0),
        );
      }
      // A pause is when devices are idle.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const [demotion] = demotions;
    expect(demotion?.artifact).toMatchObject({ model: "jets", version: "2", variant: "cpu" });
    expect(demotion?.reason).toMatch(
      /of the newest \d+ rows of live requests are outside its class/,
    );
    const { rows, failing } = await figures(gateway);
    expect(rows).toBeLessThanOrEqual(1000);
    expect(failing).toBe(rows);
    expect(asked).toBeGreaterThanOrEqual(rows);
    // Nothing is computed once more from here on.
    await ask(client, 40);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await figures(gateway)).rows).toBe(rows);
    expect(demotions).toHaveLength(1);
  });

  it("stays while it is in its class", async () => {
    const { gateway, client, demotions } = await twoVersions(1);
    const { rows, failing } = await until(gateway, client, 150);
    expect(rows).toBeGreaterThanOrEqual(150);
    expect([failing, demotions]).toEqual([0, []]);
  });

  it("is only counted where it has a truth of its own", async () => {
    const { gateway, client, demotions } = await twoVersions(30, "own");
    const { rows, failing } = await until(gateway, client, 150);
    expect(failing).toBe(rows);
    expect(demotions).toEqual([]);
  });
});

/** Asks until so many rows were computed once more. */
async function until(gateway: RegistryGateway, client: InferClient, wanted: number) {
  const deadline = Date.now() + 120_000;
  let now = await figures(gateway);
  while (now.rows < wanted && Date.now() < deadline) {
    await ask(client, 20);
    await new Promise((resolve) => setTimeout(resolve, 50));
    now = await figures(gateway);
  }
  return now;
}
