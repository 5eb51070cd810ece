/** A line of a recorded trace, for tests. */
import type { TraceLine } from "../../loadtest/arrivals/trace.ts";

/** Without the line's end. */
export function encodeTraceLine({ inputs, ...line }: TraceLine): string {
  return JSON.stringify({
    ...line,
    ...(inputs === undefined
      ? {}
      : {
          inputs: inputs.map(({ data, ...tensor }) => ({
            ...tensor,
            data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"),
          })),
        }),
  });
}
