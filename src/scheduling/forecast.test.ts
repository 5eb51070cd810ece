import { expect, it } from "vitest";
import { FakeInstance } from "../../test/support/fake-instance.ts";
import { aRequest, FakeCall } from "../../test/support/requests.ts";
import { aCaller, aTenant } from "../../test/support/tenants.ts";
import type { Tenant } from "../inference/caller.ts";
import { UNBATCHED } from "../inference/queue-rules.ts";
import { ShareClock } from "../policy/fair-share/share-clock.ts";
import { Pool } from "../pool/pool.ts";
import { CostCurve } from "./cost-curve.ts";
import { Forecast } from "./forecast.ts";
import { TenantQueues } from "./tenant-queues.ts";

it("what waits of a tenant takes as long as full batches do with its part of the devices", () => {
  const curve = new CostCurve();
  for (const rows of [1, 2, 4, 8]) curve.observe(rows, 1_000 * rows);
  const queues = new TenantQueues({ ...UNBATCHED, dynamic: true }, new ShareClock(), curve);
  const pool = new Pool([new FakeInstance("0"), new FakeInstance("1")], () => 0);
  const forecast = new Forecast(pool, queues, curve, 8);
  const [cms, atlas] = [aTenant(0, { weight: 3 }), aTenant(1)];
  const send = (tenant: Tenant, rows: number) => {
    const call = Object.assign(new FakeCall(), { caller: aCaller(tenant) });
    queues.add(aRequest({ rows }), call, 0);
  };
  expect(forecast.waitMsOf(cms)).toBe(0);
  for (let at = 0; at < 10; at += 1) send(cms, 8);
  // 80 rows of 1 ms each on two devices that nobody else wants.
  expect(forecast.waitMsOf(cms)).toBeCloseTo(40, 0);
  send(atlas, 8);
  expect(forecast.waitMsOf(cms)).toBeCloseTo(40 / 0.75, 0);
  expect(forecast.waitMsOf(atlas)).toBeCloseTo(4 / 0.25, 0);
});
