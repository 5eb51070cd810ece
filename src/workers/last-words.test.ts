import { describe, expect, it } from "vitest";
import { LastWords } from "./last-words.ts";

describe("last words", () => {
  it("are the end of what was written, 4 kB of it", () => {
    const words = new LastWords();
    for (let i = 0; i < 1000; i++) words.push(Buffer.from(`line ${i}\n`));
    words.push(Buffer.from("Segmentation fault\n"));
    const text = words.toString();
    expect(text.endsWith("line 999\nSegmentation fault")).toBe(true);
    expect(text.length).toBeGreaterThan(4000);
    expect(text.length).toBeLessThanOrEqual(4096);
  });

  it("of one enormous line are its end", () => {
    const words = new LastWords();
    words.push(Buffer.alloc(10_000_000, "a"));
    words.push(Buffer.from("b"));
    expect(words.toString()).toBe(`${"a".repeat(4095)}b`);
  });

  it("of somebody who said nothing are empty", () => {
    expect(new LastWords().toString()).toBe("");
  });
});
