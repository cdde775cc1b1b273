{{/*
Every value is read with a default: `helm upgrade --reuse-values` renders a newer chart with the older chart's values.
*/}}

{{- define "gpu-mock.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "gpu-mock.fullname" -}}
{{- $name := include "gpu-mock.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Names of what no namespace holds: two releases in two namespaces must not share them. */}}
{{- define "gpu-mock.clusterName" -}}
{{- printf "%s-%s" (include "gpu-mock.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "gpu-mock.removalName" -}}
{{- printf "%s-removal" (include "gpu-mock.fullname" . | trunc 55 | trimSuffix "-") -}}
{{- end -}}

{{- define "gpu-mock.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gpu-mock.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The nodes' pods carry a component, so that the hook's pod is none of them. */}}
{{- define "gpu-mock.nodeLabels" -}}
{{ include "gpu-mock.selectorLabels" . }}
app.kubernetes.io/component: node
{{- end -}}

{{- define "gpu-mock.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "gpu-mock.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "gpu-mock.image" -}}
{{- printf "%s:%s" ((.Values.image).repository | default "ghcr.io/nvidia/gpu-mock") ((.Values.image).tag | default "latest") -}}
{{- end -}}

{{- define "gpu-mock.pullPolicy" -}}
{{- (.Values.image).pullPolicy | default "IfNotPresent" -}}
{{- end -}}

{{- define "gpu-mock.profile" -}}
{{- if (.Values.gpu).customConfig -}}
custom
{{- else -}}
{{- (.Values.gpu).profile | default "a100" -}}
{{- end -}}
{{- end -}}

{{- define "gpu-mock.count" -}}
{{- $count := (.Values.gpu).count -}}
{{- if kindIs "invalid" $count -}}8{{- else -}}{{- $count -}}{{- end -}}
{{- end -}}

{{- define "gpu-mock.driverVersion" -}}
{{- .Values.driverVersion | default "550.163.01" -}}
{{- end -}}

{{- define "gpu-mock.config" -}}
{{- if (.Values.gpu).customConfig -}}
{{- .Values.gpu.customConfig -}}
{{- else -}}
{{- .Files.Get (printf "profiles/%s.yaml" (include "gpu-mock.profile" .)) -}}
{{- end -}}
{{- end -}}

{{- define "gpu-mock.tolerations" -}}
{{- if kindIs "invalid" .Values.tolerations -}}
- operator: Exists
{{- else -}}
{{- toYaml .Values.tolerations -}}
{{- end -}}
{{- end -}}

{{- define "gpu-mock.removalTimeout" -}}
{{- (.Values.removal).timeoutSeconds | default 60 -}}
{{- end -}}
