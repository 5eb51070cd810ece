/** How a client wants its outputs: as JSON, as raw bytes behind the JSON, or in shared memory. */
export type OutputForm = "json" | "binary" | "shared";

export interface OutputForms {
  /** In the order of the request's outputs; empty where it lists none. */
  readonly forms: readonly OutputForm[];
  /** For outputs that the request does not list. */
  readonly otherwise: OutputForm;
}

export const ALL_BINARY: OutputForms = { forms: [], otherwise: "binary" };
export const ALL_JSON: OutputForms = { forms: [], otherwise: "json" };
