/** Names that want to be more than names: to a terminal, a log, a page of metrics, a browser. */

/** Each is a name of a folder, too. */
export const HOSTILE_NAMES = [
  'a"} 1\nforged_total{x="',
  "<script>alert(1)<script>",
  "\u001b[31mred\u001b[0m\u009b2J",
  "back\\slash\\",
  "# EOF\n# TYPE forged counter",
  "x\r\nforged 1",
  "\u2028{{constructor}}\u202e",
  "a\u0007b\u0008c",
];
