import { describe, expect, it } from "vitest";
import { aRequest, FakeCall } from "../../test/support/requests.ts";
import { NO_POLICY, type QueueRules, UNBATCHED } from "../inference/queue-rules.ts";
import type { InferRequest } from "../inference/request.ts";
import type { Entry } from "./entry.ts";
import { Levels } from "./levels.ts";
import { RequestQueue } from "./queue.ts";

const dynamic: QueueRules = { ...UNBATCHED, dynamic: true };
const threeLevels: QueueRules = { ...dynamic, priorityLevels: 3, defaultPriority: 2 };

function filled(rules: QueueRules, ...requests: Partial<InferRequest>[]) {
  const levels = new Levels(rules);
  const queue = new RequestQueue(levels);
  const add = (request: Partial<InferRequest>, now = 0) => {
    const entry = levels.entry(aRequest(request), new FakeCall(), now);
    queue.add(entry);
    return entry;
  };
  return { queue, add, entries: requests.map((request) => add(request)) };
}
const ids = (entries: Iterable<{ request: InferRequest }>) =>
  [...entries].map((e) => e.request.id).join("");

const matesOf = (queue: RequestQueue, head: Entry | undefined) => {
  const mates = head && queue.mates(head);
  let served = "";
  for (let entry = mates?.next(); entry; entry = mates?.next()) served += entry.request.id;
  return served;
};

function order(queue: RequestQueue): string {
  let served = "";
  for (let head = queue.head(); head; head = queue.head()) {
    served += head.request.id;
    queue.remove(head);
  }
  return served;
}

describe("serving order", () => {
  it("is arrival without priority levels, whatever priority a request asks for", () => {
    const { queue } = filled(dynamic, { id: "a", priority: 3 }, { id: "b", priority: 1 });
    expect(order(queue)).toBe("ab");
  });

  it("is level, then arrival; 0 and levels that do not exist mean the default", () => {
    const { queue } = filled(
      threeLevels,
      { id: "a", priority: 3 },
      { id: "b" },
      { id: "c", priority: 1 },
      { id: "d", priority: 9 },
    );
    expect(order(queue)).toBe("cbda");
  });
});

describe("those that may share a batch with the head", () => {
  it("have its shapes", () => {
    const { queue, entries } = filled(
      dynamic,
      { id: "a", batchKey: "5" },
      { id: "b", batchKey: "6" },
      { id: "c", batchKey: "5" },
    );
    const [a] = entries;
    expect(matesOf(queue, a)).toBe("ac");
  });

  it("are none for a request that asked to run alone, and it is nobody's mate", () => {
    const { queue, entries } = filled(dynamic, { id: "a", alone: true }, { id: "b" }, { id: "c" });
    const [a, b] = entries;
    expect(matesOf(queue, a)).toBe("a");
    expect(matesOf(queue, b)).toBe("bc");
  });

  it("are none where the configuration has no dynamic batching", () => {
    const { queue, entries } = filled(UNBATCHED, { id: "a" }, { id: "b" });
    const [a] = entries;
    expect(matesOf(queue, a)).toBe("a");
  });
});

describe("a queue policy", () => {
  const policy = { ...NO_POLICY, maxQueueSize: 2, defaultTimeoutUs: 5000 };

  it("refuses in Triton's words what does not fit, and takes it again after one left", () => {
    const { queue, add, entries } = filled({ ...dynamic, defaultPolicy: policy }, {}, {});
    expect(() => add({ id: "x" })).toThrow("[request id: x] Exceeds maximum queue size");
    const [first] = entries;
    if (first) queue.remove(first);
    expect(() => add({ id: "x" })).not.toThrow();
  });

  it("rejects what waited too long", () => {
    const { queue } = filled({ ...dynamic, defaultPolicy: policy }, { id: "a" });
    expect(queue.nextExpiry()).toBe(5);
    expect(queue.expire(4.9)).toEqual([]);
    expect(ids(queue.expire(5))).toBe("a");
    expect(queue.size).toBe(0);
  });

  it("with DELAY serves it after the others of its level instead", () => {
    const late = { ...policy, maxQueueSize: 0, timeoutAction: "DELAY" as const };
    const { queue, add } = filled({ ...dynamic, defaultPolicy: late }, { id: "a" });
    expect(queue.expire(5)).toEqual([]);
    add({ id: "b" }, 6);
    expect(order(queue)).toBe("ba");
  });

  it.each([
    ["counts when shorter and allowed", true, 1000, 1],
    ["is ignored when longer", true, 9000, 5],
    ["is ignored when not allowed", false, 1000, 5],
  ])("a request's own time-out %s", (_, allowTimeoutOverride, timeoutUs, expiry) => {
    const given = { ...dynamic, defaultPolicy: { ...policy, allowTimeoutOverride } };
    expect(filled(given, { timeoutUs }).queue.nextExpiry()).toBe(expiry);
  });
});

it("forgets a request that was removed from the middle", () => {
  const { queue, entries } = filled(dynamic, { id: "a" }, { id: "b" }, { id: "c" });
  const [a, b] = entries;
  if (!a || !b) throw new Error("entries");
  queue.remove(b);
  queue.remove(b);
  expect(queue.size).toBe(2);
  expect(matesOf(queue, a)).toBe("ac");
});
