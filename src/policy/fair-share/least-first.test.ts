import fc from "fast-check";
import { expect, it } from "vitest";
import { LeastFirst } from "./least-first.ts";

it("gives the places of a row by the tags of who stands there, however many were left of the row before", () => {
  const row = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 });
  fc.assert(
    fc.property(fc.array(fc.tuple(row, fc.nat(200)), { maxLength: 5 }), (rows) => {
      const order = new LeastFirst();
      for (const [tags, most] of rows) {
        // Who stands at a place is somebody else than its number says.
        const members = tags.map((_, at) => tags.length - 1 - at);
        order.fill(members, tags);
        const taken: number[] = [];
        const places = new Set<number>();
        while (order.size > 0 && taken.length < most) {
          const { least } = order;
          const place = order.take();
          expect(tags[members[place] as number]).toBe(least);
          taken.push(least);
          places.add(place);
        }
        expect(taken).toEqual(tags.toSorted((a, b) => a - b).slice(0, most));
        expect(places.size).toBe(taken.length);
      }
    }),
  );
});
