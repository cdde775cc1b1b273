{{- define "mock-device.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 50 characters, so that what is added to it stays a name. */}}
{{- define "mock-device.fullname" -}}
{{- $name := include "mock-device.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "mock-device.namespace" -}}
{{- (include "mock-device.settings" . | fromYaml).namespace.name | default .Release.Namespace -}}
{{- end -}}

{{/* Names of what no namespace holds: two releases in two namespaces must not share them. */}}
{{- define "mock-device.clusterName" -}}
{{- printf "%s-%s" (include "mock-device.fullname" .) (include "mock-device.namespace" .) -}}
{{- end -}}

{{- define "mock-device.controllerName" -}}
{{- printf "%s-controller" (include "mock-device.fullname" .) -}}
{{- end -}}

{{- define "mock-device.nodeAgentName" -}}
{{- printf "%s-node-agent" (include "mock-device.fullname" .) -}}
{{- end -}}

{{- define "mock-device.controllerAccount" -}}
{{- (.Values.serviceAccount).controllerName | default (include "mock-device.controllerName" .) -}}
{{- end -}}

{{- define "mock-device.nodeAgentAccount" -}}
{{- (.Values.serviceAccount).nodeAgentName | default (include "mock-device.nodeAgentName" .) -}}
{{- end -}}

{{- define "mock-device.selectorLabels" -}}
app.kubernetes.io/name: {{ include "mock-device.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mock-device.controllerLabels" -}}
app: mock-accel-controller
{{ include "mock-device.selectorLabels" . }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "mock-device.nodeAgentLabels" -}}
app: mock-accel-node-agent
{{ include "mock-device.selectorLabels" . }}
app.kubernetes.io/component: node-agent
{{- end -}}

{{- define "mock-device.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "mock-device.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Of a component: (dict "image" its image, "root" the top). */}}
{{- define "mock-device.image" -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}

{{/* The newest version of resource.k8s.io that the cluster serves and that has its fields from this release on; else empty. */}}
{{- define "mock-device.resourceVersion" -}}
{{- $api := .Capabilities.APIVersions -}}
{{- $kubernetes := .Capabilities.KubeVersion.Version -}}
{{- if and (semverCompare ">=1.34-0" $kubernetes) ($api.Has "resource.k8s.io/v1") -}}
v1
{{- else if and (semverCompare ">=1.33-0" $kubernetes) ($api.Has "resource.k8s.io/v1beta2") -}}
v1beta2
{{- else if and (semverCompare ">=1.32-0" $kubernetes) ($api.Has "resource.k8s.io/v1beta1") -}}
v1beta1
{{- end -}}
{{- end -}}

{{- define "mock-device.policyVersion" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1" -}}
v1
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1beta1" -}}
v1beta1
{{- end -}}
{{- end -}}

{{/*
The folder of the plugin's socket. Another driver's folder is another one, where only the name was changed; and who takes
the value for the socket itself means its folder.
*/}}
{{- define "mock-device.pluginDir" -}}
{{- $driver := (include "mock-device.settings" . | fromYaml).draDriver -}}
{{- $default := "/var/lib/kubelet/plugins/mock-accel.example.com" -}}
{{- $folder := $driver.nodeAgent.pluginSocket | trimSuffix "/" -}}
{{- if hasSuffix ".sock" $folder -}}
{{- $folder = dir $folder -}}
{{- end -}}
{{- if eq $folder $default -}}
{{- printf "/var/lib/kubelet/plugins/%s" $driver.name -}}
{{- else -}}
{{- $folder -}}
{{- end -}}
{{- end -}}

{{- define "mock-device.registryDir" -}}
{{- printf "%s/plugins_registry" (include "mock-device.pluginDir" . | dir | dir | trimSuffix "/") -}}
{{- end -}}

{{/* Two instances on one node need kubelets from 1.33 on. */}}
{{- define "mock-device.twoInstances" -}}
{{- if and (include "mock-device.settings" . | fromYaml).draDriver.nodeAgent.rollingUpdate (semverCompare ">=1.33-0" .Capabilities.KubeVersion.Version) -}}
true
{{- end -}}
{{- end -}}

{{/*
The classes, as a list below "items". `--set deviceClasses[0].enabled=false` leaves helm with a list of just that: where no entry
has a name, the entries stand for the default's, in order, and those that are missing stay.
*/}}
{{- define "mock-device.deviceClasses" -}}
{{- $given := (include "mock-device.settings" . | fromYaml).deviceClasses -}}
{{- $defaults := (include "mock-device.defaults" . | fromYaml).deviceClasses -}}
{{- $named := false -}}
{{- range $given -}}
{{- if (. | default dict).name -}}
{{- $named = true -}}
{{- end -}}
{{- end -}}
{{- $items := list -}}
{{- range $index, $entry := $given -}}
{{- $default := dict "enabled" true -}}
{{- if lt $index (len $defaults) -}}
{{- if not ($entry | default dict).name -}}
{{- $default = index $defaults $index -}}
{{- end -}}
{{- end -}}
{{- $items = append $items (mergeOverwrite (deepCopy $default) ($entry | default dict)) -}}
{{- end -}}
{{- if and $given (not $named) -}}
{{- range $index, $default := $defaults -}}
{{- if ge $index (len $given) -}}
{{- $items = append $items $default -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "items" $items | toYaml -}}
{{- end -}}

{{/* pf, vf, any, or empty where nothing says which. */}}
{{- define "mock-device.deviceType" -}}
{{- if .deviceType -}}
{{- .deviceType -}}
{{- else if hasSuffix "-pf" (.name | default "") -}}
pf
{{- else if hasSuffix "-vf" (.name | default "") -}}
vf
{{- end -}}
{{- end -}}

{{/* What pods of both components share: (dict "driver" draDriver, "secrets" global.imagePullSecrets). */}}
{{- define "mock-device.podSettings" -}}
{{- with .secrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .driver.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .driver.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .driver.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
