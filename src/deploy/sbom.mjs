/**
 * `npm run -s sbom`: the packages that are shipped, as CycloneDX 1.5, from the lock file alone. `npm sbom` leaves out
 * packages that others name as peers (npm 11.19: @opentelemetry/api), which an SBOM must not.
 */
import { readFileSync } from "node:fs";

const read = (file) => JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
const { name, version, license } = read("package.json");
const { packages } = read("package-lock.json");

/** `@scope/name` is `%40scope/name` there (package-url's own specification). */
const purlOf = (packageName, packageVersion) =>
  `pkg:npm/${packageName.replace(/^@/, "%40")}@${packageVersion}`;

function component(path, entry) {
  const packageName = path.replace(/^.*node_modules\//, "");
  const [algorithm, digest] = (entry.integrity ?? "").split("-");
  return {
    type: "library",
    "bom-ref": path,
    name: packageName,
    version: entry.version,
    purl: purlOf(packageName, entry.version),
    ...(entry.license ? { licenses: [{ expression: entry.license }] } : {}),
    ...(algorithm === "sha512"
      ? { hashes: [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }] }
      : {}),
  };
}

const root = {
  type: "application",
  "bom-ref": "beamgate",
  name,
  version,
  purl: purlOf(name, version),
  licenses: [{ expression: license }],
};
const shipped = Object.entries(packages).filter(
  ([path, { dev, devOptional }]) => path !== "" && !dev && !devOptional,
);
const bom = {
  $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  version: 1,
  metadata: { component: root },
  components: shipped.map(([path, entry]) => component(path, entry)),
};
process.stdout.write(`${JSON.stringify(bom, null, 2)}\n`);
