/* Lifecycle and failures of TCP connections, recorded from the point of view of each socket.
 *
 * Hooks         raw tracepoints inet_sock_set_state, tcp_receive_reset, tcp_send_reset, tcp_retransmit_skb.
 * Kernel        Linux >= 5.8 with BTF. Resets without a socket since 6.10.
 * Cost per hit  about 1 us, four to seven times per connection; nothing per packet, except for retransmitted ones.
 * Can miss      - a connect that fails before its SYN (no route: see the errno in syscall_error);
 *               - the process of a connection or listener older than the recorder, and of those beyond the
 *                 limit of `owners` (counted);
 *               - with several processes listening on one port, an accepted connection is attributed to the one that
 *                 called listen last;
 *               - when the recording is limited to some cgroups, resets in response to a packet for which no socket
 *                 exists;
 *               - a connection that is reset before its handshake is complete is not recorded.
 */
#include <tapio/cgroup.h>
#include <tapio/filter.h>

/* Positions in the table's event_names; FAILED becomes refused, timed_out, unreachable or close by its error. */
enum {
    CONNECT = 0,
    ACCEPT = 1,
    CLOSE = 2,
    FAILED = 3,
    RESET_RECEIVED = 6,
    RESET_SENT = 7,
    RETRANSMIT = 8,
    LISTEN = 9,
    LISTEN_END = 10
};

struct record {
    EVENT_HEADER;
    u64 socket_id; /* the address of the socket, hashed */
    u64 duration_ns;
    u64 transmit_bytes;
    u64 receive_bytes;
    u8 local_address[16]; /* IPv4 as ::ffff:a.b.c.d */
    u8 peer_address[16];
    u16 local_port;
    u16 peer_port;
    u32 network_namespace;
    s32 error;
    u32 is_owned; /* pid, comm and duration are known */
};

#include <tapio/ring.h>
#include <tapio/socket.h> /* after the ring, which must be the first map */

#define SOCK_DONE (1 << 1) /* enum sock_flags of include/net/sock.h: the FIN of the peer was received */
static inline void read_peer_address(u8 address[16], const void *socket)
{
    u16 family = 0;
    u32 ipv4 = 0;
    READ_FIELD(family, socket, sock_common_skc_family);
    if (family == AF_INET) {
        READ_FIELD(ipv4, socket, sock_common_skc_daddr);
        set_ipv4(address, ipv4);
    } else {
        bpf_probe_read_kernel(address, 16, (const char *)socket + OFFSET_sock_common_skc_v6_daddr);
    }
}

/* The process is that of the owner, or unknown: the current task is the one that the packet interrupted. */
static inline void describe(struct record *record, const struct owner *owner, const void *cgroup, u16 kind)
{
    record->boot_time_ns = bpf_ktime_get_boot_ns();
    record->cpu = bpf_get_smp_processor_id();
    record->kind = kind;
    if (owner) {
        record->pid = owner->pid;
        record->tid = owner->pid;
        record->cgroup_id = owner->cgroup_id;
        record->duration_ns = record->boot_time_ns - owner->since_ns;
        __builtin_memcpy(record->comm, owner->comm, COMM_BYTES);
    } else {
        record->pid = 0;
        record->tid = 0;
        record->cgroup_id = read_cgroup_id(cgroup);
        record->duration_ns = 0;
        __builtin_memset(record->comm, 0, COMM_BYTES);
    }
    record->is_owned = owner != NULL;
}

static inline u64 disguise(const void *socket)
{
    return ((u64)socket ^ SOCKET_SECRET) * SOCKET_FACTOR;
}

static inline void describe_socket(struct record *record, const void *socket, const struct owner *owner, u16 kind)
{
    describe(record, owner, owner ? NULL : read_socket_cgroup(socket), kind);
    record->socket_id = disguise(socket);
    record->transmit_bytes = 0;
    record->receive_bytes = 0;
    record->error = 0;
    record->network_namespace = read_socket_namespace(socket);
    record->local_port = read_local_port(socket);
    READ_FIELD(record->peer_port, socket, sock_common_skc_dport);
    record->peer_port = __builtin_bswap16(record->peer_port);
    read_local_address(record->local_address, socket);
    read_peer_address(record->peer_address, socket);
}

static inline void read_bytes(struct record *record, const void *socket)
{
    u64 sent = 0, sent_again = 0, acked = 0, flags = 0;
    READ_FIELD(sent, socket, tcp_sock_bytes_sent);
    READ_FIELD(sent_again, socket, tcp_sock_bytes_retrans);
    READ_FIELD(acked, socket, tcp_sock_bytes_acked); /* counts SYN and FIN as one byte each; the others do not */
    record->transmit_bytes = acked < sent - sent_again ? acked : sent - sent_again;
    READ_FIELD(record->receive_bytes, socket, tcp_sock_bytes_received);
    READ_FIELD(flags, socket, sock_common_skc_flags);
    if (flags & SOCK_DONE && record->receive_bytes)
        record->receive_bytes--; /* the FIN is counted as one byte */
}

/* Records what happened to a socket. Everything is inlined, so each probe calls it only once to keep compilation
 * fast. */
static inline int tell(const void *socket, const struct owner *owner, u16 kind)
{
    if (owner ? owner->is_ignored : !is_cgroup_recorded(read_socket_cgroup(socket)))
        return 0;
    struct record *record = reserve_record();
    if (!record)
        return 0;
    describe_socket(record, socket, owner, kind);
    if (kind == CLOSE || kind == FAILED)
        READ_FIELD(record->error, socket, sock_sk_err);
    if (kind == CLOSE)
        read_bytes(record, socket);
    submit_record(record);
    return 0;
}

RAW_TRACEPOINT_PROBE(inet_sock_set_state)
{
    const void *socket = (const void *)ctx->args[0];
    int from = ctx->args[1], to = ctx->args[2];
    u64 key = (u64)socket;
    u16 protocol = 0, kind = CONNECT;
    struct owner owner = {};
    bool is_owned = false;

    if (to != TCP_SYN_SENT && to != TCP_LISTEN && to != TCP_ESTABLISHED && to != TCP_CLOSE)
        return 0; /* half of all changes: the states between the last two */
    READ_FIELD(protocol, socket, sock_sk_protocol);
    if (protocol != IPPROTO_TCP)
        return 0;
    if (to == TCP_SYN_SENT || to == TCP_LISTEN) { /* in the context of the process that calls connect(2) or listen(2) */
        describe_owner(&owner, socket);
        owner.is_active = to == TCP_SYN_SENT;
        keep_owner(key, &owner);
        if (to == TCP_SYN_SENT)
            return 0;
        keep_listener(socket, &owner);
        is_owned = true;
        kind = LISTEN;
    } else {
        struct owner *kept = owners.lookup(&key);
        if (kept) {
            owner = *kept;
            is_owned = true;
        }
        if (to == TCP_CLOSE) {
            owners.delete(&key);
            if (from == TCP_LISTEN)
                forget_listener(socket);
            else if (from == TCP_SYN_RECV && !is_owned)
                return 0;
            kind = from == TCP_LISTEN ? LISTEN_END : from == TCP_SYN_SENT ? FAILED : CLOSE;
        } else if (from == TCP_SYN_RECV && !owner.is_active) {
            struct listener *listener = find_listener(socket);
            if (listener) {
                owner = listener->owner;
                is_owned = true;
            }
            kind = ACCEPT;
        } else if (from != TCP_SYN_SENT && from != TCP_SYN_RECV) {
            return 0;
        }
        if (to == TCP_ESTABLISHED && is_owned) { /* the duration of a connection starts when it is established */
            struct owner living = owner;
            living.since_ns = bpf_ktime_get_boot_ns();
            keep_owner(key, &living);
        }
    }
    return tell(socket, is_owned ? &owner : NULL, kind);
}

RAW_TRACEPOINT_PROBE(tcp_receive_reset)
{
    const void *socket = (const void *)ctx->args[0];
    u64 key = (u64)socket;
    u8 state = 0;
    READ_FIELD(state, socket, sock_common_skc_state);
    if (state == TCP_SYN_SENT) /* a refused connection, recorded when its state changes */
        return 0;
    return tell(socket, owners.lookup(&key), RESET_RECEIVED);
}

RAW_TRACEPOINT_PROBE(tcp_retransmit_skb)
{
    const void *socket = (const void *)ctx->args[0];
    u64 key = (u64)socket;
    return tell(socket, owners.lookup(&key), RETRANSMIT);
}

/* A reset in response to a packet without a connection: the endpoints are those of the packet. */
static inline int tell_reset_of_packet(const void *socket, const void *packet)
{
    const unsigned char *head = NULL;
    const void *device = NULL, *net = NULL, *cgroup = NULL;
    u16 network = 0, transport = 0;
    u8 version = 0;
    u32 ipv4 = 0;
    if (socket)
        cgroup = read_socket_cgroup(socket);
    if (!packet || !is_cgroup_recorded(cgroup))
        return 0;
    struct record *record = reserve_record();
    if (!record)
        return 0;
    describe(record, NULL, cgroup, RESET_SENT);
    record->socket_id = 0;
    record->transmit_bytes = 0;
    record->receive_bytes = 0;
    record->error = 0;
    READ_FIELD(head, packet, sk_buff_head);
    READ_FIELD(network, packet, sk_buff_network_header);
    READ_FIELD(transport, packet, sk_buff_transport_header);
    READ_FIELD(device, packet, sk_buff_dev);
    if (device)
        READ_FIELD(net, device, net_device_nd_net_net);
    record->network_namespace = read_network_namespace(net);
    bpf_probe_read_kernel(&version, 1, head + network);
    if (version >> 4 == 4) {
        bpf_probe_read_kernel(&ipv4, 4, head + network + 12);
        set_ipv4(record->peer_address, ipv4);
        bpf_probe_read_kernel(&ipv4, 4, head + network + 16);
        set_ipv4(record->local_address, ipv4);
    } else {
        bpf_probe_read_kernel(record->peer_address, 16, head + network + 8);
        bpf_probe_read_kernel(record->local_address, 16, head + network + 24);
    }
    bpf_probe_read_kernel(&record->peer_port, 2, head + transport);
    bpf_probe_read_kernel(&record->local_port, 2, head + transport + 2);
    record->peer_port = __builtin_bswap16(record->peer_port);
    record->local_port = __builtin_bswap16(record->local_port);
    submit_record(record);
    return 0;
}

RAW_TRACEPOINT_PROBE(tcp_send_reset)
{
    const void *socket = (const void *)ctx->args[0];
    const void *packet = (const void *)ctx->args[1];
    u64 key = (u64)socket;
    u8 state = 0;
    if (socket)
        READ_FIELD(state, socket, sock_common_skc_state);
    if (!socket || state == TCP_LISTEN || state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
        return tell_reset_of_packet(state == TCP_LISTEN ? socket : NULL, packet); /* the others are not full sockets */
    struct owner *kept = owners.lookup(&key);
    struct owner owner = {};
    /* TCP_CLOSE: close(2) with unread data or SO_LINGER 0; the state changes, then the reset goes out. */
    if (kept)
        owner = *kept;
    else if (state == TCP_CLOSE)
        describe_owner(&owner, socket);
    return tell(socket, kept || state == TCP_CLOSE ? &owner : NULL, RESET_SENT);
}
