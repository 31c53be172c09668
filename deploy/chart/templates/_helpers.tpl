{{- define "agents.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "agents.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "agents.name" -}}
{{- printf "%s-agents" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "agents.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end -}}
{{- end }}

{{- /* One replica on SQLite keeps its turns on a volume, and is replaced: two must never write it. */ -}}
{{- define "agents.onSqlite" -}}
{{- if not .Values.secret.databaseUrl }}yes{{ end -}}
{{- end }}

{{- define "agents.check" -}}
{{- with .Values -}}
{{- if not .stream.apiKey -}}
{{- fail "stream.apiKey is empty: set the key of the Stream app." -}}
{{- end -}}
{{- if not .secret.name -}}
{{- fail "secret.name is empty: name a Secret that has the app's secret under the key in secret.streamApiSecret. For example: kubectl create secret generic agents --from-file=deploy/secrets" -}}
{{- end -}}
{{- if not .bots -}}
{{- fail "bots is empty: name the bots that run." -}}
{{- end -}}
{{- if and (not .secret.databaseUrl) (or (gt (int .replicas) 1) .autoscaling.enabled) -}}
{{- fail "replicas share their turns on Postgres: set secret.databaseUrl to the key of your Secret that has its address, or run one replica without autoscaling." -}}
{{- end -}}
{{- if and .journal (not .secret.databaseUrl) -}}
{{- fail "journal keeps turns alone: what people decide needs Postgres. Set secret.databaseUrl." -}}
{{- end -}}
{{- if and .autoscaling.enabled (lt (int .autoscaling.maxReplicas) (int .autoscaling.minReplicas)) -}}
{{- fail "autoscaling.maxReplicas is less than autoscaling.minReplicas." -}}
{{- end -}}
{{- end -}}
{{- end }}
