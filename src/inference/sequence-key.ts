/**
 * A sequence's id as one text. The number 9 and the text "9" are two sequences,
 * so a text that could be taken for a number, or for a quoted one, is quoted.
 */
export function sequenceKey(id: bigint | string): string {
  if (typeof id === "bigint") return String(id);
  return /^[\d"]/.test(id) ? JSON.stringify(id) : id;
}
