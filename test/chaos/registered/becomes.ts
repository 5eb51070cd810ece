/** Waiting for what happens by itself. */

/** Whether a claim comes true within `limitMs`; asked once more at the end. */
export async function becomes(claim: () => Promise<boolean>, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (performance.now() < end) {
    if (await claim()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return claim();
}
