/** A gateway that keeps a ledger in a folder, four tenants who pay, and what is told of them in each form. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HourlyUsage } from "../../../src/inference/usage.ts";
import { expect } from "../../support/cases.ts";
import { type GatewayProcess, startGateway } from "../../support/gateway-process.ts";
import { type KeyedTenants, keyedTenants } from "../../support/keyed-tenants.ts";
import { echoConfig, temporaryRepository } from "../../support/model-repository.ts";
import { MODEL, PayingClients, ROW_BYTES, WIDTH } from "./paying-clients.ts";

const TERMS = {
  ...{ cms: { weight: 2 }, atlas: {}, lhcb: { guarantee: 0.2 } },
  limited: { quota: { rowsPerSecond: 40 } },
};

/** What the ledger has of a tenant. */
export interface Counted {
  readonly requests: number;
  readonly rows: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly refused: number;
}

interface Terms {
  readonly weight: number;
}

interface Told {
  readonly code?: string;
  readonly error?: string;
}

export class LedgerRig {
  readonly clients: PayingClients;
  readonly #folder: string;
  readonly #tenants: KeyedTenants = keyedTenants(TERMS);
  readonly #repository = temporaryRepository();

  /** @param folder of the tenancy; made where it is missing */
  constructor(folder: string) {
    this.#folder = folder;
    const model = { name: MODEL, maxBatchSize: 64, dims: [WIDTH], delayMs: 1 };
    this.#repository.add(MODEL, echoConfig({ ...model, more: "dynamic_batching { }" }));
    this.clients = new PayingClients(Object.keys(TERMS), this.#tenants.headersOf);
  }

  start(launcher: readonly string[] = []): Promise<GatewayProcess> {
    const flags = [...this.#tenants.flags, "--tenancy-folder", this.#folder];
    return startGateway({ repositories: [this.#repository.folder], flags, launcher });
  }

  ask(gateway: GatewayProcess, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = this.#tenants.headersOf("operator");
    return fetch(`http://127.0.0.1:${gateway.httpPort}/v2/beamgate/${path}`, { ...init, headers });
  }

  /** @returns the error, or nothing of it */
  async edit(gateway: GatewayProcess, tenant: string, terms: Terms): Promise<Told> {
    const body = JSON.stringify(terms);
    const answer = await this.ask(gateway, `tenants/${tenant}`, { method: "POST", body });
    return (await answer.json()) as Told;
  }

  async holds(gateway: GatewayProcess, tenant: string, { weight }: Terms): Promise<boolean> {
    const answer = await this.ask(gateway, `tenants/${tenant}`);
    return ((await answer.json()) as Terms).weight === weight;
  }

  /** Of all changes; a line that had no room at first stands behind later ones. */
  async auditedWeights(gateway: GatewayProcess): Promise<readonly number[]> {
    const answer = await this.ask(gateway, "tenancy/audit");
    const entries = (await answer.json()) as { readonly after: Terms }[];
    return entries.map(({ after }) => after.weight).toSorted((one, other) => one - other);
  }

  /** By tenant; JSON and CSV must say the same. */
  async usage(gateway: GatewayProcess): Promise<ReadonlyMap<string, Counted>> {
    const [from, to] = [-1, 1].map((days) => new Date(Date.now() + days * 86_400_000));
    const span = `from=${from?.toISOString()}&to=${to?.toISOString()}&by=total`;
    // One after the other while nobody asks for anything: between two the ledger does not grow.
    const json = await this.ask(gateway, `usage?${span}`);
    const csv = await this.ask(gateway, `usage?${span}&format=csv`);
    expect(json.ok && csv.ok, `the usage is answered with ${json.status}, as CSV ${csv.status}`);
    const told = countedOf((await json.json()) as HourlyUsage[]);
    const written = countedOf(linesOfCsv(await csv.text()));
    const [one, other] = [told, written].map((counted) => JSON.stringify([...counted]));
    expect(one === other, `JSON has ${one}, CSV ${other}`);
    return told;
  }

  remove(): void {
    this.#tenants.remove();
    this.#repository.remove();
  }
}

/** Every line of the files whole; what a write that was cut off left at the end of one is counted. */
export function checkFiles(usageFolder: string): { readonly lines: number; readonly torn: number } {
  let lines = 0;
  let torn = 0;
  for (const file of readdirSync(usageFolder)) {
    const text = readFileSync(join(usageFolder, file), "utf8").split("\n");
    if (text.pop() !== "") torn += 1;
    for (const line of text) {
      lines += 1;
      expect(isList(line), `${file} has the line '${line.slice(0, 200)}'`);
    }
  }
  return { lines, torn };
}

function isList(line: string): boolean {
  try {
    return Array.isArray(JSON.parse(line));
  } catch {
    return false;
  }
}

function countedOf(lines: readonly HourlyUsage[]): ReadonlyMap<string, Counted> {
  const counted = new Map<string, Counted>();
  for (const { tenant, requests, rows, bytesIn, bytesOut, refused } of lines) {
    const bytes = rows * ROW_BYTES;
    expect(bytesIn === bytes && bytesOut === bytes, `${tenant}: ${rows} rows, ${bytesIn} bytes in`);
    const known = counted.get(tenant);
    counted.set(tenant, {
      requests: requests + (known?.requests ?? 0),
      rows: rows + (known?.rows ?? 0),
      bytesIn: bytesIn + (known?.bytesIn ?? 0),
      bytesOut: bytesOut + (known?.bytesOut ?? 0),
      refused: (refused["quota-rowsPerSecond"] ?? 0) + (known?.refused ?? 0),
    });
  }
  return new Map([...counted].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** No cell of these has a comma or a quote in it. */
function linesOfCsv(text: string): HourlyUsage[] {
  const [head = [], ...rows] = text
    .trimEnd()
    .split("\r\n")
    .map((line) => line.split(","));
  return rows.map((cells) => {
    expect(cells.length === head.length, `a line of the CSV has ${cells.length} cells: ${cells}`);
    const cell = (name: string) => cells[head.indexOf(name)] ?? "";
    const count = (name: string) => Number(cell(name));
    return {
      ...{ hour: cell("hour"), tenant: cell("tenant"), model: cell("model") },
      ...{ version: cell("version"), variant: cell("variant"), device: cell("device") },
      ...{ requests: count("requests"), rows: count("rows") },
      ...{ bytesIn: count("bytesIn"), bytesOut: count("bytesOut") },
      ...{ deviceSeconds: count("deviceSeconds"), measuredSeconds: count("measuredSeconds") },
      ...{ joules: null, refused: { "quota-rowsPerSecond": count("refused:quota-rowsPerSecond") } },
    };
  });
}
