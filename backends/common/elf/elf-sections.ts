/** Sections of an ELF file by name, read within bounds. */
import type { ArtifactFile } from "../artifact-file/artifact-file.ts";
import type { ByteView } from "../artifact-file/byte-view.ts";
import { type ElfSection, readElf } from "./read-elf.ts";

export class ElfSections {
  readonly names: readonly string[];
  readonly #file: ArtifactFile;
  readonly #sections = new Map<string, ElfSection>();

  private constructor(file: ArtifactFile, sections: readonly ElfSection[]) {
    this.#file = file;
    this.names = sections.map(({ name }) => name);
    for (const section of sections) {
      if (this.#sections.has(section.name)) {
        throw file.place.refusal(`section '${section.name}' occurs twice, expected once`);
      }
      this.#sections.set(section.name, section);
    }
  }

  /** @throws BackendError `artifact`; `remedy` says what to do when it is no ELF file at all */
  static async of(file: ArtifactFile, remedy?: string): Promise<ElfSections> {
    const { sections } = await readElf(file, remedy);
    return new ElfSections(file, sections);
  }

  has(name: string): boolean {
    return this.#sections.has(name);
  }

  sizeBytes(name: string): number | undefined {
    return this.#sections.get(name)?.sizeBytes;
  }

  /** A section as a file of its own; undefined where there is none, or an empty one. */
  part(name: string): ArtifactFile | undefined {
    const section = this.#sections.get(name);
    if (section === undefined || section.sizeBytes === 0) return undefined;
    return this.#file.part(section.offset, section.sizeBytes, `section ${name}`);
  }

  async view(name: string, maxBytes: number): Promise<ByteView | undefined> {
    return this.part(name)?.readAll(maxBytes);
  }

  /** Its text without padding; undefined where it is missing or blank. */
  async text(name: string, maxBytes: number): Promise<string | undefined> {
    const text = (await this.view(name, maxBytes))?.text().trim();
    return text === "" ? undefined : text;
  }
}
