/** What clients were told of their registrations, and whether a gateway knows it and serves nothing else. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "../../support/cases.ts";
import { type AddingVersion, addingVersion, uploadAndRegister } from "./adding-versions.ts";
import { HttpAsker, indexOf } from "./askers.ts";
import { becomes } from "./becomes.ts";
import type { GatewayOnStore } from "./gateway-on-store.ts";
import type { AuditLine, Row } from "./registry-client.ts";

/** Each has a client of its own. */
export const MODELS = ["first", "second", "third"] as const;
/** What a client calls itself. */
export const whoRegisters = ({ added }: AddingVersion): string => `client-${added}`;

/** Some hundred thousand bytes, so that an upload has a middle. */
const PADDING = 300_000;
const RESUMED_MS = 60_000;
const AUDIT_LIMIT_MS = 60_000;
/** Of a registration that is over. */
const SETTLED: readonly string[] = ["ready", "retired", "refused"];

export class Registered {
  /** Begun, and neither acknowledged nor repeated yet. */
  readonly underway = new Set<AddingVersion>();
  readonly acknowledged = new Set<AddingVersion>();
  readonly #versions = new Map<string, AddingVersion[]>();
  readonly #begun = new Set<AddingVersion>();
  /** Where `production` of a model was last known to lead, and where it may lead since. */
  readonly #promoted = new Map<string, { known?: AddingVersion; asked?: AddingVersion }>();

  constructor(registrations: number) {
    for (let n = 0; n < registrations; n += 1) {
      const model = MODELS[n % MODELS.length] ?? MODELS[0];
      const versions = this.#versions.get(model) ?? [];
      versions.push(addingVersion(String(versions.length + 1), n + 1, PADDING));
      this.#versions.set(model, versions);
    }
  }

  get done(): boolean {
    return MODELS.every((model) => this.missing(model).length === 0);
  }

  /** What is to be registered or promoted still, in order. */
  missing(model: string): readonly AddingVersion[] {
    const versions = this.#versions.get(model) ?? [];
    const known = this.#promoted.get(model)?.known;
    return versions.slice(known === undefined ? 0 : versions.indexOf(known) + 1);
  }

  begins(version: AddingVersion): void {
    this.#begun.add(version);
    this.underway.add(version);
  }

  acknowledge(version: AddingVersion): void {
    this.acknowledged.add(version);
  }

  promotes(model: string, version: AddingVersion): void {
    this.#promoted.set(model, { ...this.#promoted.get(model), asked: version });
  }

  acknowledgePromoted(model: string, version: AddingVersion): void {
    this.#promoted.set(model, { known: version });
    this.underway.delete(version);
  }

  /**
   * After what was interrupted came to an end.
   * @returns how many registrations the gateway ended that nobody had heard of
   */
  async checkAll(gateway: GatewayOnStore): Promise<number> {
    const settled = async () =>
      (await gateway.registry.list()).artifacts.every(({ state }) => SETTLED.includes(state));
    const over = await becomes(settled, RESUMED_MS);
    const rows = await this.checkAcknowledged(gateway);
    expect(over, `never ended: ${rows.map(({ state }) => state).join()}`);
    for (const { name, version, state, reason } of rows) {
      expect(state === "ready", `${name} version ${version} is ${state}: ${reason}`);
    }
    await this.#checkAnswers(gateway, rows);
    await this.#checkAudit(gateway);
    return rows.length - this.acknowledged.size;
  }

  /** @returns what the registry lists */
  async checkAcknowledged(gateway: GatewayOnStore): Promise<readonly Row[]> {
    // What serves is looked at first: what is registered may become more meanwhile, never less.
    const serving = await readyVersions(gateway);
    const { artifacts } = await gateway.registry.list();
    const stateOf = new Map(
      artifacts.map(({ name, version, state }) => [`${name} ${version}`, state]),
    );
    for (const what of serving) {
      expect(stateOf.get(what) === "ready", `${what} serves and is ${stateOf.get(what)}`);
    }
    for (const [model, versions] of this.#versions) {
      const rows = artifacts.filter(({ name }) => name === model);
      for (const row of rows) {
        const version = versions.find(({ digest }) => digest === row.digest);
        const begun = version !== undefined && this.#begun.has(version);
        expect(begun && version.version === row.version, `${model} has ${JSON.stringify(row)}`);
      }
      for (const version of versions) {
        if (!this.acknowledged.has(version)) continue;
        const row = rows.find(({ digest }) => digest === version.digest);
        const what = `${model} version ${version.version} was acknowledged`;
        expect(row?.state === "ready", `${what} and is ${row?.state ?? "lost"}: ${row?.reason}`);
      }
      await this.#checkAlias(gateway, model);
    }
    return artifacts;
  }

  /** The same again is told that it is there, and changes nothing. */
  async checkRepeated(gateway: GatewayOnStore): Promise<void> {
    for (const [model, versions] of this.#versions) {
      const before = await gateway.registry.model(model);
      const [version] = versions;
      if (version === undefined) continue;
      const again = await uploadAndRegister(gateway.registry, model, version);
      const { generation } = await gateway.registry.model(model);
      const same = again.unchanged === true && generation === before.generation;
      expect(same, `${model}: registered again, and generation ${generation} was made`);
    }
  }

  async #checkAlias({ registry }: GatewayOnStore, model: string): Promise<void> {
    const { known, asked } = this.#promoted.get(model) ?? {};
    if (known === undefined) return;
    const { production } = (await registry.model(model)).model.aliases;
    const may = [known, asked].map((version) => version?.version);
    const leads = production?.version;
    expect(may.includes(leads), `${model} leads to ${leads} instead of ${may.join(" or ")}`);
  }

  /** What is registered answers, each version with its own numbers. */
  async #checkAnswers(gateway: GatewayOnStore, rows: readonly Row[]): Promise<void> {
    const asker = new HttpAsker(gateway.httpPort);
    const served = async () => (await readyVersions(gateway)).size === rows.length;
    expect(await becomes(served, RESUMED_MS), `not all of ${rows.length} serve`);
    for (const { name, version, digest } of rows) {
      const known = this.#versions.get(name)?.find((each) => each.version === version);
      const added = known?.added ?? Number.NaN;
      const { values, artifact } = await asker.ask(name, 5, { digest });
      const right = artifact === digest && values[0] === 5 + added && values[1] === added - 5;
      expect(right, `${name} version ${version} answers ${values.join()} by ${artifact}`);
    }
    asker.close();
  }

  /** No change is told of twice, and none that was not made. Those that miss are completed some seconds later. */
  async #checkAudit(gateway: GatewayOnStore): Promise<void> {
    const end = performance.now() + AUDIT_LIMIT_MS;
    for (;;) {
      const thrown = await this.#auditIsWhole(gateway).catch((error: unknown) => error);
      if (thrown === undefined) return;
      if (performance.now() > end) throw thrown;
      await sleep(500);
    }
  }

  async #auditIsWhole({ registry }: GatewayOnStore): Promise<void> {
    const lines = await registry.audit();
    const { generation } = await registry.list();
    const told = new Set(lines.map((line) => JSON.stringify(line)));
    expect(told.size === lines.length, "a line of the audit log is there twice");
    expect(lines.length <= generation, `${lines.length} lines tell of ${generation} changes`);
    const publishers = new Map(
      lines.filter(isPublished).map(({ model, version, who }) => [`${model} ${version}`, who]),
    );
    for (const [model, versions] of this.#versions) {
      for (const version of versions) {
        if (!this.acknowledged.has(version)) continue;
        const what = `${model} ${version.version}`;
        const who = publishers.get(what);
        const right = who?.includes(`${whoRegisters(version)}@`);
        expect(right === true, `the audit log says that ${what} was published by ${who}`);
      }
    }
  }
}

const isPublished = ({ action }: AuditLine) => action === "publish";

/** `<model> <version>` of what serves. */
async function readyVersions({ httpPort }: GatewayOnStore): Promise<ReadonlySet<string>> {
  const serving = [...(await indexOf(httpPort))].filter(([, state]) => state === "READY");
  return new Set(serving.map(([what]) => what));
}
