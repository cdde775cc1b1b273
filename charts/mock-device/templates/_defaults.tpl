{{/*
What stands in values.yaml, for values that do not have it: `helm upgrade --reuse-values` renders a newer chart with the
older chart's values. A test compares the two. Resources have none here, so that `resources.limits=null` takes them away.
*/}}
{{- define "mock-device.defaults" -}}
global:
  imagePullSecrets: []
namespace:
  create: true
  name: mock-device
draDriver:
  name: mock-accel.example.com
  bindingConditions: false
  controller:
    enabled: true
    image:
      repository: ghcr.io/fabiendupont/mock-accel-dra-driver
      tag: ""
      pullPolicy: IfNotPresent
    rescanInterval: 30s
    verbosity: 5
    metricsPort: 9090
    sharedDevices: []
    resources: {}
  nodeAgent:
    enabled: true
    image:
      repository: ghcr.io/fabiendupont/mock-accel-dra-driver
      tag: ""
      pullPolicy: IfNotPresent
    rescanInterval: 30s
    verbosity: 5
    pluginSocket: /var/lib/kubelet/plugins/mock-accel.example.com
    cdiDir: /var/run/cdi
    rollingUpdate: true
    metricsPort: 9091
    healthPort: 9092
    deviceMetadata: false
    resources: {}
  nodeSelector: {}
  tolerations:
    - operator: Exists
  priorityClassName: system-node-critical
  podAnnotations: {}
kernelModule:
  enabled: false
  moduleName: mock-accel
  image:
    repository: ghcr.io/fabiendupont/mock-accel-module
    tag: v1.0.0-fc43
    pullPolicy: IfNotPresent
  kernelMappings: []
  selector: {}
  parameters: []
  firmwarePath: ""
  build:
    enabled: false
    builderImage: ""
    sourceImage: ""
deviceClasses:
  - name: mock-accel-pf
    enabled: true
  - name: mock-accel-vf
    enabled: true
rbac:
  create: true
serviceAccount:
  create: true
  annotations: {}
  controllerName: ""
  nodeAgentName: ""
admissionPolicy:
  create: true
nameOverride: ""
fullnameOverride: ""
{{- end -}}

{{/* The values, with defaults for what is missing. */}}
{{- define "mock-device.settings" -}}
{{- $values := mergeOverwrite (include "mock-device.defaults" . | fromYaml) (deepCopy .Values | merge (dict)) -}}
{{- /* Not above: whoever takes one label of the default away would get it back. */ -}}
{{- if not $values.kernelModule.selector -}}
{{- $_ := set $values.kernelModule "selector" (dict "kubernetes.io/arch" "amd64") -}}
{{- end -}}
{{- toYaml $values -}}
{{- end -}}
