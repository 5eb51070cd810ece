import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aRequest, FakeCall } from "../../test/support/requests.ts";
import { aCaller, aTenant } from "../../test/support/tenants.ts";
import type { Tenant } from "../inference/caller.ts";
import { NO_POLICY, type QueueRules, UNBATCHED } from "../inference/queue-rules.ts";
import type { InferRequest } from "../inference/request.ts";
import { ShareClock } from "../policy/fair-share/share-clock.ts";
import type { Entry } from "./entry.ts";
import { TenantQueues } from "./tenant-queues.ts";

const dynamic: QueueRules = { ...UNBATCHED, dynamic: true };
const [atlas, cms, lhcb] = [aTenant(0), aTenant(1), aTenant(2)];

function aQueue(rules = dynamic) {
  const clock = new ShareClock();
  const queues = new TenantQueues(rules, clock, { line: () => ({ fixedUs: 0, usPerRow: 100 }) });
  const add = (tenant: Tenant, request: Partial<InferRequest>, now = 0) => {
    const call = new FakeCall();
    return queues.add(aRequest(request), Object.assign(call, { caller: aCaller(tenant) }), now);
  };
  /** Serves what `mates` names, up to so many. */
  const serve = (most: number, now = 0) => {
    const head = queues.head(now);
    if (head === undefined) return "";
    const batch: Entry[] = [];
    const mates = queues.mates(head);
    for (let at = 0; at < most; at += 1) {
      const entry = mates.next();
      if (entry === undefined) break;
      batch.push(entry);
    }
    queues.take(batch, now);
    for (const { payer, request } of batch) if (payer) clock.charge(payer, request.rows * 100);
    return batch.map(({ request }) => request.id).join("");
  };
  return { clock, queues, add, serve };
}

describe("one tenant that waits", () => {
  it("is served in its order", () => {
    const { queues, add, serve } = aQueue();
    for (const id of ["a", "b", "c"]) add(atlas, { id });
    expect([queues.contended, queues.size, queues.rows]).toEqual([false, 3, 3]);
    expect(serve(2) + serve(2)).toBe("abc");
    expect(queues.size).toBe(0);
  });
});

describe("who is asked whose requests these are", () => {
  it("names those that wait, and once those that came and went since", () => {
    const { queues, add, serve } = aQueue();
    const told = () =>
      Array.from(queues.takeTenants(), ({ tenant, rows, requests }) => [
        tenant.index,
        rows,
        requests,
      ]);
    add(lhcb, { id: "before" });
    serve(1);
    expect(told()).toEqual([]);
    for (const id of ["a", "b"]) add(atlas, { id, rows: 3 });
    add(cms, { id: "x" });
    serve(8);
    add(atlas, { id: "c", rows: 2 });
    expect(told()).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [0, 2, 1],
    ]);
    expect(told()).toEqual([[0, 2, 1]]);
  });
});

describe("several tenants that wait", () => {
  it("share a batch, turn by turn", () => {
    const { add, serve } = aQueue();
    for (const id of ["a", "b", "c", "d"]) add(atlas, { id });
    for (const id of ["x", "y"]) add(cms, { id });
    expect([serve(4), serve(4)]).toEqual(["axby", "cd"]);
  });

  it("by weight", () => {
    const { add, serve } = aQueue();
    const heavy = aTenant(3, { weight: 2 });
    for (const id of ["a", "b", "c", "d", "e", "f"]) add(heavy, { id });
    for (const id of ["x", "y", "z"]) add(cms, { id });
    const first = serve(6);
    expect([...first].filter((id) => "abcdef".includes(id)).length).toBe(4);
  });

  it("share none where their shapes differ, and each gets its turn", () => {
    const { add, serve } = aQueue();
    for (const id of ["a", "b"]) add(atlas, { id, batchKey: "5" });
    add(cms, { id: "x", batchKey: "6" });
    add(lhcb, { id: "k", batchKey: "5" });
    expect([serve(9), serve(9), serve(9)]).toEqual(["akb", "x", ""]);
  });

  it("are left as they were by a look that took nothing", () => {
    const { queues, add, serve } = aQueue();
    for (const id of ["a", "b"]) add(atlas, { id });
    add(cms, { id: "x" });
    const head = queues.head(0);
    if (head === undefined) throw new Error("nobody waits");
    const look = () => {
      const mates = queues.mates(head);
      return [mates.next(), mates.next(), mates.next(), mates.next()].map((e) => e?.request.id);
    };
    expect(look()).toEqual(["a", "x", "b", undefined]);
    queues.mates(head).next();
    expect(look()).toEqual(["a", "x", "b", undefined]);
    expect(serve(9)).toBe("axb");
  });

  it("each have the model's limit on waiting requests for themselves", () => {
    const { add } = aQueue({ ...dynamic, defaultPolicy: { ...NO_POLICY, maxQueueSize: 1 } });
    add(atlas, {});
    expect(() => add(cms, {})).not.toThrow();
    expect(() => add(atlas, { id: "b" })).toThrow("Exceeds maximum queue size");
  });

  it("go on when one of them hangs up and comes back", () => {
    const { queues, add, serve } = aQueue();
    add(atlas, { id: "a" });
    const gone = add(cms, { id: "x" });
    queues.remove(gone);
    queues.remove(gone);
    expect(queues.size).toBe(1);
    add(cms, { id: "y" });
    expect(serve(9)).toBe("ay");
  });

  it("have their time-outs looked after", () => {
    const { queues, add } = aQueue({
      ...dynamic,
      defaultPolicy: { ...NO_POLICY, defaultTimeoutUs: 5_000 },
    });
    add(atlas, { id: "a" }, 0);
    add(cms, { id: "x" }, 1);
    expect(queues.nextExpiry()).toBe(5);
    expect(queues.expire(5).map(({ request }) => request.id)).toEqual(["a"]);
    expect([queues.size, queues.rows]).toEqual([1, 1]);
  });
});

describe("a request that is all that waits of its tenant", () => {
  const policy = { ...NO_POLICY, defaultTimeoutUs: 5_000, timeoutAction: "DELAY" as const };
  const twoLevels = { ...dynamic, priorityLevels: 2, defaultPriority: 2 };

  it("that waited too long goes behind those that come later, where its model says DELAY", () => {
    const { queues, add, serve } = aQueue({ ...dynamic, defaultPolicy: policy });
    add(atlas, { id: "a" }, 0);
    expect([queues.expire(5), queues.nextExpiry()]).toEqual([[], Number.POSITIVE_INFINITY]);
    add(atlas, { id: "b" }, 6);
    expect(serve(9, 6)).toBe("ba");
  });

  it("fills its own level, and no other", () => {
    const full = { ...twoLevels, defaultPolicy: { ...NO_POLICY, maxQueueSize: 1 } };
    const { queues, add } = aQueue(full);
    add(atlas, { priority: 1 });
    expect(() => add(atlas, { priority: 1 })).toThrow("Exceeds maximum queue size");
    expect(queues.size).toBe(1);
    expect(() => add(atlas, { priority: 2 })).not.toThrow();
  });

  it("is before what comes, at its level or a less urgent one", () => {
    const { queues, add } = aQueue(twoLevels);
    add(atlas, { rows: 3, priority: 2 }, 0);
    const ahead = (tenant: Tenant, priority: number, due: number) =>
      queues.rowsBefore(tenant, priority, due);
    expect([ahead(atlas, 1, 2_000), ahead(atlas, 2, 2_000), ahead(atlas, 2, 10)]).toEqual([
      0, 3, 0,
    ]);
    expect(ahead(cms, 2, 2_000)).toBe(0);
  });

  it("runs without company where its batch has other shapes, or it asked for none", () => {
    const { add, serve } = aQueue();
    add(atlas, { id: "a" });
    add(cms, { id: "x", alone: true });
    add(lhcb, { id: "k" });
    expect([serve(9), serve(9), serve(9)]).toEqual(["ak", "x", ""]);
  });
});

it("holds what came and did not leave, whoever sent it and in whatever order they come and leave", () => {
  const step = fc.oneof(
    fc.record({ tenant: fc.nat(2), priority: fc.integer({ min: 1, max: 2 }) }),
    fc.record({ leaves: fc.nat(9) }),
    fc.record({ afterMs: fc.nat(4) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const levels = { priorityLevels: 2, defaultPriority: 2 };
      const policy = { ...NO_POLICY, defaultTimeoutUs: 5_000 };
      const { queues, add } = aQueue({ ...dynamic, ...levels, defaultPolicy: policy });
      let now = 0;
      let held: Entry[] = [];
      const rows = ({ request }: Entry) => request.rows;
      for (const taken of steps) {
        if ("tenant" in taken) {
          const tenant = [atlas, cms, lhcb][taken.tenant] as Tenant;
          held.push(add(tenant, { rows: 1 + held.length, priority: taken.priority }, now));
        } else if ("leaves" in taken) {
          const [gone] = held.splice(taken.leaves % Math.max(1, held.length), 1);
          if (gone !== undefined) queues.remove(gone);
        } else {
          now += taken.afterMs;
          const late = held.filter(({ queuedAt }) => queuedAt + 5 <= now);
          held = held.filter((entry) => !late.includes(entry));
          expect(new Set(queues.expire(now))).toEqual(new Set(late));
        }
        const all = queues.all();
        expect(new Set(all)).toEqual(new Set(held));
        expect([all.length, queues.size]).toEqual([held.length, held.length]);
        const sum = held.reduce((total, entry) => total + rows(entry), 0);
        const byTenant = [...queues.rowsByTenant()];
        expect([queues.rows, byTenant.reduce((total, [, its]) => total + its, 0)]).toEqual([
          sum,
          sum,
        ]);
        const next = Math.min(
          Number.POSITIVE_INFINITY,
          ...held.map(({ queuedAt }) => queuedAt + 5),
        );
        expect(queues.nextExpiry()).toBe(next);
      }
    }),
  );
});

describe("a tenant whose share is spent elsewhere", () => {
  it("is served once a second all the same", () => {
    const { clock, add, serve } = aQueue();
    const spent = add(cms, { id: "x" }, 0);
    add(atlas, { id: "a" }, 0);
    if (spent.payer) clock.charge(spent.payer, 90_000);
    add(cms, { id: "y" }, 0);
    for (const id of ["b", "c", "d"]) add(atlas, { id }, 0);
    expect([serve(1, 500), serve(1, 1_001), serve(1, 1_002)]).toEqual(["a", "x", "b"]);
  });
});

it("fills a batch as if its requests were served one by one, whoever waits and whatever was served before", () => {
  const tenants = [1, 2, 3, 5, 7].map((weight, index) => aTenant(index, { weight }));
  const asked = fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 4 }));
  const moments = fc.array(
    fc.tuple(fc.array(asked, { maxLength: 12 }), fc.integer({ min: 1, max: 9 })),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(moments, (rounds) => {
      const { clock, queues, add } = aQueue();
      for (const [requests, most] of rounds) {
        for (const [at, rows] of requests) add(tenants[at] as Tenant, { rows });
        const head = queues.head(0);
        if (head === undefined) continue;
        const mates = queues.mates(head);
        const batch = Array.from({ length: most }, () => mates.next()).filter(
          (e) => e !== undefined,
        );
        expect(batch.length).toBe(Math.min(most, queues.size));
        // Every one of them was, when its turn came, of the tenant with the smallest tag.
        const left = new Map<number, number>();
        for (const { payer } of queues.all()) {
          if (payer) left.set(payer.tenant.index, (left.get(payer.tenant.index) ?? 0) + 1);
        }
        const tags = [...clock.tags];
        for (const { payer, request } of batch) {
          if (payer === undefined) throw new Error("nobody pays");
          const { index } = payer.tenant;
          const least = Math.min(
            ...[...left].filter(([, n]) => n > 0).map(([at]) => tags[at] ?? 0),
          );
          expect((tags[index] ?? 0) - least).toBeLessThan(1e-6);
          tags[index] = (tags[index] ?? 0) + (request.rows * 100) / clock.partOf(payer);
          left.set(index, (left.get(index) ?? 0) - 1);
        }
        queues.take(batch, 0);
        for (const { payer, request } of batch) if (payer) clock.give(payer, request.rows * 100);
        const last = batch.at(-1)?.payer;
        if (last) clock.advance(last);
      }
    }),
  );
});
