/**
 * Who registers memory over HTTP: everybody, as one. A client's connections come and go with
 * every pause, so what it registers stays until it is unregistered, as in Triton.
 */
import type { ClientConnection } from "../inference/shared-regions.ts";

export const OVER_HTTP: ClientConnection = { gone: false, whenGone: () => {} };
