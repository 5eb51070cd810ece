/** The slice of the configuration as it is by default, for a Redis of a test. */
import { type ConfigInput, configSchema } from "../../../src/config/schema.ts";
import type { RedisSettings } from "../../../src/shared-state/settings.ts";

export function redisSettings(given: ConfigInput["redis"]): RedisSettings {
  return configSchema.parse({ redis: given }).redis;
}
