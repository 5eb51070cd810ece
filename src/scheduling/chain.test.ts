import { expect, it } from "vitest";
import { Chain } from "./chain.ts";

it("keeps the order, whoever leaves", () => {
  const chain = new Chain<string>();
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => chain.append(name));
  if (!a || !b || !c || !d) throw new Error("links");
  chain.remove(b);
  expect([...chain]).toEqual(["a", "c", "d"]);
  chain.remove(a);
  chain.remove(d);
  expect([chain.first, chain.size]).toEqual(["c", 1]);
  chain.remove(c);
  chain.append("e");
  expect([...chain]).toEqual(["e"]);
});

it("can be emptied while it is walked through", () => {
  const chain = new Chain<number>();
  const links = new Map([1, 2, 3].map((n) => [n, chain.append(n)]));
  const seen: number[] = [];
  for (const n of chain) {
    seen.push(n);
    const link = links.get(n);
    if (link) chain.remove(link);
  }
  expect(seen).toEqual([1, 2, 3]);
  expect(chain.size).toBe(0);
});
