/** Which worker takes one more model, where there may be no more workers. */

export interface WorkerLoad {
  /** Share of time spent executing lately. */
  readonly busyShare: number;
  readonly instances: { readonly size: number };
}

/** Loads closer than this count as equal: then the number of instances decides. */
const LOAD_STEP = 0.05;

/** The least busy one; among equals the one with the fewest instances. */
export function chooseWorker<W extends WorkerLoad>(workers: readonly W[]): W | undefined {
  const step = ({ busyShare }: W) => Math.round(busyShare / LOAD_STEP);
  return workers.reduce<W | undefined>((best, worker) => {
    if (best === undefined) return worker;
    const difference = step(worker) - step(best) || worker.instances.size - best.instances.size;
    return difference < 0 ? worker : best;
  }, undefined);
}
