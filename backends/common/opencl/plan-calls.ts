/** How a batch is cut into kernel calls. */

/** One run of a compute unit on some of the batch's rows. */
export interface KernelCall {
  readonly firstRow: number;
  /** Rows of the batch; the kernel may be given padding behind them. */
  readonly rows: number;
  /** Which compute unit runs it. */
  readonly unit: number;
  /** Which of that unit's sets of buffers it uses. */
  readonly buffers: number;
}

export interface CallLimits {
  /** Compute units that run side by side. */
  readonly units: number;
  /** Sets of buffers per unit: so many of its calls overlap. */
  readonly buffersPerUnit: number;
  /** Rows that a set of buffers holds. */
  readonly mostRows: number;
  /**
   * True where a call costs the same whatever its rows: as few calls as possible
   * then. Else a batch is spread evenly over the units.
   */
  readonly fixedRows: boolean;
}

/** Below twice as many rows another unit saves less than its call costs (tens of µs on a real card). */
const WORTH_A_CALL = 64;

/**
 * In row order. Calls go round the units first and each unit's buffers second, so
 * that neighbours overlap; a call whose buffers an earlier one uses waits for it.
 */
export function planCalls(rows: number, limits: CallLimits): readonly KernelCall[] {
  const { units, buffersPerUnit, mostRows, fixedRows } = limits;
  const least = Math.ceil(rows / mostRows);
  const calls = fixedRows ? least : Math.max(least, Math.min(units, spread(rows)));
  const planned: KernelCall[] = [];
  let firstRow = 0;
  for (let call = 0; call < calls; call++) {
    const own = fixedRows
      ? Math.min(mostRows, rows - firstRow)
      : Math.ceil((rows - firstRow) / (calls - call));
    const unit = call % units;
    const buffers = Math.floor(call / units) % buffersPerUnit;
    planned.push({ firstRow, rows: own, unit, buffers });
    firstRow += own;
  }
  return planned;
}

function spread(rows: number): number {
  return rows === 0 ? 0 : Math.max(1, Math.floor(rows / WORTH_A_CALL));
}
