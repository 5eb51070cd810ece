import { describe, expect, it } from "vitest";
import { EndpointLoad, type Load } from "./endpoint-load.ts";

const quiet: Load = {
  ...{ cpu: 0.123456, memory: 0.5, devices: 0.9 },
  ...{ secondsAhead: 0.25, pending: 3 },
};

function setUp(load: Load) {
  const at = { now: 0, reads: 0 };
  const read = () => {
    at.reads += 1;
    return load;
  };
  return { at, report: new EndpointLoad(read, () => at.now) };
}

describe("the load that an answer tells", () => {
  it("is a list in the form TEXT", () => {
    expect(setUp(quiet).report.header("text", "jets", "1")).toBe(
      "TEXT cpu_utilization=0.1235, mem_utilization=0.5, application_utilization=0.9, " +
        "named_metrics.queue_seconds_ahead=0.25, named_metrics.pending_requests=3",
    );
  });

  it("is an object in the form JSON, without what nobody knows", () => {
    const { report } = setUp({ ...quiet, devices: undefined, secondsAhead: undefined });
    const [form, json = ""] = report.header("JSON", "jets", "1")?.split(/ (.*)/) ?? [];
    expect(form).toBe("JSON");
    expect(JSON.parse(json)).toEqual({
      cpu_utilization: 0.1235,
      mem_utilization: 0.5,
      named_metrics: { pending_requests: 3 },
    });
  });

  it("is nothing in a form that there is not", () => {
    const { at, report } = setUp(quiet);
    for (const format of ["", "bin", "text, json", "x\r\nset-cookie: a"]) {
      expect(report.header(format, "jets", "1"), format).toBeUndefined();
    }
    expect(at.reads).toBe(0);
  });

  it("is looked at ten times a second and model, however often it is asked for", () => {
    const { at, report } = setUp(quiet);
    for (; at.now < 1000; at.now += 1) {
      report.header("text", "jets", "1");
      report.header("json", "jets", "2");
    }
    expect(at.reads).toBe(20);
  });
});
