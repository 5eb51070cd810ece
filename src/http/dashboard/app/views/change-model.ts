/** Changes of a registered model, as dialogs. */
import type { CatalogArtifact, CatalogModel } from "../../../../registry/catalog/types.ts";
import { el } from "../dom.ts";
import { moment, percent } from "../format.ts";
import { aliasText, artifactText } from "../registry/words.ts";
import { askForChange, type Change } from "./change-dialog.ts";

const PRODUCTION = "production";
const CANDIDATE = "candidate";

export function promote(name: string, done: () => void): void {
  askForChange(name, promotion, done);
}

function promotion(model: CatalogModel): Change {
  const versions = Object.keys(model.versions).toSorted((a, b) => Number(b) - Number(a));
  const alias = input("text", PRODUCTION, { list: "aliases-of-models", required: true });
  const known = [...new Set([PRODUCTION, CANDIDATE, ...Object.keys(model.aliases)])];
  const list = el(
    "datalist",
    { id: "aliases-of-models" },
    ...known.map((value) => el("option", { value })),
  );
  const version = select(versions.toSorted(lastIs(model.aliases[PRODUCTION]?.version)));
  const weight = input("text", "", { inputmode: "decimal" });
  const shadow = input("text", "", { inputmode: "decimal" });
  return {
    title: `Promote a version of ${model.name}`,
    about:
      "An alias points at one version. production takes the requests that name no version; candidate takes a share of them.",
    fields: [
      label("Alias", alias, list),
      label("Version", version),
      label("Share of production's requests, 0 to 1 (candidate only; empty: none)", weight),
      label("Share of live requests to compute once more, unseen, 0 to 1 (empty: none)", shadow),
    ],
    preview: ({ model: now }) => {
      const target = now.versions[version.value];
      if (target === undefined) throw new Error(`version ${version.value} is not there any more`);
      const before = now.aliases[alias.value];
      const after = { ...share("weight", weight), ...share("shadowShare", shadow) };
      const ready = target.artifacts.filter(({ state }) => state === "ready");
      const stays = before?.version === target.version;
      const [was, becomes] = [aliasText(alias.value, before ?? {}), aliasText(alias.value, after)];
      return [
        stays
          ? `${alias.value}: stays at version ${target.version}`
          : `${alias.value}: ${before === undefined ? "nothing" : `version ${before.version}`} → version ${target.version}`,
        ...(was === becomes ? [] : [`shares: ${was} → ${becomes}`]),
        ...(stays && was === becomes ? ["Nothing would change."] : []),
        "",
        ...target.artifacts.map(artifactText),
        ...(ready.length > 0 ? [] : ["", "No artifact of it is ready: the gateway will refuse."]),
      ];
    },
    request: () => ({
      action: "/promote",
      body: {
        alias: alias.value,
        version: version.value,
        ...share("weight", weight),
        ...share("shadowShare", shadow),
      },
    }),
    confirm: "Promote",
  };
}

export function rollBack(name: string, done: () => void): void {
  askForChange(name, rollback, done);
}

function rollback(model: CatalogModel): Change {
  const names = [...new Set(model.aliasHistory.map(({ alias }) => alias))];
  const alias = select(
    names.includes(PRODUCTION) ? [PRODUCTION, ...names.filter((n) => n !== PRODUCTION)] : names,
  );
  return {
    title: `Roll back an alias of ${model.name}`,
    fields: [label("Alias", alias)],
    preview: ({ model: now }) => {
      const before = now.aliasHistory.findLast((change) => change.alias === alias.value);
      if (before === undefined) throw new Error(`${alias.value} pointed at nothing else before`);
      const { version } = now.aliases[alias.value] ?? {};
      const back = now.versions[before.version];
      return [
        `${alias.value}: ${version === undefined ? "nothing" : `version ${version}`} → version ${before.version}`,
        `as it was until ${moment(before.at)}, when ${before.by} changed it`,
        "",
        ...(back?.artifacts.map(artifactText) ?? ["That version is not there any more."]),
      ];
    },
    request: () => ({ action: "/rollback", body: { alias: alias.value } }),
    confirm: "Roll back",
  };
}

export function dropAlias(name: string, alias: string, done: () => void): void {
  askForChange(
    name,
    () => ({
      title: `Take the alias ${alias} away from ${name}`,
      fields: [],
      preview: ({ model: now }) => {
        const before = now.aliases[alias];
        if (before === undefined) throw new Error(`${alias} is not there any more`);
        const { weight = 0, version } = before;
        return [
          `${alias}: version ${version} → nothing`,
          ...(weight > 0 ? [`${percent(weight)} of the requests go back to production`] : []),
        ];
      },
      request: () => ({
        ...{ action: `/aliases/${encodeURIComponent(alias)}`, method: "DELETE", body: {} },
      }),
      confirm: "Take it away",
    }),
    done,
  );
}

export interface Which {
  readonly name: string;
  readonly version: string;
  readonly vendor: string;
  readonly digest: string;
  readonly variant: string;
}

export function pin(which: Which, done: () => void): void {
  const note = input("text", "");
  askOfArtifact(which, done, ({ pinned }) => ({
    title: `${pinned ? "Unpin" : "Pin"} ${nameOf(which)}`,
    about: "What is pinned is neither retired nor removed.",
    fields: pinned ? [] : [label("Why", note)],
    says: (now) =>
      pinned
        ? [`pinned by ${now.pinned?.by ?? "nobody"} → not pinned`]
        : [`not pinned → pinned${note.value === "" ? "" : `: ${note.value}`}`],
    action: pinned ? "/unpin" : "/pin",
    more: () => (pinned || note.value === "" ? {} : { note: note.value }),
    confirm: pinned ? "Unpin" : "Pin",
  }));
}

export function retire(which: Which, done: () => void): void {
  const reason = input("text", "");
  const { name, version, variant } = which;
  askOfArtifact(which, done, () => ({
    title: `Retire ${nameOf(which)}`,
    about: "It gets no more requests; those that it has are answered. Its bytes stay for a while.",
    fields: [label("Why", reason)],
    says: (now, record) => {
      const aliases = Object.entries(record.aliases).filter(([, to]) => to.version === version);
      const others = record.versions[version]?.artifacts.filter(
        ({ state, digest }) => state === "ready" && digest !== now.digest,
      );
      return [
        `${now.state} → retired`,
        ...(now.pinned === undefined ? [] : [`It is pinned by ${now.pinned.by}: unpin it first.`]),
        others?.length === 0
          ? `Nothing else of version ${version} is ready.`
          : `Still ready: ${others?.map((other) => other.variant).join(", ")}`,
        ...(aliases.length === 0
          ? []
          : [
              `${aliases.map(([alias]) => alias).join(", ")} point${aliases.length === 1 ? "s" : ""} at this version.`,
            ]),
      ];
    },
    action: "/retire",
    more: () => (reason.value === "" ? {} : { reason: reason.value }),
    confirm: `Retire ${variant} of ${name}`,
  }));
}

interface ArtifactChange extends Pick<Change, "title" | "about" | "fields" | "confirm"> {
  says(now: CatalogArtifact, record: CatalogModel): readonly string[];
  readonly action: string;
  more(): object;
}

function askOfArtifact(
  { name, version, vendor, digest }: Which,
  done: () => void,
  changeOf: (now: CatalogArtifact) => ArtifactChange,
): void {
  const artifactOf = (record: CatalogModel) => {
    const found = record.versions[version]?.artifacts.find(
      (each) => each.digest === digest && each.vendor === vendor,
    );
    if (found === undefined) throw new Error("the artifact is not there any more");
    return found;
  };
  const whole = (record: CatalogModel): Change => {
    const change = changeOf(artifactOf(record));
    return {
      ...change,
      preview: ({ model }) => {
        const now = artifactOf(model);
        return [digest, artifactText(now), "", ...change.says(now, model)];
      },
      request: () => ({
        action: change.action,
        body: { version, vendor, digest, ...change.more() },
      }),
    };
  };
  askForChange(name, whole, done);
}

/** What is served already is not what somebody wants to promote. */
const lastIs = (version: string | undefined) => (one: string, other: string) =>
  Number(one === version) - Number(other === version);

const nameOf = ({ name, version, variant }: Which) => `${variant} of ${name} ${version}`;

// Fields ---------------------------------------------------------------------------

function share(key: string, { value }: HTMLInputElement): object {
  if (value.trim() === "") return {};
  const part = Number(value);
  if (part >= 0 && part <= 1) return { [key]: part };
  throw new Error(`a share is a number from 0 to 1, not '${value}'`);
}

const label = (text: string, ...fields: readonly HTMLElement[]) => el("label", {}, text, ...fields);

const input = (
  type: string,
  value: string,
  more: Readonly<Record<string, string | boolean>> = {},
) => el("input", { type, value, ...more }) as HTMLInputElement;

const select = (values: readonly string[]) =>
  el("select", {}, ...values.map((value) => el("option", { value }, value))) as HTMLSelectElement;
