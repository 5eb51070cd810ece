/** Paths of the registry of models. */
import { json, lines, type Row } from "./operation.ts";

const REGISTRY = "/v2/beamgate/registry";
const MODEL = `${REGISTRY}/models/{name}`;
const UPLOAD = "/v2/beamgate/uploads/{digest}";

const tag = "registry";
const IF_MATCH = {
  "If-Match": "generation that the change was made from; 409 with the one that is there otherwise",
};
const SIGNED = { ...json("SignedVerdict"), ...lines("Progress") };

const change = (action: string, summary: string, body: string): Row => [
  "post",
  `${MODEL}/${action}`,
  { tag, summary, body, headers: IF_MATCH, answer: json("Changed") },
];

export const REGISTRY_ROWS: readonly Row[] = [
  [
    "get",
    REGISTRY,
    {
      tag,
      summary: "Every artifact in a short row",
      query: {
        name: "of this model; * stands for any characters",
        vendor: "of these vendors, with commas",
        state: "in these states, with commas",
      },
      answer: json("RegistryList"),
    },
  ],
  ["get", MODEL, { tag, summary: "Everything about one model", answer: json("RegisteredModel") }],
  [
    "delete",
    MODEL,
    {
      tag,
      summary: "Forget what is retired or refused; without a version the whole model",
      body: "ArtifactChange?",
      headers: IF_MATCH,
      answer: json("Changed"),
    },
  ],
  [
    "get",
    `${REGISTRY}/verdicts/{digest}`,
    { tag, summary: "What the gate found, signed", answer: json("SignedVerdict") },
  ],
  [
    "get",
    `${REGISTRY}/vendors`,
    { tag, summary: "The registry of each vendor: rules, keys, counts", answer: json("Vendors") },
  ],
  [
    "get",
    `${REGISTRY}/audit`,
    {
      tag,
      summary: "Who changed what, newest first",
      query: { limit: "1 to 10000; 100 without it", model: "of this model" },
      answer: json("Audit"),
    },
  ],
  [
    "post",
    `${MODEL}/versions/{version}/artifacts`,
    {
      tag,
      summary: "Register an artifact that was uploaded: checks, gate, publication",
      query: { dry_run: "true: only the checks, and nothing is kept" },
      headers: IF_MATCH,
      body: "Registration",
      answer: { ...json("RegistrationReport"), ...lines("Progress") },
    },
  ],
  [
    "post",
    `${REGISTRY}/dry-run`,
    {
      tag,
      summary: "Every check that what is given allows; nothing is kept",
      body: "PartialRegistration",
      answer: json("Checks"),
    },
  ],
  [
    "post",
    `${MODEL}/verify`,
    { tag, summary: "The gate once more", body: "ArtifactChange?", answer: SIGNED },
  ],
  change(
    "promote",
    "Point an alias at a version; answered when it takes the requests",
    "Promotion",
  ),
  [
    "post",
    `${MODEL}/rollback`,
    {
      tag,
      summary: "Point an alias at what it pointed at before",
      body: "AliasChange?",
      headers: IF_MATCH,
      answer: json("Alias"),
    },
  ],
  change("pin", "Keep an artifact from being retired or removed", "ArtifactChange"),
  change("unpin", "Undo that", "ArtifactChange"),
  change(
    "retire",
    "Take artifacts out of service for good; answered after the last request with them, or 503 where that takes too long",
    "ArtifactChange?",
  ),
  [
    "delete",
    `${MODEL}/aliases/{alias}`,
    { tag, summary: "Drop an alias", headers: IF_MATCH, answer: json("Changed") },
  ],
  ...(["get", "head"] as const).map(
    (method): Row => [
      method,
      UPLOAD,
      {
        tag,
        summary: "How far an upload is; `Upload-Offset` says it, too",
        ...(method === "get" ? { answer: json("UploadState") } : {}),
      },
    ],
  ),
  [
    "patch",
    UPLOAD,
    {
      tag,
      summary:
        "Send bytes of a file, as many as you like; 409 with `Upload-Offset` for a wrong offset",
      headers: {
        "Upload-Offset": "needed: the byte at which the body begins",
        "Upload-Length": "bytes of the whole file: too many are refused before they are sent",
      },
      body: "bytes",
      answer: json("UploadState"),
    },
  ],
  [
    "post",
    `${UPLOAD}/finish`,
    {
      tag,
      summary: "Check the digest of what was uploaded and keep it",
      answer: json("UploadState"),
    },
  ],
];
