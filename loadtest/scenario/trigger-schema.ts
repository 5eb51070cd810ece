/** What decides on the answers: the `trigger` of a stream. */
import { z } from "zod";
import { count, key, positive } from "./words.ts";

export const triggerSchema = z.strictObject({
  output: key(z.string().default(""), "Output that holds the score; empty: the first"),
  column: key(count().optional(), "Position in the row; absent: the largest value of it"),
  threshold: key(z.number(), "Accepted from here on"),
  prescale: key(count(1).default(1), "Every n-th accept is kept, by counting"),
  pipelineBx: key(
    positive().optional(),
    "Crossings that the front end can hold an event; later answers are late. 500 are 12.5 µs",
    "crossings",
  ),
  budgetMs: key(
    positive().optional(),
    "The same as a time of this run, where the experiment's own cannot be met; the smaller counts",
    "ms",
  ),
  late: key(
    z.enum(["lost", "forced"]).default("lost"),
    "An event without an answer in time is lost, or read out unseen (past prescale and dead time)",
  ),
  bufferEvents: key(
    count(1).optional(),
    "Events that may wait for a decision; those that come when it is full are lost",
    "events",
  ),
  rules: key(
    z
      .union([
        z.literal("cms"),
        z.array(
          z.strictObject({
            accepts: key(count(1).max(64), "At most so many accepts"),
            inBx: key(count(2), "in so many consecutive crossings", "crossings"),
          }),
        ),
      ])
      .default([]),
    "k-in-n rules; `cms`: 1 in 3, 2 in 25, 3 in 100, 4 in 240",
  ),
  spacingBx: key(
    count().default(0),
    "Crossings after an accept that accept nothing (simple dead time)",
    "crossings",
  ),
  buckets: key(
    z
      .array(
        z.strictObject({
          size: key(count(1), "Accepts that it holds", "events"),
          bx: key(count(1), "It loses one in so many crossings", "crossings"),
        }),
      )
      .default([]),
    "Leaky buckets (complex dead time): no accept that would overfill one",
  ),
});

export type TriggerSpec = z.infer<typeof triggerSchema>;
