/**
 * What a worker is told of the gateway's environment. Vendor libraries and models run there: nothing that opens a
 * door elsewhere goes in, whether the gateway or somebody beside it was given it.
 */

/** Of the gateway's own configuration. */
const OURS = /^BEAMGATE_/;
/** A key is at the end of a word: a keyboard is none. */
const SECRET = /TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|AUTHORIZATION|KEYS?(_|\d|$)/i;
/** Flags meant for the gateway (inspectors, loaders). */
const NODES = /^NODE_OPTIONS$/;

export function workerEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(
    ([name]) => !OURS.test(name) && !SECRET.test(name) && !NODES.test(name),
  );
  return { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: "1" };
}
