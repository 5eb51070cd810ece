/**
 * What ONNX Runtime reads of an ARM CPU. qemu shows a program the files of its system folder in place of
 * the host's; without these it would be shown an x86 CPU, which ONNX Runtime does not survive.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A Neoverse N1, as its kernel shows it; one core. */
const CPUINFO = `processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1

`;

const FILES: Readonly<Record<string, string>> = {
  "proc/cpuinfo": CPUINFO,
  "sys/devices/system/cpu/possible": "0\n",
  "sys/devices/system/cpu/present": "0\n",
  "sys/devices/system/cpu/online": "0\n",
};

export function writeArmCpu(system: string): void {
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(join(system, path, ".."), { recursive: true });
    writeFileSync(join(system, path), text);
  }
}
