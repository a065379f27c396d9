"""What versions of Kubernetes objects say, each parsed once into columns: one SQL file per kind."""

STATEMENTS = (
    "object_version",
    "pod_version",
    "container_declared",
    "container_status",
    "workload_version",
    "service_version",
    "endpoint_version",
    "node_version",
    "autoscaler_version",
    "owner_reference",
)
"""In order of need. All facts and relations about Kubernetes read these tables, none parses JSON of Pods itself."""
