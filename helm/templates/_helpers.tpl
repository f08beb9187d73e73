{{/* The chart's name, or what replaces it. */}}
{{- define "tenure.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of what is made: release and chart, once where the release is named after the chart. */}}
{{- define "tenure.fullname" -}}
{{- $name := include "tenure.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What selects this release's pods, whatever they do. */}}
{{- define "tenure.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tenure.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* What selects the pods that serve. */}}
{{- define "tenure.serverLabels" -}}
{{ include "tenure.selectorLabels" . }}
app.kubernetes.io/component: server
{{- end }}

{{- define "tenure.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "tenure.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "tenure.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "tenure.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "tenure.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* "true" with PostgreSQL, nothing with SQLite. */}}
{{- define "tenure.postgres" -}}
{{- if or .Values.database.url .Values.database.existingSecret }}true{{ end }}
{{- end }}

{{/* "true" where more than one replica may run. */}}
{{- define "tenure.replicated" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicaCount) 1) }}true{{ end }}
{{- end }}

{{/* "true" where a master key is given. */}}
{{- define "tenure.masterKeyGiven" -}}
{{- if or .Values.masterKey.value .Values.masterKey.existingSecret }}true{{ end }}
{{- end }}

{{/* "true" where a tenants file is given. */}}
{{- define "tenure.tenantsGiven" -}}
{{- if or .Values.tenants.file .Values.tenants.existingSecret }}true{{ end }}
{{- end }}

{{/* Name and key of the secret with the database's URL; the hook's own copy is made by secret-migrate.yaml. */}}
{{- define "tenure.databaseSecret" -}}
name: {{ default (include "tenure.fullname" .) .Values.database.existingSecret }}
key: {{ ternary .Values.database.existingSecretKey "url" (ne .Values.database.existingSecret "") }}
{{- end }}

{{- define "tenure.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ .Values.podSecurity.runAsUser }}
runAsGroup: {{ .Values.podSecurity.runAsGroup }}
fsGroup: {{ .Values.podSecurity.fsGroup }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "tenure.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Stops a release that could not work, and says why. */}}
{{- define "tenure.check" -}}
{{- if and (include "tenure.replicated" .) (not (include "tenure.postgres" .)) }}
{{- fail "more than one replica needs PostgreSQL: set database.url or database.existingSecret (SQLite has one writer)" }}
{{- end }}
{{- if and (include "tenure.postgres" .) (not (include "tenure.masterKeyGiven" .)) }}
{{- fail "PostgreSQL needs a master key: set masterKey.value or masterKey.existingSecret" }}
{{- end }}
{{- range $what, $pair := dict "database" (list .Values.database.url .Values.database.existingSecret) "masterKey" (list .Values.masterKey.value .Values.masterKey.existingSecret) "tenants" (list .Values.tenants.file .Values.tenants.existingSecret) }}
{{- if and (first $pair) (last $pair) }}
{{- fail (printf "%s: give the value or existingSecret, not both" $what) }}
{{- end }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) }}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" }}
{{- end }}
{{- if and (gt (int .Values.server.drainDelaySeconds) 0) (ge (int (mul .Values.probes.readiness.periodSeconds .Values.probes.readiness.failureThreshold)) (int .Values.server.drainDelaySeconds)) }}
{{- fail "probes.readiness: periodSeconds x failureThreshold must be less than server.drainDelaySeconds, or traffic still comes when accepting ends" }}
{{- end }}
{{- end }}
