/** Inputs of a model that no client sends: the gateway makes them for each batch. */
import type { Datatype, TensorSpec } from "../../backends/contract.ts";

/** Triton's `BatchInput.Kind`; element counts are those of a request's whole tensor. */
export type BatchInputKind =
  | "BATCH_ELEMENT_COUNT"
  | "BATCH_ACCUMULATED_ELEMENT_COUNT"
  | "BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO"
  | "BATCH_MAX_ELEMENT_COUNT_AS_SHAPE"
  | "BATCH_ITEM_SHAPE"
  | "BATCH_ITEM_SHAPE_FLATTEN";

export type SequenceControl = "START" | "READY" | "END" | "CORRID";

export type MadeInput =
  /** Numbers about the tensors of a batch (`batch_input`). */
  | {
      readonly from: "batch";
      readonly spec: TensorSpec;
      readonly kind: BatchInputKind;
      /** Position in `ModelSignature.inputs`. */
      readonly source: number;
    }
  /** What the sequence batcher tells the model of each row (`control_input`). */
  | {
      readonly from: "sequence";
      readonly spec: TensorSpec;
      readonly control: SequenceControl;
      /** One element each, as raw bytes; absent for CORRID, whose value is the id in `spec.datatype`. */
      readonly values?: { readonly false: Uint8Array; readonly true: Uint8Array };
    };

export type BatchInput = Extract<MadeInput, { readonly from: "batch" }>;

/** One made input for one batch. */
export interface MadeTensor {
  /** Full shape. */
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Datatypes of the id that a model may ask for. */
export const CORRID_DATATYPES: readonly Datatype[] = [
  "UINT64",
  "INT64",
  "UINT32",
  "INT32",
  "BYTES",
];
