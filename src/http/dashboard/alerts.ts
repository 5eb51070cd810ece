/** What an operator should look at first, from what a snapshot shows. Pure. */
import type { Alert, Snapshot } from "../../inference/dashboard-report.ts";

/** Part of the requests that may fail before somebody is told. */
const FAILURES = 0.01;
/** Part of a quota. */
const NEARLY_USED = 0.95;
/** So long a death is told of that was made good, s. */
const DEATH_SECONDS = 60;

export function alertsOf(snapshot: Omit<Snapshot, "alerts">): Alert[] {
  const alerts = [
    ...deviceAlerts(snapshot),
    ...workerAlerts(snapshot),
    ...modelAlerts(snapshot),
    ...tenantAlerts(snapshot),
    ...gatewayAlerts(snapshot),
  ];
  return alerts.toSorted((one, other) => weight(other) - weight(one));
}

const weight = ({ level }: Alert) => (level === "bad" ? 1 : 0);

function* deviceAlerts({ devices }: Pick<Snapshot, "devices">): Generator<Alert> {
  for (const { id, state, breaker, trouble, reserved } of devices) {
    if (state === "failed") {
      yield {
        level: "bad",
        what: id,
        text: `failed: ${trouble ?? "no reason is known"}`,
        page: "device-failed",
      };
    } else if (breaker === "open") {
      yield {
        level: "bad",
        what: id,
        text: "gets no requests: it failed too often",
        page: "breaker-open",
      };
    } else if (state === "drained" && reserved?.state !== "running") {
      yield {
        level: "warn",
        what: id,
        text: "was taken out of service by hand",
        page: "device-drained",
      };
    }
  }
}

function* workerAlerts({ workers }: Pick<Snapshot, "workers">): Generator<Alert> {
  for (const { device, pid, state, lastDeath } of workers) {
    if (lastDeath === undefined) continue;
    const isBack = state === "ready";
    if (isBack && lastDeath.secondsAgo > DEATH_SECONDS) continue;
    const ago = `${lastDeath.reason}, ${Math.round(lastDeath.secondsAgo)} s ago`;
    const text = isBack ? `${ago}; ${pid} took its place` : `${ago}; none has taken its place yet`;
    const level = isBack ? "warn" : "bad";
    yield { level, what: `worker of ${device}`, text, page: "workers-die" };
  }
}

function* modelAlerts({ models }: Pick<Snapshot, "models">): Generator<Alert> {
  for (const model of models) {
    const about = { model: model.name, what: `${model.name}/${model.version}` };
    if (model.state === "UNAVAILABLE" && model.reason !== "" && model.reason !== "unloaded") {
      yield {
        level: "warn",
        ...about,
        text: `does not serve: ${model.reason}`,
        page: "model-unavailable",
      };
    }
    const { failuresPerSecond, cancelledPerSecond, requestsPerSecond } = model;
    const all = failuresPerSecond + requestsPerSecond;
    // Whoever hangs up is not failed.
    const failed = failuresPerSecond - cancelledPerSecond;
    if (failed > FAILURES * all) {
      const part = ((100 * failed) / all).toPrecision(2);
      yield { level: "bad", ...about, text: `${part} % of its requests fail`, page: "model-fails" };
    }
    if (model.waiting > 0 && model.state === "READY" && all === 0) {
      yield {
        level: "warn",
        ...about,
        text: `${model.waiting} requests wait, none is answered`,
        page: "queue-long",
      };
    }
  }
}

function* tenantAlerts({ tenants }: Pick<Snapshot, "tenants">): Generator<Alert> {
  for (const { name, quota, used } of tenants) {
    for (const [limit, most] of Object.entries(quota)) {
      const now = used[limit as keyof typeof used] ?? 0;
      if (now < NEARLY_USED * most) continue;
      const text = `uses ${Math.round((100 * now) / most)} % of its ${limit}`;
      yield { level: "warn", what: name, text, page: "tenant-throttled" };
    }
  }
}

function* gatewayAlerts({
  ready,
  cluster,
  authenticated,
}: Omit<Snapshot, "alerts">): Generator<Alert> {
  if (!ready) yield { level: "bad", what: "gateway", text: "is not ready", page: "gateway-down" };
  if (cluster.redis === "down" || cluster.redis === "degraded") {
    yield {
      level: "warn",
      what: "Redis",
      text: `is ${cluster.redis}: gateways go on with what they know`,
      page: "redis-away",
    };
  }
  if (!authenticated) {
    yield {
      level: "warn",
      what: "gateway",
      text: "nobody is asked who he is: whoever reaches a port may do everything",
      page: "open-doors",
    };
  }
}
