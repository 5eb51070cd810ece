/**
 * The whole contract between the gateway and a backend.
 *
 * A backend imports this file and nothing else of the project; the gateway
 * knows a backend by these types only. The file imports nothing.
 *
 * The life of a backend mirrors that of a Triton backend (initialize, load,
 * execute, unload, finalize) and of an AMD Inference Server worker, where the
 * cheap step (inspect) is kept apart from the step that takes hardware (load).
 * `inspect` runs in the gateway and never touches a vendor library; everything
 * from `create` on runs in a worker process, so a crash costs one worker.
 */

/**
 * Bytes per element of the fixed-size datatypes of the Open Inference
 * Protocol. `BYTES` is missing on purpose: its elements carry their own length.
 */
export const BYTES_PER_ELEMENT = {
  BOOL: 1,
  UINT8: 1,
  INT8: 1,
  UINT16: 2,
  INT16: 2,
  FP16: 2,
  BF16: 2,
  UINT32: 4,
  INT32: 4,
  FP32: 4,
  UINT64: 8,
  INT64: 8,
  FP64: 8,
} as const;

export type FixedDatatype = keyof typeof BYTES_PER_ELEMENT;
export type Datatype = FixedDatatype | "BYTES";

/** What a model version expects or returns under one name. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /**
   * One entry per axis; -1 for an axis of any length. The batch axis is left
   * out where the variant's `maxBatchSize` is above 0; with 0 the model has no
   * batch axis and this is the full shape.
   */
  readonly shape: readonly number[];
  /** An input that a request may leave out. */
  readonly optional?: boolean;
  /**
   * True for a tensor without a batch axis in a model that has one: ragged rows
   * laid end to end, or numbers about the whole batch. Its shape is the full one.
   */
  readonly unbatched?: boolean;
}

/**
 * A tensor that a model hands to its own next execution on the same sequence
 * (Triton's implicit state). The worker keeps it, a row per sequence; the backend
 * only sees one more input and one more output.
 */
export interface StateSpec {
  /** Names in `ModelVariant.inputs` and `outputs`. */
  readonly input: string;
  readonly output: string;
  /** What a sequence starts with: zeros (absent), or the bytes of this file, one row. */
  readonly initialFile?: string;
  /** Shape of that row, without the batch axis: the specs may leave axes open. */
  readonly initialShape: readonly number[];
}

/** A tensor as it travels: raw elements, never decoded by the gateway. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Full shape; axis 0 is the batch axis (rows) where the model has one. */
  readonly shape: readonly number[];
  /**
   * Little-endian, row-major, no padding; `BYTES` elements are a 4-byte
   * little-endian length and that many bytes. A view into a larger buffer that
   * may start at any byte offset (typed arrays may need a copy); do not keep it
   * past the call that handed it out, do not write to it.
   */
  readonly data: Uint8Array;
}

/**
 * `ap_fixed<w, i, q, o>` of AMD's and `ac_fixed<w, i, signed, q, o>` of Intel's HLS
 * tools. A raw integer r stands for r * 2^-(w - i); i may exceed w or be negative.
 */
export interface FixedPointType {
  /** Bits in all. */
  readonly w: number;
  /** Bits left of the binary point, the sign among them. */
  readonly i: number;
  readonly signed: boolean;
  /** How a value between two raw integers is rounded. */
  readonly q:
    | "TRN"
    | "TRN_ZERO"
    | "RND"
    | "RND_ZERO"
    | "RND_MIN_INF"
    | "RND_INF"
    | "RND_CONV"
    | "RND_CONV_ODD";
  /** What becomes of a value outside the range. */
  readonly o: "WRAP" | "SAT" | "SAT_ZERO" | "SAT_SYM";
}

/** A tensor as clients see it, and how its rows lie in the memory of the board. */
export interface ManifestTensor {
  readonly name: string;
  /** What clients send or get. A float of a tensor with an `encoding` is quantised on the way in and restored on the way out. */
  readonly datatype: FixedDatatype;
  /** Without the batch axis. */
  readonly shape: readonly number[];
  /** On the board every element is a raw integer of this type; absent: the elements travel as they are. */
  readonly encoding?: FixedPointType;
  /** Bits of one element in the board's memory: 8, 16, 32 or 64. Default: the least that holds `encoding`, or the datatype's. */
  readonly storageBits?: number;
  /** From one row to the next in the board's memory; the rest is padding. Default: no padding. */
  readonly rowBytes?: number;
}

/** What an argument of a kernel is for. */
export type KernelArgument =
  | {
      readonly index: number;
      readonly role: "input" | "output";
      readonly tensor: string;
      /** Memory bank per compute unit, in their order, where the board has several. */
      readonly banks?: readonly number[];
    }
  /** Number of rows, an unsigned 32-bit scalar. */
  | { readonly index: number; readonly role: "rows" };

/** How the host drives the kernel of an OpenCL artifact. */
export interface KernelManifest {
  readonly name: string;
  /** Names of the compute units, driven side by side; empty: one, unnamed. */
  readonly computeUnits: readonly string[];
  readonly arguments: readonly KernelArgument[];
  /** Rows of every call; a shorter batch is padded with zeros. Absent: as many as the call's argument says. */
  readonly rowsPerCall?: number;
  /** Sets of buffers per compute unit: one is filled while another is worked on. Default 2. */
  readonly buffersPerUnit?: number;
}

/**
 * `manifest.json` beside an artifact: `<model>/<version>/<variant>/manifest.json`.
 * What the artifact cannot say itself, and what it must agree with.
 */
export interface ArtifactManifest {
  readonly manifest: 1;
  /** Kind of the backend that runs it. */
  readonly backend: string;
  readonly vendor: string;
  readonly artifact: {
    /** A file in the manifest's folder. */
    readonly file: string;
    readonly format: string;
    readonly platform: string;
    /** `sha256:<hex>` of the file. */
    readonly digest?: string;
  };
  /** Artifacts of one class give the same bits for the same input; "float32" promises closeness only. */
  readonly numericClass: string;
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
  readonly kernel?: KernelManifest;
  /** For the backend alone. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** A compiled form of a model version, for one platform of one vendor. */
export interface Artifact {
  /** Content address, `sha256:<hex>`; empty where nobody has hashed it yet. */
  readonly digest: string;
  /** Where the bytes lie on this host; a file, or a folder for a bundle. */
  readonly path: string;
  /** `onnx`, `xclbin`, `aocx`, `openvino-ir`, `echo`, ... */
  readonly format: string;
  /** What it was compiled for, in the vendor's own name (shell, BSP, `any`). */
  readonly platform: string;
  /** Present for an artifact that is a variant in a folder of its own. */
  readonly manifest?: ArtifactManifest;
}

/** One schedulable device: a card, a MIG slice, a set of cores. */
export interface Device {
  readonly id: string;
  readonly vendor: string;
  /** Matches `Artifact.platform`. */
  readonly platform: string;
  /** Devices with the same group share a dedicated link. */
  readonly linkGroup?: string;
  /** True where software stands in for the silicon. Shown to whoever sees the device. */
  readonly emulated?: boolean;
  /** True where it holds one artifact at a time, and loading another takes it out of service for a while (bitstreams). */
  readonly reconfigurable?: boolean;
  /** Memory of its own, where known. */
  readonly memoryBytes?: number;
  /** What people call it: the model of the card, the profile of a MIG slice. */
  readonly description?: string;
  /** Where it sits: PCI address, MIG parent, host; whatever tools of the vendor take. */
  readonly location?: string;
}

/** What the sensors of a device say at the moment. A value that cannot be read is absent. */
export interface DeviceSensors {
  /** `Device.id`. */
  readonly id: string;
  /** Of the chip itself where the device says which sensor that is, else its hottest one. */
  readonly temperatureC?: number;
  /** Drawn by the whole board. */
  readonly powerW?: number;
  /** What it may draw, as set or as made. */
  readonly powerLimitW?: number;
  /** 0 to 1, over a time that the vendor chose. */
  readonly utilisation?: number;
  readonly memoryUsedBytes?: number;
  /** Where the values come from, for people: a tool, or a chip of hwmon and its sensor. */
  readonly source: string;
}

/** A model version paired with the artifact that will serve it. */
export interface ModelVariant {
  readonly model: string;
  readonly version: string;
  /** What the model takes: the client's tensors, then those the gateway makes, then states. */
  readonly inputs: readonly TensorSpec[];
  /** What the model gives: the client's tensors, then states. */
  readonly outputs: readonly TensorSpec[];
  /** Present for a model whose requests belong to sequences; empty where it hands itself nothing. */
  readonly states?: readonly StateSpec[];
  /** Most rows in one execution; 0 for a model without a batch axis. */
  readonly maxBatchSize: number;
  readonly artifact: Artifact;
  /** True where a request may have 0..n responses (`ModelInstance.stream`). */
  readonly decoupled?: boolean;
  /** `parameters` of the model's configuration, for the backend to read. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** What a backend could read from an artifact without touching hardware. */
export interface ArtifactFacts {
  readonly platform: string;
  /** Full shapes as the artifact states them, batch axis included if it has one; -1 for a free axis. */
  readonly inputs?: readonly TensorSpec[];
  readonly outputs?: readonly TensorSpec[];
  /**
   * True where axis 0 of every input and output is free, so that rows of
   * several requests can be joined along it.
   */
  readonly batchable?: boolean;
  /** Fixed batch size burnt into the artifact, where there is one. */
  readonly fixedBatchSize?: number;
  /** Names of tensors whose shape the artifact does not state; they are listed with shape []. */
  readonly unstatedShapes?: readonly string[];
  /** What else was read, for people: UUIDs, kernels, clocks, tools. Plain JSON. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface Backend {
  /** Name of the folder under `backends/`, also used in configuration. */
  readonly kind: string;

  /** The devices present now. Called at start and on every health round. */
  devices(): Promise<readonly Device[]>;

  /**
   * What can be read without disturbing an execution; a device without readable sensors is left out.
   * Absent: the backend reads none.
   */
  sensors?(): Promise<readonly DeviceSensors[]>;

  /** Programs `device` with the variant. May take seconds (bitstreams do). */
  load(
    variant: ModelVariant,
    device: Device,
    options: LoadOptions,
    signal: AbortSignal,
  ): Promise<ModelInstance>;

  /** Called once, after every instance was unloaded. */
  close(): Promise<void>;
}

/** How one instance is to be set up; what a backend cannot honour it ignores. */
export interface LoadOptions {
  /** Threads one execution may use; 1 unless configured. */
  readonly threads?: number;
  /** CPU numbers to run on, where pinning is wanted. */
  readonly cores?: readonly number[];
}

/** One batch on its way through an instance. */
export interface Execution {
  /** In the order of the variant's inputs; an optional input may be missing. */
  readonly inputs: readonly Tensor[];
  /** Names of the outputs somebody asked for, in the variant's order. */
  readonly outputs: readonly string[];
  /** The requests that make up the batch, in row order. At least one. */
  readonly members: readonly ExecutionMember[];
  /**
   * Memory of the caller to write an output into, 64-byte aligned. A backend
   * that can places the output there and returns it as the tensor's `data`: no copy.
   * @returns undefined where the caller has no such room; allocate then.
   */
  reserve(byteLength: number): Uint8Array | undefined;
}

export interface ExecutionMember {
  readonly rows: number;
  /** Present for requests of a sequence: state is kept per id, on this instance. */
  readonly sequence?: { readonly id: string; readonly start: boolean; readonly end: boolean };
  /** The client's own parameters (and forwarded headers), for backends that read them. */
  readonly parameters?: Readonly<Record<string, boolean | number | string>>;
}

export interface ModelInstance {
  readonly device: Device;

  /** Calls of `execute` the instance takes at once; 1 unless it says otherwise. */
  readonly maxInFlight?: number;

  /**
   * Runs one batch: one response per member. Never more than `maxInFlight` calls
   * overlap; `inputs` stay alive until the promise settles. Outputs carry the
   * same number of rows as the inputs, in the same order, and only names in
   * `execution.outputs`.
   * @throws BackendError
   */
  execute(execution: Execution, signal: AbortSignal): Promise<readonly Tensor[]>;

  /**
   * Runs one batch of a decoupled model: any number of responses per member, in
   * any order between members. Resolves after the last one.
   */
  stream?(
    execution: Execution,
    emit: (member: number, outputs: readonly Tensor[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;

  /**
   * For a device that can tell by itself that it does not serve. Called once, before the first
   * execution; the instance then calls `changed` with the reason when the device stops serving, and
   * with undefined when it serves again. In between it gets no executions.
   */
  watch?(changed: (trouble: string | undefined) => void): void;

  /** Frees the device. Never called while an execution is pending. */
  unload(): Promise<void>;
}

/** What the gateway lends to a backend. */
export interface BackendHost {
  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: object): void;
}

/** A model that devices of a backend have without a folder in the repository. */
export interface OfferedModel {
  readonly name: string;
  /** Most rows in one execution; 0: it has no batch axis, or nobody knows. */
  readonly maxBatchSize: number;
  /** As clients see them: without the batch axis where `maxBatchSize` is above 0. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export interface Offer {
  readonly models: readonly OfferedModel[];
  /** False where a device did not answer: a model that is missing may be there. */
  readonly complete: boolean;
}

/**
 * One entry of `backends/index.ts`, or the default export of a package named in
 * the configuration (`backends: [{ kind, package }]`).
 */
export interface BackendModule {
  readonly kind: string;
  /** Triton's words that select it in a config.pbtxt: values of `platform` and `backend`. */
  readonly platforms: readonly string[];
  /**
   * True where each device has a worker process of its own, and instances are loaded on a device by its
   * id. Such a backend serves only where the configuration names it. Absent: instances share workers,
   * on the first device.
   */
  readonly perDevice?: boolean;
  /** Options for a look at the devices of a host whose configuration does not name the backend. */
  readonly probeOptions?: unknown;
  /** Formats of artifacts it takes, and the file name Triton's layout gives each. */
  readonly formats: Readonly<Record<string, string>>;
  /** True where a model may have no artifact: its configuration says all. Its path is the version's folder then. */
  readonly artifactOptional?: boolean;

  /**
   * Reads an artifact without a device and without any vendor library. Runs in
   * the gateway, so it bounds what it reads and trusts no length it finds.
   * @throws BackendError `artifact` when it is not one of this backend's.
   */
  inspect(artifact: Artifact): Promise<ArtifactFacts>;

  /**
   * Models to serve without a folder in the repository. Runs in the gateway, at start and every few
   * seconds; touches no vendor library. undefined: the options ask for none.
   * @throws BackendError where no device answers
   */
  discover?(options: unknown, host: BackendHost): Promise<Offer | undefined>;

  /** Runs in a worker process; may import the vendor's library now, not before. */
  create(options: unknown, host: BackendHost): Promise<Backend>;
}

/** Reads artifacts for a registry, also those of formats that nothing here runs. */
export interface ArtifactReader {
  readonly formats: readonly string[];
  /**
   * What the bytes say of themselves. Like `BackendModule.inspect`, but needs no manifest, and looks at no files
   * beside the artifact. Where there is a manifest, or a platform that is not `any`, the bytes must agree.
   * @throws BackendError `artifact`
   */
  read(artifact: Artifact): Promise<ArtifactFacts>;
}

export type BackendFault =
  /** The artifact is broken, or was compiled for something else. */
  | "artifact"
  /** The tensors do not fit this model. The client's mistake. */
  | "input"
  /** The device is busy or out of memory. Another device may serve. */
  | "exhausted"
  /** The device is gone or wedged. Open the breaker. */
  | "device"
  | "internal";

export class BackendError extends Error {
  override readonly name = "BackendError";
  readonly fault: BackendFault;

  constructor(fault: BackendFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}
