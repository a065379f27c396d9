{{- define "tapio.config" -}}
{{- if .Values.config }}{{ toYaml .Values.config }}{{ else }}{{ .Files.Get "files/recorder.yaml" }}{{ end }}
{{- end }}

{{- /* With a hash of the content, so that a change of it rolls out. */ -}}
{{- define "tapio.configName" -}}
tapio-recorder-{{ include "tapio.config" . | sha256sum | trunc 10 }}
{{- end }}

{{- define "tapio.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}
