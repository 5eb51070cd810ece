/** The cards that XRT sees from this process. Loads native code. */
import {
  digestOf,
  findPlatform,
  HeldBoard,
  listDevices,
  OpenClInstance,
  openLibrary,
  readImage,
} from "../common/opencl/index.ts";
import {
  BackendError,
  type BackendHost,
  type Device,
  type ModelInstance,
  type ModelVariant,
} from "../contract.ts";
import { failureFile } from "./board/settings.ts";
import { type Emulation, startEmulation } from "./emulation/emulation.ts";
import { MortalBoard } from "./emulation/mortal-board.ts";
import { checkManifest, readImageFacts } from "./image.ts";
import type { EmulatedOptions } from "./options.ts";
import { vbnvParts } from "./platform.ts";
import { prepareForCards } from "./xrt/cards-environment.ts";

/** XRT's name for itself. */
const PLATFORM = /^Xilinx$/i;

export class Cards {
  readonly #emulation: Emulation | undefined;
  /** By id; kept, since instances of one image share a card. */
  readonly #held = new Map<string, HeldBoard>();

  readonly #mortal = new Map<string, MortalBoard>();

  private constructor(emulation: Emulation | undefined) {
    this.#emulation = emulation;
  }

  static open(emulated: EmulatedOptions | undefined, host: BackendHost): Cards {
    if (emulated === undefined) {
      prepareForCards();
      return new Cards(undefined);
    }
    const { boards, ...settings } = emulated;
    const emulation = startEmulation(boards, settings);
    host.log("info", "emulated U50 boards", { boards, mendedXrt: emulation.mended });
    return new Cards(emulation);
  }

  devices(): readonly Device[] {
    const cl = openLibrary();
    const platform = findPlatform(cl, PLATFORM);
    const found = platform === undefined ? [] : listDevices(cl, platform);
    if (this.#emulation !== undefined && found.length !== this.#emulation.boards) {
      throw new BackendError(
        "device",
        `XRT shows ${found.length} of ${this.#emulation.boards} emulated boards: was OpenCL in use in this process before?`,
      );
    }
    return found.map(({ name, memoryBytes, pciAddress }, index) => {
      const board = vbnvParts(name).board || "card";
      return {
        id: this.#emulation === undefined ? `${board}-${index}` : `${board}-emulated-${index}`,
        vendor: "xilinx",
        platform: name,
        reconfigurable: true,
        ...(this.#emulation === undefined ? {} : { emulated: true }),
        ...(memoryBytes > 0 ? { memoryBytes } : {}),
        description: `Alveo ${board.toUpperCase()}`,
        ...(this.#emulation === undefined && pciAddress !== "" ? { location: pciAddress } : {}),
      };
    });
  }

  /** After every instance was unloaded. */
  close(): void {
    this.#emulation?.close();
  }

  /** @throws BackendError `artifact` for an image that is for another shell, or for the other kind of card. */
  async load(variant: ModelVariant, device: Device): Promise<ModelInstance> {
    const image = await readImage(variant.artifact);
    const facts = readImageFacts(image);
    checkManifest(facts, variant.artifact);
    if (facts.platform !== device.platform) {
      throw misplaced(`it was made for ${facts.platform}, ${device.id} has ${device.platform}`);
    }
    if (facts.emulation !== (device.emulated === true)) {
      const made = facts.emulation ? "software emulation" : "real cards";
      throw misplaced(`it was made for ${made}, which ${device.id} is not`);
    }
    const index = Number(device.id.split("-").at(-1));
    const place = () => this.#place(variant, device, index, image);
    return this.#emulation === undefined
      ? place()
      : this.#mortalBoard(device, index, this.#emulation).load(place);
  }

  #place(variant: ModelVariant, device: Device, index: number, image: Buffer): ModelInstance {
    const hold = this.#heldBoard(device, index).hold(image, digestOf(image));
    try {
      const { board, release } = hold;
      return new OpenClInstance(variant, { device, board, release, naming: "xrt" });
    } catch (cause) {
      hold.release();
      throw cause;
    }
  }

  #heldBoard({ id }: Device, index: number): HeldBoard {
    let held = this.#held.get(id);
    if (held === undefined) {
      held = new HeldBoard(id, {
        platform: PLATFORM,
        device: (_, at) => at === index,
        // Under software emulation XRT puts buffers with an explicit bank into bank 0, whatever the image says;
        // left alone it goes by CONNECTIVITY.
        ...(this.#emulation === undefined ? { banking: "xilinx" } : {}),
      });
      this.#held.set(id, held);
    }
    return held;
  }

  #mortalBoard(device: Device, index: number, { folder }: Emulation): MortalBoard {
    let board = this.#mortal.get(device.id);
    if (board === undefined) {
      board = new MortalBoard(device, failureFile(folder, index));
      this.#mortal.set(device.id, board);
    }
    return board;
  }
}

const misplaced = (reason: string) =>
  new BackendError("artifact", `the xclbin does not fit the card: ${reason}`);
