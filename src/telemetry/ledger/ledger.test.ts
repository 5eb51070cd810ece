import { describe, expect, it } from "vitest";
import { aRequest, aSignature } from "../../../test/support/requests.ts";
import { ANYBODY, DEFAULT_TENANT, type Tenant } from "../../inference/caller.ts";
import type { RequestOutcome } from "../../inference/outcome.ts";
import { newTimeline } from "../../inference/timeline.ts";
import { type UsageLine, type UsageStep, usageCsv } from "../../inference/usage.ts";
import { Ledger } from "./ledger.ts";
import { ledgerMetrics } from "./ledger-metrics.ts";

const cms: Tenant = { ...DEFAULT_TENANT, name: "cms", index: 1 };
const u50 = { id: "u50-0", vendor: "xilinx", platform: "xilinx_u50" };
const signature = aSignature();
const timing = { inputUs: 5, inferUs: 1000, outputUs: 5 };

function outcome(given: Partial<RequestOutcome> = {}): RequestOutcome {
  const { rows = 4 } = given;
  return {
    signature,
    rows,
    timeline: newTimeline(1),
    failure: undefined,
    execution: timing,
    caller: { ...ANYBODY, tenant: cms },
    request: aRequest({ rows }),
    bytesOut: 2 * rows,
    batchRows: 16,
    device: u50,
    ...given,
  };
}

const jets = { tenant: "cms", model: "jets", version: "1", variant: "" };
const onU50 = { ...jets, device: "xilinx/xilinx_u50" };

describe("the ledger", () => {
  it("parts the time of a batch by the rows of each request, and adds up to it", () => {
    const ledger = new Ledger();
    for (const rows of [4, 11, 1]) ledger.ended(outcome({ rows }));
    expect(ledger.take()).toEqual([
      {
        ...onU50,
        requests: 3,
        rows: 16,
        bytesIn: 32,
        bytesOut: 32,
        deviceSeconds: 0.001,
        measuredSeconds: 0,
        joules: null,
        refused: {},
      },
    ]);
  });

  it("counts a bundle as the requests that it stands for", () => {
    const ledger = new Ledger();
    ledger.ended(outcome({ requests: 4 }));
    ledger.ended(outcome({ requests: 3, failure: "CANCELED", execution: undefined }));
    expect([...ledger.totals()][0]).toMatchObject({
      requests: 4,
      rows: 4,
      refused: { cancelled: 3 },
    });
  });

  it("keeps apart what went to other devices, variants and tenants", () => {
    const ledger = new Ledger();
    const { caller: _, ...ofNobody } = outcome();
    ledger.ended(outcome());
    ledger.ended(outcome({ device: { ...u50, id: "u50-1" } }));
    ledger.ended(outcome({ device: { ...u50, vendor: "intel" } }));
    ledger.ended(outcome({ variant: "quantised" }));
    ledger.ended(ofNobody);
    const told = [...ledger.totals()].map(({ tenant, variant, device, requests }) =>
      [tenant, variant, device, requests].join(" "),
    );
    expect(told).toEqual([
      "cms  xilinx/xilinx_u50 2",
      "cms  intel/xilinx_u50 1",
      "cms quantised xilinx/xilinx_u50 1",
      "default  xilinx/xilinx_u50 1",
    ]);
  });

  it("charges the devices that the steps of an ensemble used, but counts one request", () => {
    const told: string[] = [];
    const ledger = new Ledger(({ name }, seconds) => told.push(`${name} ${seconds}`));
    ledger.ended(outcome({ onBehalf: true }));
    ledger.ended(
      outcome({
        signature: aSignature({ name: "chain" }),
        device: undefined,
        batchRows: undefined,
      }),
    );
    expect(ledger.take()).toMatchObject([
      { model: "jets", requests: 0, rows: 0, bytesIn: 0, deviceSeconds: 0.00025 },
      { model: "chain", requests: 1, rows: 4, bytesIn: 8, deviceSeconds: 0 },
    ]);
    expect(told).toEqual(["cms 0.00025"]);
  });

  it("charges device time also where nobody waits for the answer any more", () => {
    const ledger = new Ledger();
    ledger.ended(outcome({ failure: "CANCELED" }));
    expect(ledger.take()).toMatchObject([
      { requests: 0, rows: 0, bytesOut: 0, deviceSeconds: 0.00025, refused: { cancelled: 1 } },
    ]);
  });

  it("gives what is new since it was asked last, which adds up to its totals", () => {
    const ledger = new Ledger();
    ledger.ended(outcome());
    ledger.refused(cms, signature, "invalid");
    expect(ledger.take()).toHaveLength(2);
    expect(ledger.take()).toEqual([]);
    ledger.ended(outcome());
    ledger.refused(cms, undefined, "unknown-model");
    expect(ledger.take().map(({ requests, refused }) => [requests, refused])).toEqual([
      [1, {}],
      [0, { "unknown-model": 1 }],
    ]);
    expect([...ledger.totals()].map(({ requests }) => requests)).toEqual([2, 0, 0]);
  });

  it("goes on with the counters of a model that was loaded anew", () => {
    const ledger = new Ledger();
    ledger.ended(outcome());
    ledger.ended(outcome({ signature: aSignature() }));
    expect([...ledger.totals()]).toMatchObject([{ requests: 2 }]);
  });
});

describe("its metrics", () => {
  it("tell refusals of a model once, wherever they happened", () => {
    const ledger = new Ledger();
    ledger.ended(outcome({ failure: "BACKEND" }));
    ledger.refused(cms, signature, "backend");
    const metric = ledgerMetrics(() => ledger.rows()).find(({ name }) => name.includes("refused"));
    expect([...(metric?.read() ?? [])]).toEqual([
      { labels: { tenant: "cms", model: "jets", version: "1", reason: "backend" }, value: 2 },
    ]);
  });
});

describe("its lines as CSV", () => {
  const line: UsageLine = {
    ...{ ...onU50, variant: 'a,"b"', requests: 1, rows: 2, bytesIn: 3, bytesOut: 4 },
    ...{ deviceSeconds: 0.5, measuredSeconds: 0.4, joules: 12.5, refused: { queue: 7 } },
  };

  it("begin with the time that they are of, under its name", () => {
    const start = (hour: string, step: UsageStep) => {
      const [head = "", row = ""] = usageCsv([{ hour, ...line }], step).split("\r\n");
      return [head, row].map((each) => each.split(",").slice(0, 2));
    };
    expect(start("2026-11-28", "day")).toEqual([
      ["day", "tenant"],
      ["2026-11-28", "cms"],
    ]);
    expect(start("", "total")).toEqual([
      ["tenant", "model"],
      ["cms", "jets"],
    ]);
  });

  it("have a column for each reason, and quotes where a text needs them", () => {
    expect(
      usageCsv(
        [
          { hour: "2026-11-28T12", ...line },
          { hour: "2026-11-28T13", ...line, measuredSeconds: 0, joules: null, refused: {} },
        ],
        "hour",
      ),
    ).toBe(
      "hour,tenant,model,version,variant,device,requests,rows,bytesIn,bytesOut,deviceSeconds,measuredSeconds,joules,refused:queue\r\n" +
        '2026-11-28T12,cms,jets,1,"a,""b""",xilinx/xilinx_u50,1,2,3,4,0.5,0.4,12.5,7\r\n' +
        '2026-11-28T13,cms,jets,1,"a,""b""",xilinx/xilinx_u50,1,2,3,4,0.5,0,,0\r\n',
    );
  });
});
