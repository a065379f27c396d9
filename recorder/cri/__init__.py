"""The container runtime, as any client of its socket sees it: nothing here can change a container."""
