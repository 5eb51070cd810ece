/** More than five hundred names that want to be paths, made of few parts. */

const CLIMBS = [
  "../",
  "..\\",
  "..%2f",
  "%2e%2e/",
  "%2e%2e%2f",
  "..%5c",
  "%252e%252e%252f",
  "..%c0%af",
  "%c0%ae%c0%ae/",
  "....//",
  "..;/",
  "..\u2215",
  "\uff0e\uff0e/",
  "..\u0000/",
  "./../",
  "x/../../",
];
const DEPTHS = [1, 3, 8];
const TARGETS = ["etc/passwd", "outside", "outside/1/model.onnx", "outside/config.pbtxt"];
const SUFFIXES = ["", "\u0000.onnx", "%00"];
const WHOLE = [
  "..",
  ".",
  " .. ",
  "...",
  "/",
  "//",
  "\\",
  "/etc/passwd",
  "/proc/self/environ",
  "/dev/zero",
  "/dev/shm",
  "~/.ssh/id_rsa",
  "file:///etc/passwd",
  "C:\\windows\\win.ini",
  "\\\\host\\share",
  "\\\\?\\C:\\",
  "a\u0000b",
  "\u202e../",
  "a".repeat(256),
  `${"a".repeat(256)}/../outside`,
  "../".repeat(2_000),
];

export const HOSTILE_PATHS: readonly string[] = [
  ...WHOLE,
  ...CLIMBS.flatMap((climb) =>
    DEPTHS.flatMap((depth) =>
      TARGETS.flatMap((target) => SUFFIXES.map((suffix) => climb.repeat(depth) + target + suffix)),
    ),
  ),
];
