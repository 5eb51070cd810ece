/** Exit codes: as those of the other commands, and k6's 99 for objectives that were missed. */
export const LoadtestExit = {
  ok: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  unavailable: 4,
  missed: 99,
} as const;
