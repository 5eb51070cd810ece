/** Mean and spread of every feature, so that a network sees numbers near 1. */
export interface Scaling {
  readonly mean: Float64Array;
  /** Standard deviation; 1 for a feature that never changes. */
  readonly sigma: Float64Array;
}

/** `data` is [rows, features], row-major. */
export function measureScaling(data: ArrayLike<number>, features: number): Scaling {
  const rows = data.length / features;
  const mean = new Float64Array(features);
  const sigma = new Float64Array(features);
  for (let k = 0; k < data.length; k++) {
    const feature = k % features;
    mean[feature] = (mean[feature] as number) + (data[k] as number) / rows;
  }
  for (let k = 0; k < data.length; k++) {
    const feature = k % features;
    const away = (data[k] as number) - (mean[feature] as number);
    sigma[feature] = (sigma[feature] as number) + (away * away) / rows;
  }
  return { mean, sigma: sigma.map((variance) => (variance > 1e-12 ? Math.sqrt(variance) : 1)) };
}

/** The scaled copy of `data` that a network is trained on. */
export function applyScaling(data: ArrayLike<number>, scaling: Scaling): Float64Array {
  const features = scaling.mean.length;
  const scaled = new Float64Array(data.length);
  for (let k = 0; k < data.length; k++) {
    const feature = k % features;
    const away = (data[k] as number) - (scaling.mean[feature] as number);
    scaled[k] = away / (scaling.sigma[feature] as number);
  }
  return scaled;
}
