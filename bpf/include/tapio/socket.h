/* TCP sockets: their addresses and cgroups, and the processes that own them.
 *
 * A socket is given to the process that calls connect(2) or listen(2), in whose context its state changes; an accepted
 * one belongs to the process of the listener at its local end. Sockets are told apart by their address in the kernel;
 * the program that includes this MUST delete them from `owners` when their state becomes TCP_CLOSE. OWNER_ENTRIES and the
 * offsets come from the loader (`recorder/ebpf/socket_owners.py`). */
#ifndef TAPIO_SOCKET_H
#define TAPIO_SOCKET_H

#include <tapio/cgroup.h>

/* include/net/tcp_states.h */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define TCP_NEW_SYN_RECV 12

#ifndef IPPROTO_TCP
#define IPPROTO_TCP 6
#endif
#define AF_INET 2

struct owner {
    u64 since_ns;
    u64 cgroup_id;
    u32 pid;
    u32 is_active;  /* this side connected, the peer accepted */
    u32 is_ignored; /* a socket of the recorder */
    char comm[COMM_BYTES];
};

struct endpoint {
    u32 network_namespace;
    u32 port;
    u8 address[16];
};

struct listener {
    u64 socket;
    struct owner owner;
};

struct owner_counts {
    u64 unowned; /* sockets whose process could not be stored because the map is full */
};

BPF_TABLE("hash", u64, struct owner, owners, OWNER_ENTRIES);
BPF_TABLE("lru_hash", struct endpoint, struct listener, listeners, 4096);
BPF_PERCPU_ARRAY(owner_counts, struct owner_counts, 1);

static inline void keep_owner(u64 socket, struct owner *owner)
{
    if (owners.update(&socket, owner) == 0)
        return;
    int zero = 0;
    struct owner_counts *counts = owner_counts.lookup(&zero);
    if (counts)
        __sync_fetch_and_add(&counts->unowned, 1);
}

static inline void set_ipv4(u8 address[16], u32 ipv4)
{
    __builtin_memset(address, 0, 10);
    address[10] = 0xff;
    address[11] = 0xff;
    __builtin_memcpy(address + 12, &ipv4, 4);
}

static inline const void *read_socket_cgroup(const void *socket)
{
#if defined(OFFSET_sock_sk_cgrp_data_cgroup)
    const void *cgroup = NULL;
    READ_FIELD(cgroup, socket, sock_sk_cgrp_data_cgroup);
    return cgroup;
#elif defined(OFFSET_sock_sk_cgrp_data_val) /* Linux < 5.15: the lowest bit is set if this is not a pointer */
    u64 value = 0;
    READ_FIELD(value, socket, sock_sk_cgrp_data_val);
    return value & 1 ? NULL : (const void *)value;
#else
    return NULL;
#endif
}

static inline u32 read_network_namespace(const void *net)
{
    u32 inode = 0;
    if (net)
        READ_FIELD(inode, net, net_ns_inum);
    return inode;
}

static inline u32 read_socket_namespace(const void *socket)
{
    const void *net = NULL;
    READ_FIELD(net, socket, sock_common_skc_net_net);
    return read_network_namespace(net);
}

static inline u16 read_local_port(const void *socket)
{
    u16 port = 0;
    READ_FIELD(port, socket, inet_sock_inet_sport); /* skc_num is already 0 when the state becomes CLOSE */
    return __builtin_bswap16(port);
}

static inline void read_local_address(u8 address[16], const void *socket)
{
    u16 family = 0;
    u32 ipv4 = 0;
    READ_FIELD(family, socket, sock_common_skc_family);
    if (family == AF_INET) {
        READ_FIELD(ipv4, socket, sock_common_skc_rcv_saddr);
        set_ipv4(address, ipv4);
    } else {
        bpf_probe_read_kernel(address, 16, (const char *)socket + OFFSET_sock_common_skc_v6_rcv_saddr);
    }
}

/* Makes the process of the current thread the owner of a socket. */
static inline void describe_owner(struct owner *owner, const void *socket)
{
    owner->since_ns = bpf_ktime_get_boot_ns();
    owner->cgroup_id = bpf_get_current_cgroup_id();
    owner->pid = current_pid();
    owner->is_ignored = owner->pid == RECORDER_PID || !is_cgroup_recorded(read_socket_cgroup(socket));
    bpf_get_current_comm(owner->comm, COMM_BYTES);
}

static inline void set_endpoint(struct endpoint *endpoint, const void *socket)
{
    endpoint->network_namespace = read_socket_namespace(socket);
    endpoint->port = read_local_port(socket);
    read_local_address(endpoint->address, socket);
}

/* The listener at the local end of a connection: on its address, or on all addresses. NULL if the listener is older
 * than the recorder. */
static inline struct listener *find_listener(const void *socket)
{
    struct endpoint endpoint = {};
    set_endpoint(&endpoint, socket);
    struct listener *listener = listeners.lookup(&endpoint);
    if (!listener && *(u64 *)endpoint.address == 0 && *(u32 *)(endpoint.address + 8) == 0xffff0000) {
        *(u32 *)(endpoint.address + 12) = 0;
        listener = listeners.lookup(&endpoint);
    }
    if (!listener) {
        __builtin_memset(endpoint.address, 0, 16);
        listener = listeners.lookup(&endpoint);
    }
    return listener;
}

static inline void keep_listener(const void *socket, const struct owner *owner)
{
    struct listener listener = {.socket = (u64)socket, .owner = *owner};
    struct endpoint endpoint = {};
    set_endpoint(&endpoint, socket);
    listeners.update(&endpoint, &listener);
}

static inline void forget_listener(const void *socket)
{
    struct endpoint endpoint = {};
    set_endpoint(&endpoint, socket);
    struct listener *listener = listeners.lookup(&endpoint);
    if (listener && listener->socket == (u64)socket)
        listeners.delete(&endpoint);
}

#endif
