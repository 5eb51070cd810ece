/** The Redis that several gateways share: reachable, in time, the right one, and agreeing about the time. */
import { isConfigured, type RedisSettings } from "../../shared-state/settings.ts";
import { type Finding, inGib, ok, warn } from "./finding.ts";

/** Beyond it leases and tokens are judged differently here and there. */
const MOST_SKEW_MS = 1_000;
const SLOW_MS = 20;

export async function checkRedis(settings: RedisSettings): Promise<Finding[]> {
  if (!isConfigured(settings)) return [ok("redis", "not configured: this gateway is alone")];
  const check = `redis ${settings.url ?? settings.sentinels.join(", ")}`;
  const { redisClient } = await import("../../shared-state/connect.ts");
  let client: ReturnType<typeof redisClient> | undefined;
  try {
    client = redisClient(settings);
    await client.connect();
    const begin = performance.now();
    const [seconds, micros] = await client.time();
    const tookMs = performance.now() - begin;
    const theirs = Number(seconds) * 1000 + Number(micros) / 1000;
    const info = await client.info();
    return [judge(check, info, tookMs), judgeClock(Date.now() - theirs)];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // It serves without: nothing waits for Redis.
    return [
      warn(check, reason, "start it, or correct redis.url, redis.passwordFile and redis.caPath"),
    ];
  } finally {
    client?.disconnect();
  }
}

function judge(check: string, info: string, tookMs: number): Finding {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "";
  const version = field("redis_version");
  const used = `${inGib(Number(field("used_memory")))} used`;
  const found = `Redis ${version}, ${field("role")}, ${used}, answers in ${tookMs.toFixed(1)} ms`;
  if (field("role") !== "master") {
    return warn(check, found, "name the master, or redis.sentinels that know it");
  }
  if (Number(field("maxmemory")) > 0 && field("maxmemory_policy") === "noeviction") {
    const share = Number(field("used_memory")) / Number(field("maxmemory"));
    if (share > 0.9) return warn(check, `${found}: nearly full`, "raise maxmemory");
  }
  if (tookMs > SLOW_MS) return warn(check, found, "put it near the gateways: slices last 250 ms");
  return ok(check, found);
}

function judgeClock(skewMs: number): Finding {
  const found = `${Math.abs(skewMs).toFixed(0)} ms ${skewMs > 0 ? "ahead of" : "behind"} that of Redis`;
  if (Math.abs(skewMs) <= MOST_SKEW_MS) return ok("clock and Redis", found);
  return warn("clock and Redis", found, "let NTP (chrony) set both clocks");
}
