/** A certificate authority for one test, by the `openssl` command in a folder of the test's. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Issued {
  readonly certPath: string;
  readonly keyPath: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });

export class TestAuthority {
  readonly certPath: string;
  readonly #own: Issued;
  #issued = 0;

  constructor(folder: string, name: string) {
    const certPath = join(folder, `${name}.pem`);
    const keyPath = join(folder, `${name}.key`);
    const where = ["-keyout", keyPath, "-out", certPath];
    openssl("req", "-x509", ...NEW_KEY, ...where, "-subj", `/DC=ch/CN=${name}`, "-days", "2");
    this.#own = { certPath, keyPath, cert: readFileSync(certPath), key: readFileSync(keyPath) };
    this.certPath = certPath;
  }

  /** @param subject as openssl takes it: `/DC=ch/CN=alice` */
  issue(subject: string, extensions = "extendedKeyUsage=clientAuth"): Issued {
    return this.#sign(this.#own, subject, extensions);
  }

  /** One whose time is over, or has not come. @param from, to days from now */
  issueFor(subject: string, from: number, to: number): Issued {
    this.#issued++;
    const path = (suffix: string) => `${this.certPath}.${this.#issued}.${suffix}`;
    const [csr, keyPath, certPath, config] = [path("csr"), path("key"), path("pem"), path("cnf")];
    openssl("req", ...NEW_KEY, "-keyout", keyPath, "-out", csr, "-subj", subject);
    writeFileSync(path("index"), "");
    writeFileSync(
      config,
      `[ca]\ndefault_ca = it\n[it]\ndatabase = ${path("index")}\nrand_serial = yes\nunique_subject = no\n` +
        `new_certs_dir = ${dirname(this.certPath)}\ndefault_md = sha256\npolicy = any\npreserve = yes\n` +
        "x509_extensions = client\n[any]\ncommonName = optional\n[client]\nextendedKeyUsage = clientAuth\n",
    );
    openssl(
      ...["ca", "-batch", "-notext", "-config", config, "-in", csr, "-out", certPath],
      ...["-cert", this.#own.certPath, "-keyfile", this.#own.keyPath],
      ...["-startdate", dayFromNow(from), "-enddate", dayFromNow(to)],
    );
    return { certPath, keyPath, cert: readFileSync(certPath), key: readFileSync(keyPath) };
  }

  server(): Issued {
    return this.issue("/CN=localhost", "subjectAltName=DNS:localhost,DNS:atlas.gate,IP:127.0.0.1");
  }

  /** What a user's software makes of his certificate (RFC 3820). */
  proxyOf(user: Issued, subject: string): Issued {
    const extensions = "proxyCertInfo=critical,language:id-ppl-inheritAll,pathlen:1";
    return this.#sign(user, `${subject}/CN=12345`, extensions);
  }

  #sign(by: Issued, subject: string, extensions: string): Issued {
    this.#issued++;
    const path = (suffix: string) => `${this.certPath}.${this.#issued}.${suffix}`;
    const [csr, keyPath, certPath, ext] = [path("csr"), path("key"), path("pem"), path("ext")];
    writeFileSync(ext, extensions);
    openssl("req", ...NEW_KEY, "-keyout", keyPath, "-out", csr, "-subj", subject);
    openssl(
      ...["x509", "-req", "-in", csr, "-out", certPath, "-days", "1", "-extfile", ext],
      ...["-CA", by.certPath, "-CAkey", by.keyPath, "-set_serial", String(1_000 + this.#issued)],
    );
    return { certPath, keyPath, cert: readFileSync(certPath), key: readFileSync(keyPath) };
  }
}

/** As `openssl ca` takes it: `20260131235959Z`. */
function dayFromNow(days: number): string {
  const time = new Date(Date.now() + days * 86_400_000).toISOString();
  return `${time.slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
}
