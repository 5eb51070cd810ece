/** Schemas of the registry's JSON, for the OpenAPI document. */

const text = { type: "string" };
const flag = { type: "boolean" };
const count = { type: "integer", minimum: 0 };
const number = { type: "number" };
const share = { type: "number", minimum: 0, maximum: 1 };
const time = { type: "string", format: "date-time" };
const any = { type: "object" };
const oneOf = (...words: readonly string[]) => ({ type: "string", enum: words });
const listOf = (items: object) => ({ type: "array", items });
const mapOf = (values: object) => ({ type: "object", additionalProperties: values });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const object = (properties: object, required: readonly string[] = []) => ({
  type: "object",
  properties,
  ...(required.length === 0 ? {} : { required }),
});

const digest = { type: "string", pattern: "^sha256:[0-9a-f]{64}$" };
const version = { type: "string", pattern: "^[1-9][0-9]*$" };
const vendor = oneOf("xilinx", "intel", "nvidia", "arm", "cpu");
const state = oneOf("uploaded", "validated", "verified", "ready", "retired", "refused", "served");
const signature = object({ keyId: text, value: { ...text, description: "base64" } }, [
  "keyId",
  "value",
]);
const common = {
  who: {
    ...text,
    description:
      "a name for the audit log, written down as unverified; whoever was recognised is named by that instead",
  },
  generation: { ...count, description: "that the change was made from" },
};
const naming = { version, vendor, digest };
const shares = { weight: share, shadowShare: share };

const registration = {
  name: text,
  version,
  vendor,
  artifact: { ...digest, description: "uploaded before" },
  file: { ...text, description: "name of the file; its ending may tell the format" },
  manifest: { ...any, description: "manifest.json of a variant; none for ONNX" },
  config: { ...text, description: "text of a config.pbtxt" },
  golden: object({ inputs: digest, outputs: digest }, ["inputs"]),
  equivalence: object({ class: ref("EquivalenceClass"), outputs: mapOf(ref("EquivalenceClass")) }, [
    "class",
  ]),
  signature,
  files: { ...mapOf(digest), description: "files beside the artifact, by path" },
  reference: flag,
  promote: { ...text, description: "an alias to move to the version when it is ready" },
  validateOnly: { ...flag, description: "stop before the gate" },
  ...common,
};

export const REGISTRY_SCHEMAS: Readonly<Record<string, object>> = {
  EquivalenceClass: object(
    {
      kind: oneOf("bit-exact", "ulp", "abs-rel", "fixed-point", "physics"),
      max: number,
      abs: number,
      rel: number,
      w: number,
      i: number,
      lsb: number,
      output: text,
      element: count,
      threshold: number,
      minAgreement: share,
      maxEfficiencyDifference: share,
      maxAucDifference: share,
    },
    ["kind"],
  ),
  Check: object(
    {
      check: text,
      outcome: oneOf("passed", "failed", "skipped"),
      reason: text,
      remedy: text,
    },
    ["check", "outcome", "reason"],
  ),
  Checks: object({ checks: listOf(ref("Check")) }, ["checks"]),
  VerdictSummary: object({
    passed: flag,
    emulated: flag,
    device: text,
    rows: count,
    worst: { ...number, description: "largest error, in `unit`" },
    unit: text,
    batchInvariant: flag,
    at: time,
  }),
  ListedArtifact: object(
    {
      name: text,
      version: text,
      aliases: listOf(object({ alias: text, ...shares }, ["alias"])),
      vendor: text,
      variant: text,
      platform: text,
      format: text,
      numericClass: text,
      state,
      reason: text,
      digest,
      sizeBytes: count,
      verdict: ref("VerdictSummary"),
      pinnedBy: text,
      registeredAt: time,
    },
    ["name", "version", "vendor", "variant", "platform", "format", "numericClass", "state"],
  ),
  RegistryList: object({ generation: count, artifacts: listOf(ref("ListedArtifact")) }, [
    "generation",
    "artifacts",
  ]),
  Artifact: object(
    {
      digest,
      variant: text,
      vendor,
      backend: text,
      platform: text,
      format: text,
      file: text,
      sizeBytes: count,
      numericClass: text,
      manifest: any,
      facts: any,
      equivalence: any,
      checks: listOf(ref("Check")),
      signature,
      state,
      reason: text,
      verdict: digest,
      verdictSummary: ref("VerdictSummary"),
      pinned: object({ by: text, at: time, note: text }),
      registeredBy: text,
      registeredAt: time,
    },
    ["digest", "variant", "vendor", "platform", "state", "checks"],
  ),
  Alias: object({ alias: text, version, ...shares }, ["version"]),
  RegisteredModel: object(
    {
      generation: count,
      model: object({
        name: text,
        versions: mapOf(
          object({
            version,
            config: any,
            equivalence: any,
            golden: any,
            reference: digest,
            artifacts: listOf(ref("Artifact")),
            files: mapOf(digest),
          }),
        ),
        aliases: mapOf(ref("Alias")),
        aliasHistory: listOf(object({ alias: text, version, ...shares, at: time, by: text })),
      }),
    },
    ["generation", "model"],
  ),
  SignedVerdict: object(
    { verdict: any, signature: { ...signature, description: "Ed25519 over canonical JSON" } },
    ["verdict", "signature"],
  ),
  PublicKey: object({ keyId: text, publicKey: text, notAfter: time }, ["keyId", "publicKey"]),
  Vendors: listOf(
    object(
      {
        vendor,
        key: ref("PublicKey"),
        trusted: listOf(ref("PublicKey")),
        rules: mapOf({ type: ["boolean", "number", "string"] }),
        artifacts: { ...mapOf(count), description: "how many in each state" },
        bytes: count,
      },
      ["vendor", "trusted", "rules", "artifacts", "bytes"],
    ),
  ),
  Audit: listOf(
    object(
      {
        at: time,
        who: text,
        action: text,
        model: text,
        version: text,
        artifact: digest,
        generation: count,
        details: any,
      },
      ["at", "who", "action", "model"],
    ),
  ),
  PartialRegistration: object(registration),
  Registration: object(registration, ["vendor", "artifact", "file"]),
  RegistrationReport: object(
    {
      generation: count,
      unchanged: flag,
      artifact: ref("Artifact"),
      checks: listOf(ref("Check")),
    },
    ["generation", "unchanged", "artifact", "checks"],
  ),
  Progress: {
    description: "one line of many: events, then a result or an error",
    ...object({
      event: object({
        step: oneOf("check", "gate", "publish"),
        check: ref("Check"),
        doneRows: count,
        rows: count,
      }),
      alive: flag,
      result: any,
      error: text,
      code: text,
      generation: count,
    }),
  },
  ArtifactChange: object({ ...naming, ...common, note: text, reason: text }),
  Promotion: object({ alias: text, version, ...shares, ...common }, ["version"]),
  AliasChange: object({ alias: text, ...common }),
  Changed: object({ generation: count }, ["generation"]),
  UploadState: object({ digest, receivedBytes: count, complete: flag }, [
    "digest",
    "receivedBytes",
    "complete",
  ]),
};
