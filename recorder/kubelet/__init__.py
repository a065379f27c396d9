"""The kubelet of this node: its HTTPS API, and what all sources that ask it share."""
