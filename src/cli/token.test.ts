import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { discoverToken } from "./token.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-token-"));
afterAll(() => rmSync(folder, { recursive: true }));

const uid = process.getuid?.() ?? 0;
let folders = 0;
/** A folder with this token in it as WLCG calls it; undefined: without. */
function place(token?: string): string {
  const path = mkdtempSync(join(folder, `${folders++}-`));
  if (token !== undefined) writeFileSync(join(path, `bt_u${uid}`), token);
  return path;
}
function file(content: string): string {
  const path = join(folder, `token-${folders++}`);
  writeFileSync(path, content);
  return path;
}

describe("a bearer token", () => {
  it("is looked for in the order of WLCG", async () => {
    const all = {
      BEARER_TOKEN: "first",
      BEARER_TOKEN_FILE: file(" second\n"),
      XDG_RUNTIME_DIR: place("third"),
    };
    const tmp = place("fourth");
    const found = async (env: NodeJS.ProcessEnv) => (await discoverToken(env, uid, tmp))?.token;
    expect(await found(all)).toBe("first");
    expect(await found({ ...all, BEARER_TOKEN: " " })).toBe("second");
    expect(await found({ XDG_RUNTIME_DIR: all.XDG_RUNTIME_DIR })).toBe("third");
    expect(await found({ XDG_RUNTIME_DIR: place() })).toBe("fourth");
    expect(await found({})).toBe("fourth");
    expect(await discoverToken({}, uid, place())).toBeUndefined();
  });

  it("of a file that is named has to be there", async () => {
    const missing = { BEARER_TOKEN_FILE: join(folder, "none") };
    await expect(discoverToken(missing, uid, place())).rejects.toThrow("there is no file");
  });

  it.each(["two words", "a\r\nHost: evil", "ü", "="])(
    "%j is none, and not repeated",
    async (text) => {
      const refused = discoverToken({ BEARER_TOKEN: text }, uid, place());
      await expect(refused).rejects.toThrow(/^BEARER_TOKEN: what stands there is no bearer token$/);
    },
  );

  it("that somebody else put into /tmp is not taken", async () => {
    expect(await discoverToken({}, uid + 1, place("planted"))).toBeUndefined();
    const tmp = place();
    writeFileSync(join(tmp, `bt_u${uid + 1}`), "planted");
    expect(await discoverToken({}, uid + 1, tmp)).toBeUndefined();
    const linked = place();
    symlinkSync(file("elsewhere"), join(linked, `bt_u${uid}`));
    expect(await discoverToken({}, uid, linked)).toBeUndefined();
  });

  it("that cannot be read is an error", async () => {
    const path = file("secret");
    chmodSync(path, 0);
    chmodSync(folder, 0o755);
    const [asked, elsewhere] = [{ BEARER_TOKEN_FILE: path }, place()];
    // Root may read everything: for a moment this process is nobody.
    if (uid === 0) process.seteuid?.(65_534);
    try {
      await expect(discoverToken(asked, uid, elsewhere)).rejects.toThrow("cannot be read");
    } finally {
      if (uid === 0) process.seteuid?.(0);
    }
  });
});
