{{/* The generation to play; anything but the two known ones is refused. */}}
{{- define "kestra.generation" -}}
{{- if not (has .Values.generation (list "0.x" "1.x")) }}
{{- fail (printf "generation is %q: it must be \"0.x\" or \"1.x\"" (toString .Values.generation)) }}
{{- end }}
{{- .Values.generation }}
{{- end -}}

{{- define "kestra.name" -}}
{{- default "kestra" .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* Name of an object; takes (root, old, part). The official chart is named kestra, so this one says so too. */}}
{{- define "kestra.objectName" -}}
{{- $release := .root.Release.Name }}
{{- $name := default "kestra" .root.Values.nameOverride }}
{{- $known := contains $name $release }}
{{- if .old }}
{{- list $release (ternary "" "kestra" $known) .part | compact | join "-" | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $base := list $release (ternary "" $name $known) | compact | join "-" }}
{{- list (default $base .root.Values.fullnameOverride | trunc 63 | trimSuffix "-") .part | compact | join "-" }}
{{- end }}
{{- end -}}

{{/* Labels that select; takes (root, component). */}}
{{- define "kestra.selector" -}}
app.kubernetes.io/name: {{ include "kestra.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}{{ printf "\napp.kubernetes.io/component: %s" . }}{{ end }}
{{- end -}}

{{/* Labels of an object; takes (root, component). */}}
{{- define "kestra.labels" -}}
{{ include "kestra.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/*
What a list under `key` comes to for a workload: in 0.x the component's own replaces the shared one, where
components may have their own at all; in 1.x it follows the shared one. Takes the workload's scope and `key`.
0.x trims: of the line breaks that end its last value, one is left.
*/}}
{{- define "kestra.both" -}}
{{- $shared := get .scope.shared .key }}
{{- $own := get .scope.own .key }}
{{- if not .scope.old }}
{{- include "kestra.each" (list $shared $own) }}
{{- else if ne .key "topologySpreadConstraints" }}
{{- $sole := has .key (list "extraVolumes" "extraVolumeMounts" "initContainers") }}
{{- with ternary $shared (default $shared $own) $sole }}{{ toYaml . | trim | nindent 0 }}{{ end }}
{{- end }}
{{- end -}}

{{/* Each of the given collections that is not empty, one after the other. */}}
{{- define "kestra.each" -}}
{{- range . }}{{ with . }}{{ toYaml . | nindent 0 }}{{ end }}{{ end }}
{{- end -}}

{{/* The container's env, in the official order: last wins when a name is given twice. */}}
{{- define "kestra.env" -}}
{{- $paths := list }}
{{- range .files }}{{ $paths = append $paths .path }}{{ end }}
{{- if .old }}
{{- include "kestra.both" (dict "scope" . "key" "extraEnv") }}
- name: MICRONAUT_CONFIG_FILES
  value: {{ default (join "," $paths) .root.Values.configurationPath }}
{{- else }}
- name: MICRONAUT_CONFIG_FILES
  value: {{ join "," $paths | quote }}
- name: _JAVA_OPTIONS
  value: {{ include "kestra.javaOptions" . | replace "\n" " " | trim | quote }}
{{- include "kestra.both" (dict "scope" . "key" "extraEnv") }}
{{- end }}
{{- end -}}

{{/* The container's envFrom; later entries win. 0.x hands on nothing of an entry but name and prefix. */}}
{{- define "kestra.envFrom" -}}
{{- if .old }}
{{- $shared := .shared }}
{{- range $ref, $key := dict "configMapRef" "extraConfigMapEnvFrom" "secretRef" "extraSecretEnvFrom" }}
{{- range get $shared $key | default list }}
- {{ $ref }}:
    name: {{ .name }}
  {{- with .prefix }}{{ printf "\n  prefix: %v" . }}{{ end }}
{{- end }}
{{- end }}
{{- else }}
{{- include "kestra.both" (dict "scope" . "key" "extraEnvFrom") }}
{{- end }}
{{- end -}}

{{/* Kestra's configuration files, each with its path, mount and volume, in the order Kestra reads them. */}}
{{- define "kestra.files" -}}
{{- $v := .root.Values }}
{{- $name := include "kestra.objectName" (merge (dict "part" (ternary "configmap" "config" .old)) .) }}
{{- if not .old }}
- path: /app/confs/_default.yml
  mount: {name: {{ $name }}, mountPath: /app/confs/_default.yml, subPath: _default.yml}
  volume: {name: {{ $name }}, configMap: {name: {{ $name }}, items: [{key: _default.yml, path: _default.yml}]}}
{{- range $folder, $files := dict "confs" $v.configurations.configmaps "secrets" $v.configurations.secrets }}
{{- range $files }}
{{- $volume := printf "%s-%s" .name .key | replace "." "-" | kebabcase }}
- path: /app/{{ $folder }}/{{ .key }}
  mount: {name: {{ $volume }}, mountPath: /app/{{ $folder }}/{{ .key }}, subPath: {{ .key }}}
  volume:
    name: {{ $volume }}
    {{ ternary "configMap: {name" "secret: {defaultMode: 0444, secretName" (eq $folder "confs") }}: {{ .name }}, items: [{key: {{ .key }}, path: {{ .key }}}]}
{{- end }}
{{- end }}
{{- else }}
{{- if $v.configuration }}
- path: /app/confs/application.yml
  mount: {name: config, mountPath: /app/confs/}
  volume: {name: config, configMap: {name: {{ $name }}, items: [{key: application.yml, path: application.yml}]}}
{{- end }}
{{- if $v.secrets }}
{{- $name = include "kestra.objectName" (merge (dict "part" "secret") .) }}
- path: /app/secrets/application-secrets.yml
  mount: {name: secrets, mountPath: /app/secrets/}
  volume: {name: secrets, secret: {secretName: {{ $name }}, items: [{key: application-secrets.yml, path: application-secrets.yml}]}}
{{- end }}
{{- with $v.externalSecret }}
- path: /app/secrets/external/application-secrets-external.yml
  mount: {name: external-secret, mountPath: /app/secrets/external/}
  volume: {name: external-secret, secret: {secretName: {{ .secretName }}, items: [{key: {{ .key }}, path: application-secrets-external.yml}]}}
{{- end }}
{{- end }}
{{- end -}}

{{/* The volumes of a workload or, by `entry`, their mounts; takes its scope, `entry` and the `key` of the user's own. */}}
{{- define "kestra.volumes" -}}
{{- $entry := .entry }}
{{- $extra := include "kestra.both" (dict "scope" .scope "key" .key) }}
{{- if .scope.old }}{{ $extra }}{{ end }}
{{- range .scope.files }}
- {{ get . $entry | toJson }}
{{- end }}
{{- if not .scope.old }}{{ $extra }}{{ end }}
{{- end -}}

{{/* _JAVA_OPTIONS (1.x): the component's settings replace the shared ones. */}}
{{- define "kestra.javaOptions" -}}
{{- $shared := default dict .shared.jvm }}
{{- $own := default dict .own.jvm }}
{{- $force := default $shared.forceActiveProcessors $own.forceActiveProcessors | default dict }}
{{- $cpu := (default dict (default .shared.resources .own.resources | default dict).limits).cpu | default "" }}
{{- if and $force.enabled (eq $force.count "value") }}
{{- printf "-XX:ActiveProcessorCount=%d " (int $force.value) }}
{{- else if and $force.enabled (eq $force.count "auto") $cpu }}
{{- $cores := ternary (div (trimSuffix "m" $cpu | int) 1000) (ceil $cpu | int) (hasSuffix "m" $cpu) }}
{{- printf "-XX:ActiveProcessorCount=%d " (max 1 $cores) }}
{{- end }}
{{- default $shared.extraOpts $own.extraOpts }}
{{- end -}}

{{/* A probe; takes the workload's scope and the probe's name. */}}
{{- define "kestra.probe" -}}
{{- $shared := get .scope.shared .key }}
{{- $own := default dict (get .scope.own .key) }}
{{- if not .scope.old }}
{{- with default $shared $own }}{{ toYaml . }}{{ end }}
{{- else if or $shared.enabled $own.enabled }}
{{- $probe := merge (deepCopy $own) $shared }}
{{- $timing := pick $probe "exec" "initialDelaySeconds" "periodSeconds" "timeoutSeconds" "successThreshold" "failureThreshold" }}
{{- if $probe.httpGetEnabled }}
{{- $_ := set $timing "httpGet" (merge (pick $probe "path" "port") (default dict $probe.httpGetExtra)) }}
{{- end }}
{{- toYaml $timing }}
{{- end }}
{{- end -}}

{{/* What 0.x writes into its Secret, and 1.x into its ConfigMap; a pod that carries its checksum restarts with it. */}}
{{- define "kestra.config" -}}
{{- $old := eq (include "kestra.generation" .) "0.x" }}
{{- $part := ternary "configmap" "config" $old }}
{{- if or (not $old) .Values.configuration }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "kestra.objectName" (dict "root" . "old" $old "part" $part) }}
  labels:
    {{- include "kestra.labels" (dict "root" . "component" (ternary $part "" $old)) | nindent 4 }}
data:
  {{ ternary "application.yml" "_default.yml" $old }}: |
{{ ternary .Values.configuration .Values.configurations.application $old | toYaml | indent 4 }}
{{- end }}
{{- end -}}

{{- define "kestra.secret" -}}
{{- if .Values.secrets }}
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "kestra.objectName" (dict "root" . "old" true "part" "secret") }}
  labels:
    {{- include "kestra.labels" (dict "root" . "component" "secret") | nindent 4 }}
type: Opaque
data:
  application-secrets.yml: {{ .Values.secrets | toYaml | b64enc | quote }}
{{- end }}
{{- end -}}

{{/*
The shell line that starts Kestra; takes the workload's scope with `type` and `group`.
1.x joins extraArgs with a backslash and no space, and ends in one; the shell reads over both.
*/}}
{{- define "kestra.command" -}}
{{- $threads := .own.workerThreads }}
{{- $flag := ternary "--worker-thread" "--thread" (eq .type "standalone") }}
{{- if .old }}
{{- $threaded := and $threads (has .type (list "standalone" "worker")) }}
{{- $default := printf "server %s%s" .type (ternary (printf " %s=%v" $flag $threads) "" (not (not $threaded))) }}
{{- if .group }}{{ $default = printf "%s --worker-group=%s" $default .group }}{{ end }}
{{- printf "exec %s %s" .root.Values.executable (tpl (default $default .own.command) (merge (dict "WorkerGroup" .group) .root)) }}
{{- else }}
{{- printf "exec /app/kestra server %s \\" .type }}
{{- if .group }}{{ printf "\n--worker-group=%s \\" .group }}{{ end }}
{{- if $threads }}{{ printf "\n%s=%v \\" $flag $threads }}{{ end }}
{{- range .own.extraArgs }}{{ printf "%v \\" . }}{{ end }}
{{- printf "\n" }}
{{- end }}
{{- end -}}
