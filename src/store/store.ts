/**
 * What is kept between runs, as the rooms see it: bytes by their content, records that change by
 * generations, and a log that only grows. Several processes may share one store.
 */
export interface Store {
  readonly blobs: Blobs;
  readonly log: AppendLog;
  /** Records of one kind, e.g. `models`. */
  records<T>(kind: string): Records<T>;
  /** A folder of the store for one purpose, made where it is missing, mode 0700. */
  folder(name: string): Promise<string>;
  close(): Promise<void>;
}

export interface StoredBlob {
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface Blobs {
  /**
   * Hashes while it writes; what is there already is not kept twice. Durable when it resolves.
   * @throws StatusError INVALID_ARGUMENT for more than `maxBytes` or another digest than `expected`;
   *   RESOURCE_EXHAUSTED when the disk is full. Nothing is left behind then.
   */
  put(
    source: AsyncIterable<Uint8Array>,
    limits: {
      readonly maxBytes: number;
      readonly expected?: string;
      readonly signal?: AbortSignal;
    },
  ): Promise<StoredBlob>;
  /** Where the bytes lie; read-only, never changed. Nothing is checked: see `has`. */
  path(digest: string): string;
  /** Also keeps it from being swept for the grace time, so that it can be named in a record now. */
  has(digest: string): Promise<boolean>;
  size(digest: string): Promise<number | undefined>;
  /** Reads everything again. @returns the digest that it really has; undefined: it is gone */
  rehash(digest: string): Promise<string | undefined>;
  /**
   * Removes what `keep` does not name, nobody is writing, and nobody put or asked for within the grace
   * time; nothing while a backup is made. @returns what was removed
   */
  sweep(keep: ReadonlySet<string>): Promise<readonly string[]>;

  /** An upload that may come in several pieces, over several connections. */
  openUpload(expected: string): Promise<Upload>;
}

/** Resumable by digest: the same digest gives the same upload, in this process or the next. */
export interface Upload {
  /** Bytes that are there already. */
  readonly receivedBytes: number;
  /**
   * What came before the source failed is kept.
   * @param offset must be `receivedBytes`
   * @param maxBytes of the whole upload
   * @returns bytes that are there now
   * @throws StatusError FAILED_PRECONDITION naming the offset that is expected; ABORTED while another
   *   connection appends; INVALID_ARGUMENT for more than `maxBytes`, the upload is dropped
   */
  append(offset: number, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number>;
  /** Checks the digest and makes it a blob. @throws StatusError INVALID_ARGUMENT: other bytes; the upload is dropped */
  finish(): Promise<StoredBlob>;
  drop(): Promise<void>;
}

export interface Versioned<T> {
  /** 1 for the first; grows by one with every commit, never used twice, not even after a removal. */
  readonly generation: number;
  /** undefined: removed. */
  readonly value: T | undefined;
  readonly at: string;
  /** What whoever committed it wrote beside it, e.g. who that was. */
  readonly note?: object;
}

/** A record whose newest generation cannot be read, by damage from outside. */
export interface DamagedRecord {
  readonly generation: number;
  /** Names the file and what is wrong with it. */
  readonly reason: string;
}

/** Linearizable by key, also between processes. */
export interface Records<T> {
  /** Of every key, those whose value was removed among them. As this process last saw it. */
  readonly all: ReadonlyMap<string, Versioned<T>>;
  /**
   * In place of `all`: an older generation was superseded, so it does not come back by itself.
   * Commits to them reject with DATA_LOSS until the file is restored or somebody calls `recover`.
   */
  readonly damaged: ReadonlyMap<string, DamagedRecord>;
  /** Grows with every commit of any key, by one. */
  readonly generation: number;
  get(key: string): Versioned<T> | undefined;
  /**
   * @param expected generation that the change was made from; 0: there is none
   * @param value undefined removes it
   * @param note kept beside the value, also where that is removed
   * @throws StatusError ABORTED naming the generation that is there, when somebody else was first;
   *   RESOURCE_EXHAUSTED when the disk is full. Nothing is changed then.
   */
  commit(key: string, expected: number, value: T | undefined, note?: object): Promise<Versioned<T>>;
  /**
   * Commits the newest generation of a damaged record that can be read, as a new one: a person's decision.
   * @throws StatusError FAILED_PRECONDITION: it is not damaged; DATA_LOSS: none can be read
   */
  recover(key: string, note?: object): Promise<Versioned<T>>;
  /** Older generations that are still kept, newest first. */
  history(key: string): Promise<readonly Versioned<T>[]>;
  /** Looks for what other processes committed. @returns the keys that changed */
  refresh(): Promise<readonly string[]>;
}

/** One JSON object a line. */
export interface AppendLog {
  /** Durable when it resolves. @throws StatusError RESOURCE_EXHAUSTED when the disk is full */
  append(entry: object): Promise<void>;
  /** Newest first. */
  read(limit: number, matches?: (entry: object) => boolean): Promise<readonly object[]>;
  /** As `read`, one after the other; memory does not grow with the log. */
  newestFirst(): AsyncIterable<object>;
}
