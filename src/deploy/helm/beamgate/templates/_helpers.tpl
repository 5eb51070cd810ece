{{- define "beamgate.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "beamgate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "beamgate.labels" -}}
{{ include "beamgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "beamgate.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Secret with tenants.yaml; empty: nobody is asked. */}}
{{- define "beamgate.tenantsSecret" -}}
{{- if .Values.tenants.existingSecret -}}
{{ .Values.tenants.existingSecret }}
{{- else if .Values.tenants.file -}}
{{ include "beamgate.name" . }}-tenants
{{- end -}}
{{- end }}

{{/* URL of the shared Redis; empty: none. */}}
{{- define "beamgate.redisUrl" -}}
{{- if .Values.redis.url -}}
{{ .Values.redis.url }}
{{- else if .Values.redis.enabled -}}
redis://{{ include "beamgate.name" . }}-redis:6379
{{- end -}}
{{- end }}

{{/* Folders of models, a list in JSON; empty: those of the image. */}}
{{- define "beamgate.roots" -}}
{{- $repository := .Values.modelRepository -}}
{{- $roots := list -}}
{{- if ne $repository.storageType "image" -}}
{{- range $repository.folders -}}
{{- $roots = append $roots (printf "%s/%s" $repository.mountPath .) -}}
{{- else -}}
{{- $roots = append $roots $repository.mountPath -}}
{{- end -}}
{{- end -}}
{{ toJson $roots }}
{{- end }}

{{/* Configuration of the gateways. */}}
{{- define "beamgate.config" -}}
{{- $config := dict "server" (dict "exitTimeoutSecs" .Values.triton.exitTimeoutSecs) -}}
{{- $roots := include "beamgate.roots" . | fromJsonArray -}}
{{- if $roots }}{{ $_ := set $config "repository" (dict "roots" $roots) }}{{ end -}}
{{- if .Values.triton.insecureNoAuth }}{{ $_ := set $config.server "insecureNoAuth" true }}{{ end -}}
{{- if include "beamgate.tenantsSecret" . }}{{ $_ := set $config "auth" (dict "tenantsFile" "/etc/beamgate/tenants/tenants.yaml") }}{{ end -}}
{{- if .Values.state.existingClaim -}}
{{- $_ := set $config "registry" (dict "folder" "/var/lib/beamgate/registry") -}}
{{- $_ := set $config "tenancy" (dict "folder" "/var/lib/beamgate/tenancy") -}}
{{- end -}}
{{- with include "beamgate.redisUrl" . }}{{ $_ := set $config "redis" (dict "url" .) }}{{ end -}}
{{- if and $config.redis .Values.redis.existingSecret }}{{ $_ := set $config.redis "passwordFile" "/etc/beamgate/redis/redis-password" }}{{ end -}}
{{- if .Values.tls.existingSecret -}}
{{- $tls := dict "useSsl" true "certPath" "/etc/beamgate/tls/tls.crt" "keyPath" "/etc/beamgate/tls/tls.key" -}}
{{- if .Values.tls.clientCertificates }}{{ $_ := set $tls "rootCertPath" "/etc/beamgate/tls/ca.crt" }}{{ end -}}
{{- $_ := set $config "grpc" (dict "tls" $tls) -}}
{{- if .Values.tls.http }}{{ $_ := set $config "http" (dict "tls" (deepCopy $tls)) }}{{ end -}}
{{- end -}}
{{- if .Values.boards.enabled -}}
{{- $servers := list (printf "%s-boards:8001" (include "beamgate.name" .)) -}}
{{- $_ := set $config "backends" (list (dict "kind" "remote" "options" (dict "servers" $servers "discover" true))) -}}
{{- end -}}
{{ toYaml (mergeOverwrite $config (deepCopy .Values.triton.config)) }}
{{- end }}

{{- define "beamgate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "beamgate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: ["ALL"] }
{{- end }}

{{/* What a gateway writes, and its models. */}}
{{- define "beamgate.mounts" -}}
- { name: config, mountPath: /etc/beamgate/config, readOnly: true }
- { name: tmp, mountPath: /tmp }
- { name: shm, mountPath: /dev/shm }
{{- if ne .Values.modelRepository.storageType "image" }}
- name: models
  mountPath: {{ .Values.modelRepository.mountPath }}
  readOnly: true
  {{- if hasPrefix "cvmfs" .Values.modelRepository.storageType }}
  mountPropagation: HostToContainer
  {{- end }}
{{- end }}
{{- end }}

{{- define "beamgate.volumes" -}}
- { name: tmp, emptyDir: { sizeLimit: {{ .Values.triton.tmpSize }} } }
- { name: shm, emptyDir: { medium: Memory, sizeLimit: {{ .Values.triton.shmSize }} } }
{{- with .Values.modelRepository }}
{{- if eq .storageType "pvc" }}
- { name: models, persistentVolumeClaim: { claimName: {{ .pvc.claimName }}, readOnly: true } }
{{- else if eq .storageType "nfs" }}
- { name: models, nfs: { server: {{ .nfs.server }}, path: {{ .nfs.path }}, readOnly: true } }
{{- else if eq .storageType "cvmfs" }}
- { name: models, hostPath: { path: /cvmfs, type: Directory } }
{{- else if eq .storageType "cvmfs-pvc" }}
- { name: models, persistentVolumeClaim: { claimName: {{ .cvmfsPvc.claimName }}, readOnly: true } }
{{- end }}
{{- end }}
{{- end }}

{{/* Ports and probes; argument: scheme of HTTP. */}}
{{- define "beamgate.probes" -}}
ports:
  - { name: http, containerPort: 8000 }
  - { name: grpc, containerPort: 8001 }
  - { name: metrics, containerPort: 8002 }
startupProbe:
  httpGet: { path: /v2/health/live, port: http, scheme: {{ . }} }
  periodSeconds: 2
  failureThreshold: 150
livenessProbe:
  httpGet: { path: /v2/health/live, port: http, scheme: {{ . }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /v2/health/ready, port: http, scheme: {{ . }} }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end }}
