import { describe, expect, it } from "vitest";
import { FakeInstance } from "../../../test/support/fake-instance.ts";
import { aSignature } from "../../../test/support/requests.ts";
import { Pool } from "../../pool/pool.ts";
import type { ModelDefinition } from "../../registry/types.ts";
import { IdleDevices } from "./shadow-devices.ts";

const definition = { name: "jets", version: "1", signature: aSignature() } as ModelDefinition;
const rows = (...values: number[]) => [
  {
    ...({ name: "x", datatype: "UINT8" } as const),
    shape: [values.length, 2],
    data: Uint8Array.from(values.flatMap((value) => [value, value])),
  },
];

/** Boards that serve an artifact, of which the test says what else they do. */
function boards(...ids: string[]) {
  const busy = new Set<string>();
  const instances = ids.map((id) => {
    const instance = new FakeInstance(id, 2);
    const device = { id, vendor: "xilinx", platform: "u50" };
    return Object.assign(instance, { report: { ...instance.report, device } });
  });
  const pool = new Pool(instances, () => 0);
  const shadow = new IdleDevices(definition, pool, (id) => !busy.has(id));
  return { busy, instances, pool, shadow };
}

describe("boards on which live requests are computed once more", () => {
  it("are those that run nothing and for which nothing live waits", async () => {
    const { busy, instances, shadow } = boards("b0", "b1");
    busy.add("b0");
    expect(shadow.idle).toBe(true);
    const run = shadow.run([rows(1), rows(2, 3)]);
    expect(instances.map((each) => each.runs.map((r) => r.run.memberRows))).toEqual([[], [[1, 2]]]);
    instances[1]?.runs[0]?.finish(9);
    const { outputs, deviceUs } = await run;
    expect(outputs.map((each) => [...(each.get("y") ?? [])])).toEqual([
      [1, 1],
      [2, 2, 3, 3],
    ]);
    expect(deviceUs).toBe(9);
    expect(instances[1]?.rooms).toBe(0);
  });

  it("get no second batch beside one that runs, though they would take it", async () => {
    const { instances, shadow } = boards("b0");
    const run = shadow.run([rows(1)]);
    expect(shadow.idle).toBe(false);
    await expect(shadow.run([rows(2)])).rejects.toMatchObject({ code: "UNAVAILABLE" });
    instances[0]?.runs[0]?.finish();
    await run;
    expect(shadow.idle).toBe(true);
  });

  it("are not switched under a batch, are none once they hold something else, and are not closed", async () => {
    const { instances, pool, shadow } = boards("b0");
    const run = shadow.run([rows(1)]);
    const [lane] = pool.lanes;
    if (lane === undefined) throw new Error("no lane");
    let retired = false;
    const retiring = pool.retire(lane).then(() => {
      retired = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(retired).toBe(false);
    instances[0]?.runs[0]?.finish();
    await run;
    await retiring;
    expect(shadow.idle).toBe(false);
    await shadow.close();
    expect(instances[0]?.closed).toBe(false);
  });
});
