"""The network of the node and of its pods, as the kernel tells of it over netlink and in /proc."""
