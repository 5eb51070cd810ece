/** Words that the parts of the scenario's schema share. */
import { z } from "zod";

/** @param unit of the value, where it has one */
export function key<T extends z.ZodType>(type: T, description: string, unit?: string): T {
  return type.meta({ description, ...(unit === undefined ? {} : { unit }) });
}

export const nameOf = () => z.string().min(1).max(256);
export const count = (least = 0) => z.int().min(least);
export const positive = () => z.number().gt(0);

/** Of requests, such as `beamgate_vendor: intel`. */
export const parameters = () =>
  z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({});

/** A number that is fixed, or drawn anew each time. */
export const spread = () =>
  z.union([
    count(1),
    z
      .strictObject({
        min: key(count(), "Smallest"),
        max: key(count(1), "Largest, as likely as any other"),
      })
      .refine(({ min, max }) => min <= max, "`min` is larger than `max`"),
    z.strictObject({
      mean: key(positive(), "Of a Poisson distribution"),
      atLeast: key(count().default(0), "Smaller draws become this"),
    }),
    z.strictObject({
      median: key(positive(), "Of a log-normal distribution"),
      sigma: key(positive().max(5), "Of the logarithm"),
      most: key(count(1), "Larger draws become this"),
    }),
    z.strictObject({
      perCollision: key(positive(), "Mean for each collision of the crossing (Poisson)"),
      pileUp: key(positive().min(0.01).max(1000), "Mean of collisions in a crossing"),
    }),
  ]);

export type Spread = z.infer<ReturnType<typeof spread>>;
