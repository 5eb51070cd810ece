/** Values for the benches' tensors: the same in every run, spread like standardised features. */
export function randomFloats(count: number, seed = 1): Float32Array {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' LCG
    return state / 2 ** 32;
  };
  // The sum of four uniform numbers is close enough to a Gaussian here.
  return Float32Array.from(
    { length: count },
    () => (uniform() + uniform() + uniform() + uniform() - 2) * Math.sqrt(3),
  );
}
