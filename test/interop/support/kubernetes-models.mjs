/** Reads an object of Kubernetes as JSON, and throws what is wrong with it. Only kinds that Kubernetes itself lacks. */
import { readFileSync } from "node:fs";
import { GRPCRoute } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/GRPCRoute";
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject";
import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";

const { apiVersion, kind, ...rest } = JSON.parse(readFileSync(0, "utf8"));
const Model = { GRPCRoute, ScaledObject, ServiceMonitor }[kind];
if (Model?.apiVersion !== apiVersion) throw new Error(`${apiVersion} ${kind} is unknown here`);
new Model(rest).validate();
