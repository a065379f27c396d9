"""The system bus: what systemd tells about the services of the node."""
