/**
 * Traces in Triton's file format (docs/user_guide/trace.md): one JSON array of
 * objects with an `id` each. Goes to `<file>`, or to `<file>.0`, `.1`, ... every
 * `log_frequency` traces, and when `count` was reached.
 */
import { appendFile, writeFile } from "node:fs/promises";
import type { Logger } from "../logger.ts";
import type { RequestTrace } from "./request-trace.ts";
import type { EndedRequest } from "./spans.ts";
import { stageList, stagesOf } from "./stages.ts";
import type { TraceSetting } from "./trace-settings.ts";
import type { TraceSink } from "./tracer.ts";

/** Traces kept for a file that is not due yet are written to `<file>` beyond this, characters. */
const KEPT_CHARS = 4 << 20;
const MODE = 0o640;

export class TritonTraceFile implements TraceSink {
  readonly #path: string;
  readonly #log: Logger;
  readonly #zeroNs: number;
  readonly #kept = new Map<TraceSetting, { texts: string[]; chars: number; collected: number }>();
  #index = 0;
  #begun = false;
  #writing: Promise<void> = Promise.resolve();

  /** @param zeroNs what Triton's clock (steady, ns) shows at `Clock.now` 0. */
  constructor(path: string, log: Logger, zeroNs: number) {
    this.#path = path;
    this.#log = log;
    this.#zeroNs = zeroNs;
  }

  ended(trace: RequestTrace, ended: EndedRequest): void {
    const { root } = trace;
    root.written.push(this.#written(trace, ended));
    // The last step of an ensemble answers it, and is over itself only after that.
    if (root === trace) queueMicrotask(() => this.#keep(trace));
  }

  #keep({ setting, written }: RequestTrace): void {
    const kept = this.#kept.get(setting) ?? { texts: [], chars: 0, collected: 0 };
    this.#kept.set(setting, kept);
    const text = written.join(",");
    kept.texts.push(text);
    kept.chars += text.length;
    kept.collected++;
    const { count, logFrequency } = setting.values;
    const complete = count > 0 && kept.collected >= count;
    if (complete || (logFrequency > 0 && kept.texts.length >= logFrequency)) {
      this.#flush(setting, true);
    } else if (kept.chars > KEPT_CHARS || (count < 0 && logFrequency === 0)) {
      this.#flush(setting, false);
    }
  }

  /** Nothing is traced under `setting` any more. */
  replaced(setting: TraceSetting): void {
    this.#flush(setting, setting.values.logFrequency > 0);
    this.#kept.delete(setting);
  }

  async close(): Promise<void> {
    await undefined; // those that ended in this very moment
    for (const setting of this.#kept.keys()) this.replaced(setting);
    if (this.#begun) this.#write(() => appendFile(this.#path, "]\n"));
    await this.#writing;
  }

  #flush(setting: TraceSetting, indexed: boolean): void {
    const kept = this.#kept.get(setting);
    if (kept === undefined || kept.texts.length === 0) return;
    const text = kept.texts.join(",");
    kept.texts = [];
    kept.chars = 0;
    if (indexed) {
      const path = `${this.#path}.${this.#index++}`;
      this.#write(() => writeFile(path, `[${text}]\n`, { mode: MODE }));
    } else if (this.#begun) {
      this.#write(() => appendFile(this.#path, `,${text}`));
    } else {
      this.#begun = true;
      this.#write(() => writeFile(this.#path, `[${text}`, { mode: MODE }));
    }
  }

  /** One after the other; a file that can not be written costs traces, nothing else. */
  #write(act: () => Promise<void>): void {
    this.#writing = this.#writing.then(act).catch((error: unknown) => {
      this.#log.error("failed creating trace file", { error });
    });
  }

  #written(trace: RequestTrace, ended: EndedRequest): string {
    const { number: id, requestId, above } = trace;
    const { name, version } = ended.signature;
    const head = {
      id,
      model_name: name,
      model_version: Number(version),
      ...(requestId === "" ? {} : { request_id: requestId }),
      ...(above === undefined ? {} : { parent_id: above.number }),
    };
    const { level } = trace.setting.values;
    const stamps = level.includes("TIMESTAMPS") ? stageList(stagesOf(ended)) : [];
    const parts: object[] = [
      head,
      ...stamps.map((stage) => ({
        id,
        timestamps: [{ name: stage.name, ns: Math.round(this.#zeroNs + stage.at * 1e6) }],
      })),
      ...trace.tensors.map(({ activity, name: tensor, data, shape, datatype }) => ({
        id,
        activity,
        tensor: { name: tensor, data, shape: shape.join(","), dtype: datatype },
      })),
    ];
    return parts.map((part) => JSON.stringify(part)).join(",");
  }
}
