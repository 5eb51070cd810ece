import { describe, expect, it } from "vitest";
import { configJson } from "./config-answer.ts";

describe("a configuration in JSON", () => {
  const answer = JSON.parse(
    configJson({
      name: "m",
      max_batch_size: 8,
      input: [{ name: "IN", data_type: "TYPE_FP32", dims: ["-1", "3"] }],
      dynamic_batching: { max_queue_delay_microseconds: "500" },
      parameters: { k: { string_value: "v" } },
    }),
  );

  it("has 64-bit integers as numbers", () => {
    expect(answer.input[0].dims).toEqual([-1, 3]);
    expect(answer.dynamic_batching.max_queue_delay_microseconds).toBe(500);
  });

  it("shows defaults of numbers, texts, lists and maps", () => {
    expect(answer).toMatchObject({ platform: "", output: [], cc_model_filenames: {} });
    expect(answer.input[0]).toMatchObject({ format: "FORMAT_NONE", optional: false });
  });

  it("shows no message and no choice that is not there", () => {
    expect(answer).not.toHaveProperty("optimization");
    expect(answer).not.toHaveProperty("sequence_batching");
  });

  it("keeps every digit", () => {
    const text = configJson({
      version_policy: { specific: { versions: ["9223372036854775807"] } },
    });
    expect(text).toContain('"versions":[9223372036854775807]');
  });
});
