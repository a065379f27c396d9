"""What is known about failures, as YAML: `<domain>/<name>.yaml`."""
