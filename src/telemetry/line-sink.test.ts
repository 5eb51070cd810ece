import { describe, expect, it } from "vitest";
import { LineSink, type WriteTo } from "./line-sink.ts";

/** A descriptor whose writes end when the test says so. */
function slowFile() {
  const written: string[] = [];
  const ends: ((error: NodeJS.ErrnoException | null, atMost?: number) => void)[] = [];
  const writeTo: WriteTo = (_fd, bytes, done) => {
    ends.push((error, atMost = bytes.length) => {
      if (error === null) written.push(bytes.subarray(0, atMost).toString());
      done(error, error === null ? atMost : 0);
    });
  };
  const end = (error: NodeJS.ErrnoException | null = null, atMost?: number) =>
    ends.shift()?.(error, atMost);
  return { written, writeTo, end, open: () => ends.length };
}

describe("lines written while an earlier one is on its way", () => {
  it("follow in order, in one piece", () => {
    const file = slowFile();
    const sink = new LineSink(1, 100, file.writeTo);
    for (const line of ["a\n", "b\n", "c\n"]) sink.write(line);
    expect(file.open()).toBe(1);
    file.end();
    file.end();
    expect(file.written).toEqual(["a\n", "b\nc\n"]);
  });

  it("are dropped and counted beyond the limit, and the sink recovers", () => {
    const file = slowFile();
    const sink = new LineSink(1, 4, file.writeTo);
    for (const line of ["a\n", "b\n", "c\n", "d\n"]) sink.write(line);
    expect(sink.droppedLines).toBe(1);
    file.end();
    file.end();
    sink.write("e\n");
    file.end();
    expect(file.written.join("")).toBe("a\nb\nc\ne\n");
  });
});

describe("a write that is cut short", () => {
  it("goes on with the rest", () => {
    const file = slowFile();
    const sink = new LineSink(1, 100, file.writeTo);
    sink.write("hello\n");
    file.end(null, 2);
    file.end();
    expect(file.written).toEqual(["he", "llo\n"]);
  });
});

describe("a full disk or a reader that is gone", () => {
  it.each(["ENOSPC", "EPIPE"])("%s loses lines, which are counted, and nothing else", (code) => {
    const file = slowFile();
    const sink = new LineSink(1, 100, file.writeTo);
    sink.write("a\n");
    sink.write("b\n");
    sink.write("c\n");
    file.end(null);
    file.end(Object.assign(new Error(code), { code }));
    expect(sink.droppedLines).toBe(2);
    sink.write("d\n");
    file.end();
    expect(file.written).toEqual(["a\n", "d\n"]);
  });
});

describe("waiting for the last line", () => {
  it("ends when it is out", async () => {
    const file = slowFile();
    const sink = new LineSink(1, 100, file.writeTo);
    sink.write("a\n");
    const idle = sink.idle(10_000);
    file.end();
    await idle;
    expect(file.written).toEqual(["a\n"]);
    await sink.idle(10_000); // at once
  });

  it("ends after a while when nobody reads", async () => {
    const sink = new LineSink(1, 100, slowFile().writeTo);
    sink.write("a\n");
    await sink.idle(20); // not for ever
  });
});
