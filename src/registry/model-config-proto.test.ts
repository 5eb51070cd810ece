import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Enum, type Field, MapField, Type } from "protobufjs";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../package-root.ts";
import { modelConfigType } from "./model-config-proto.ts";

const facts = await readFile(
  join(packageRoot, "..", "shared", "reference", "triton-protocol.md"),
  "utf8",
).catch(() => "");
const section = facts.slice(facts.indexOf("## 1.3"), facts.indexOf("Notes for the text-format"));
/** `| \`enum X\` | A=0, B=1 |` or `| \`Message\` | name=1:type, oneof choice{a=2:b} |` */
const rows = [...section.matchAll(/^\| `(enum )?([A-Z][\w.]*)` \| (.*) \|$/gm)].map(
  ([, isEnum, name = "", fields = ""]) => ({ isEnum: isEnum !== undefined, name, fields }),
);

const lastPart = (name: string) => name.split(".").at(-1);

function written(field: Field): string {
  field.resolve();
  const type = lastPart(field.type);
  const kind =
    field instanceof MapField
      ? `map<${field.keyType},${type}>`
      : `${field.repeated ? "[]" : ""}${type}`;
  return `${field.name}=${field.id}:${kind}${field.partOf === null ? "" : ` in ${field.partOf.name}`}`;
}

/** `oneof c{a=1:x, b=2:y}, d=3:z` as `a=1:x in c`, `b=2:y in c`, `d=3:z`. */
function listed(fields: string): string[] {
  if (fields === "(empty)") return [];
  const flat = fields.replace(/oneof (\w+)\{([^}]*)\}/g, (_, choice: string, members: string) =>
    members
      .split(", ")
      .map((member) => `${member} in ${choice}`)
      .join(", "),
  );
  return flat.split(/, (?![^<]*>)/);
}

describe("model_config.proto", () => {
  it("has the numbers by which the wire knows the fields that beamgate acts on", () => {
    const numbers = Object.fromEntries(
      modelConfigType.fieldsArray.map((field) => [field.name, field.id]),
    );
    expect(numbers).toMatchObject({
      name: 1,
      platform: 2,
      version_policy: 3,
      max_batch_size: 4,
      input: 5,
      output: 6,
      instance_group: 7,
      dynamic_batching: 11,
      parameters: 14,
      backend: 17,
      model_repository_agents: 23,
    });
  });
});

describe.skipIf(rows.length === 0)("model_config.proto against the table in ../shared", () => {
  it.each(rows)("$name", ({ isEnum, name, fields }) => {
    const found = modelConfigType.root.lookup(`inference.${name}`);
    if (isEnum) {
      if (!(found instanceof Enum)) throw new Error(`${name} is not an enum`);
      expect(Object.entries(found.values).map(([word, id]) => `${word}=${id}`)).toEqual(
        fields.split(", "),
      );
      return;
    }
    if (!(found instanceof Type)) throw new Error(`${name} is not a message`);
    expect(found.fieldsArray.map(written).sort()).toEqual(listed(fields).sort());
  });

  it("the table was read in full", () => {
    expect(rows.length).toBe(55);
  });
});
