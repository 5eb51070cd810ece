/** A loader whose models answer from the response cache where their configuration asks for it. */
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import type { Account } from "../inference/outcome.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { Logger } from "../logger.ts";
import type { Loader, ModelDefinition } from "../registry/types.ts";
import { CachedModel } from "../scheduling/cached-model.ts";
import { ResponseCache } from "../scheduling/response-cache.ts";
import type { Served } from "../scheduling/served.ts";

export interface CachingLoaderParts {
  /** 0: there is no cache. */
  readonly cacheBytes: number;
  readonly account: Account;
  /** Told of every version that is loaded with a cache. */
  cached(signature: ModelSignature): void;
  readonly clock: Clock;
  readonly log: Logger;
}

export function cachingLoader(loader: Loader<Served>, parts: CachingLoaderParts): Loader<Served> {
  const { account, clock, log } = parts;
  const cache = parts.cacheBytes > 0 ? new ResponseCache(parts.cacheBytes) : undefined;
  return {
    async load(definition, signal) {
      const wanted = cache !== undefined && definition.cacheResponses === true;
      if (wanted) refuseDecoupled(definition);
      const model = await loader.load(definition, signal);
      if (definition.cacheResponses === true && cache === undefined) {
        log.warn(
          `model '${definition.name}' enables response_cache, but the server has no cache: start it with --cache-config=local,size=BYTES`,
        );
      }
      // As in Triton: what a sequence is answered depends on what came before.
      if (!wanted || definition.sequence !== undefined) return model;
      parts.cached(definition.signature);
      const composed = definition.ensemble !== undefined;
      return new CachedModel({ model, cache, composed, account, clock });
    },

    async unload(served) {
      await loader.unload(served);
      cache?.forgetComposed();
    },

    trouble: (served) => loader.trouble(served),
    // An ensemble of it may answer otherwise from now on.
    retargeted: () => cache?.forgetComposed(),
  };
}

function refuseDecoupled({ name, signature }: ModelDefinition): void {
  if (!signature.decoupled) return;
  throw new StatusError(
    "INVALID_ARGUMENT",
    `Response Cache does not currently support model ${name} with 'decoupled' transaction policy. Please disable the response cache.`,
  );
}
