/** Whether there is such a day: `Date.parse` reads one that its month does not have as one of the next. @param day as in 2026-11-28 */
export function isCalendarDay(day: string): boolean {
  const midnight = Date.parse(`${day}T00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day);
}
