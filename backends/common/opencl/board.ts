/** An OpenCL device with one image on it: what a board with an FPGA is. */
import { BackendError } from "../../contract.ts";
import { INFO, MEMORY, XILINX_MEMORY_TOPOLOGY } from "./constants.ts";
import { check, failure } from "./faults.ts";
import { askBytes } from "./info.ts";
import { addressOf, type Handle, type OpenCl, openLibrary } from "./library.ts";
import { type DeviceInfo, listDevices, listPlatforms, type PlatformInfo } from "./platforms.ts";

export interface BoardChoice {
  /** Found in the platform's name or its vendor's. */
  readonly platform: RegExp;
  /** Among the platform's devices, in the library's order. */
  readonly device: (device: DeviceInfo, index: number) => boolean;
  /** How a buffer is put into a memory bank. Absent: the library decides, banks of the manifest are ignored. */
  readonly banking?: "xilinx";
}

export type BufferUse = "input" | "output";

export class OpenClBoard {
  readonly cl: OpenCl;
  readonly info: DeviceInfo;
  readonly #context: Handle;
  readonly #banking: "xilinx" | undefined;
  #program: Handle | undefined;

  private constructor(
    cl: OpenCl,
    info: DeviceInfo,
    context: Handle,
    banking: "xilinx" | undefined,
  ) {
    this.cl = cl;
    this.info = info;
    this.#context = context;
    this.#banking = banking;
  }

  /** @throws BackendError `device` where the platform or the device is not there */
  static open({ platform, device, banking }: BoardChoice): OpenClBoard {
    const cl = openLibrary();
    const found = findPlatform(cl, platform);
    if (found === undefined) {
      const names = listPlatforms(cl).map(({ name }) => `"${name}"`);
      throw new BackendError(
        "device",
        `no OpenCL platform matches ${platform}; installed: ${names.join(", ") || "none"}`,
      );
    }
    const info = listDevices(cl, found).find(device);
    if (info === undefined) {
      throw new BackendError(
        "device",
        `OpenCL platform "${found.name}" has no such device (any more)`,
      );
    }
    const context = created("clCreateContext", info.name, (code) =>
      cl.clCreateContext(null, 1, BigUint64Array.of(info.handle), null, null, code),
    );
    return new OpenClBoard(cl, info, context, banking);
  }

  /**
   * Puts an image on the board. The bytes must have been validated: vendors'
   * libraries crash on broken ones.
   * @throws BackendError `artifact` where it is for another board or is refused
   */
  load(image: Uint8Array): void {
    const { cl, info } = this;
    this.unload();
    const status = new Int32Array(1);
    const code = new Int32Array(1);
    const devices = BigUint64Array.of(info.handle);
    const program = cl.clCreateProgramWithBinary(
      this.#context,
      1,
      devices,
      BigUint64Array.of(BigInt(image.length)),
      BigUint64Array.of(addressOf(image)),
      status,
      code,
    );
    if (program === null || code[0] !== 0) {
      throw failure("clCreateProgramWithBinary", code[0] || status[0] || -42, this.#about());
    }
    this.#program = program;
    try {
      check(
        "clBuildProgram",
        cl.clBuildProgram(program, 1, devices, "", null, null),
        this.#about(),
      );
    } catch (cause) {
      this.unload();
      throw cause;
    }
  }

  unload(): void {
    if (this.#program !== undefined) this.cl.clReleaseProgram(this.#program);
    this.#program = undefined;
  }

  /**
   * The binary that this board's compiler makes of OpenCL C.
   * @throws BackendError `artifact` with the compiler's log
   */
  compile(source: string, options: string): Uint8Array {
    const { cl, info } = this;
    const text = Buffer.from(source);
    const program = created("clCreateProgramWithSource", this.#about(), (code) =>
      cl.clCreateProgramWithSource(
        this.#context,
        1,
        BigUint64Array.of(addressOf(text)),
        BigUint64Array.of(BigInt(text.length)),
        code,
      ),
    );
    try {
      const code = cl.clBuildProgram(
        program,
        1,
        BigUint64Array.of(info.handle),
        options,
        null,
        null,
      );
      if (code !== 0) throw failure("clBuildProgram", code, this.#buildLog(program));
      return this.#binaryOf(program);
    } finally {
      cl.clReleaseProgram(program);
    }
  }

  /** @param name with the compute unit, where the image has several: `kernel:{unit}` */
  createKernel(name: string): Handle {
    const program = this.#program;
    if (program === undefined) throw new BackendError("internal", "no image on the board");
    return created("clCreateKernel", `kernel "${name}"`, (code) =>
      this.cl.clCreateKernel(program, name, code),
    );
  }

  argumentsOf(kernel: Handle): number | undefined {
    return askBytes((size, into, sizeOf) =>
      this.cl.clGetKernelInfo(kernel, INFO.kernelNumArgs, size, into, sizeOf),
    )?.readUInt32LE(0);
  }

  /** @param bank index into the image's list of memories; ignored where the library places buffers */
  createBuffer(use: BufferUse, sizeBytes: number, bank: number | undefined): Handle {
    const access = use === "input" ? MEMORY.readOnly : MEMORY.writeOnly;
    const inBank = bank !== undefined && this.#banking === "xilinx";
    const flags = inBank ? access | MEMORY.xilinxExtension : access;
    const extension = inBank ? xilinxExtension(bank) : null;
    const about = `${use} buffer of ${sizeBytes} bytes${bank === undefined ? "" : `, bank ${bank}`}`;
    return created("clCreateBuffer", about, (code) =>
      this.cl.clCreateBuffer(this.#context, flags, sizeBytes, extension, code),
    );
  }

  /** Commands of one queue run one after the other; queues run side by side. */
  createQueue(): Handle {
    return created("clCreateCommandQueue", this.#about(), (code) =>
      this.cl.clCreateCommandQueue(this.#context, this.info.handle, 0n, code),
    );
  }

  close(): void {
    this.unload();
    this.cl.clReleaseContext(this.#context);
  }

  #about(): string {
    return `device "${this.info.name}"`;
  }

  #buildLog(program: Handle): string {
    const log = askBytes((size, into, sizeOf) =>
      this.cl.clGetProgramBuildInfo(
        program,
        this.info.handle,
        INFO.programBuildLog,
        size,
        into,
        sizeOf,
      ),
    );
    const text = (log?.toString("utf8") ?? "").replaceAll("\0", "").trim();
    return `the source does not compile: ${text.slice(0, 2000)}`;
  }

  #binaryOf(program: Handle): Uint8Array {
    const sizes = new BigUint64Array(1);
    check(
      "clGetProgramInfo",
      this.cl.clGetProgramInfo(program, INFO.programBinarySizes, 8, sizes, null),
    );
    const binary = new Uint8Array(Number(sizes[0]));
    check(
      "clGetProgramInfo",
      this.cl.clGetProgramInfo(
        program,
        INFO.programBinaries,
        8,
        BigUint64Array.of(addressOf(binary)),
        null,
      ),
    );
    return binary;
  }
}

export function findPlatform(cl: OpenCl, wanted: RegExp): PlatformInfo | undefined {
  return listPlatforms(cl).find(({ name, vendor }) => wanted.test(name) || wanted.test(vendor));
}

/** `cl_mem_ext_ptr_t`: u32 flags, padding, two pointers. */
function xilinxExtension(bank: number): Uint8Array {
  const struct = Buffer.alloc(24);
  struct.writeUInt32LE((XILINX_MEMORY_TOPOLOGY | bank) >>> 0, 0);
  return struct;
}

function created(call: string, about: string, create: (code: Int32Array) => Handle | null): Handle {
  const code = new Int32Array(1);
  const handle = create(code);
  if (handle === null || code[0] !== 0) throw failure(call, code[0] || -30, about);
  return handle;
}
