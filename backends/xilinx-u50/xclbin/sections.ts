/** Numbers of the sections of an AXLF container (`enum axlf_section_kind` of XRT's xclbin.h). */
const NAMES = [
  "BITSTREAM",
  "CLEARING_BITSTREAM",
  "EMBEDDED_METADATA",
  "FIRMWARE",
  "DEBUG_DATA",
  "SCHED_FIRMWARE",
  "MEM_TOPOLOGY",
  "CONNECTIVITY",
  "IP_LAYOUT",
  "DEBUG_IP_LAYOUT",
  "DESIGN_CHECK_POINT",
  "CLOCK_FREQ_TOPOLOGY",
  "MCS",
  "BMC",
  "BUILD_METADATA",
  "KEYVALUE_METADATA",
  "USER_METADATA",
  "DNA_CERTIFICATE",
  "PDI",
  "BITSTREAM_PARTIAL_PDI",
  "PARTITION_METADATA",
  "EMULATION_DATA",
  "SYSTEM_METADATA",
  "SOFT_KERNEL",
  "ASK_FLASH",
  "AIE_METADATA",
  "ASK_GROUP_TOPOLOGY",
  "ASK_GROUP_CONNECTIVITY",
  "SMARTNIC",
  "AIE_RESOURCES",
  "OVERLAY",
  "VENDER_METADATA",
] as const;

export type SectionName = (typeof NAMES)[number];

/** Tools after our list was written add kinds; they are carried along by number. */
export function sectionName(kind: number): SectionName | `KIND_${number}` {
  return NAMES[kind] ?? `KIND_${kind}`;
}

/** One of each at most: of two, nobody could say which one the board gets. */
export const SINGLE_SECTIONS: readonly SectionName[] = [
  "BITSTREAM",
  "EMBEDDED_METADATA",
  "MEM_TOPOLOGY",
  "CONNECTIVITY",
  "IP_LAYOUT",
  "DEBUG_IP_LAYOUT",
  "CLOCK_FREQ_TOPOLOGY",
  "BUILD_METADATA",
  "KEYVALUE_METADATA",
  "PARTITION_METADATA",
  "ASK_GROUP_TOPOLOGY",
  "ASK_GROUP_CONNECTIVITY",
];
