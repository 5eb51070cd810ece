/** Brings rows into the form that they have in the memory of a board, and back. */
import type { ManifestTensor } from "../../contract.ts";
import type { RowsLayout } from "./rows-layout.ts";

export interface RowCarrier {
  /** `rows` of a client into board memory's layout; leaves the gaps between rows as they are. */
  put(client: Uint8Array, rows: number, board: Uint8Array): void;
  /** `rows` of board memory into the client's layout. */
  take(board: Uint8Array, rows: number, client: Uint8Array): void;
}

/** @returns undefined where the bytes are the same on both sides */
export function carrierOf(_tensor: ManifestTensor, layout: RowsLayout): RowCarrier | undefined {
  if (layout.boardRowBytes === layout.clientRowBytes) return undefined;
  return withGaps(layout.clientRowBytes, layout.boardRowBytes);
}

function withGaps(rowBytes: number, stride: number): RowCarrier {
  return {
    put(client, rows, board) {
      for (let row = 0; row < rows; row++) {
        board.set(client.subarray(row * rowBytes, (row + 1) * rowBytes), row * stride);
      }
    },
    take(board, rows, client) {
      for (let row = 0; row < rows; row++) {
        client.set(board.subarray(row * stride, row * stride + rowBytes), row * rowBytes);
      }
    },
  };
}
