/* HTTP/1 responses, counted per process, side, status code and class of latency, from the packets that carry them.
 *
 * Hooks         cgroup_skb egress (responses that the owner of the socket sends: the server's) and ingress (those that
 *               it receives: the client's), attached by the recorder; raw tracepoint inet_sock_set_state, which tells
 *               the process of a socket. No system call is looked at.
 * Kernel        Linux >= 5.8 with BTF and a cgroup2 tree, beside v1 hierarchies or alone.
 * Cost per hit  0.1 us for each packet that a socket sends or receives; 0.5 to 0.9 us for one with a response; 0.2 us
 *               for each change of a connection's state.
 * Can miss      TLS; HTTP/2; responses whose status line is not at the start of a TCP segment, such as those of
 *               pipelined requests, or is split over two segments; traffic that does not leave or reach a TCP socket
 *               of the host's kernel, Unix sockets; IPv6 packets with extension headers.
 *               Payload that starts like a status line, but is none, is counted as well. The process is unknown (null)
 *               for connections and listeners older than the recorder; with several processes listening on one port,
 *               or accepting from one listener, it is the one that called listen last. A segment that is sent again is
 *               not counted again. The latency is that since the last data of the other direction, by the ticks that the
 *               kernel's sockets keep: a request that is sent again looks faster than it was.
 * Privacy       12 bytes of a packet are read; only the three digits of the status code leave the kernel.
 */
#include <tapio/filter.h>
#include <tapio/latency.h>
#include <tapio/packet.h>
#include <tapio/socket.h>

enum { SERVER = 0, CLIENT = 1 };

struct key {
    u64 cgroup_id;
    u32 pid; /* 0 = unknown */
    u16 status;
    u8 side;
    u8 latency_class; /* 0: below 16 ms; each further one four times as long */
};

#include <tapio/tally.h>

#define STATUS_LINE_BYTES 12 /* RFC 9112: "HTTP/1.1 200" */
#define HTTP 0x50545448      /* "HTTP" as a number of a little-endian machine */

/* Cookies of the recorder's own connections that are older than this program. */
BPF_TABLE("hash", u64, u32, own_cookies, 256);

static inline bool is_digit(u8 character)
{
    return character >= '0' && character <= '9';
}

/* The three digits; 0 if this is not a status line. */
static inline u16 parse_status(const u8 line[STATUS_LINE_BYTES])
{
    if (line[4] != '/' || line[5] != '1' || line[6] != '.' || !is_digit(line[7]) || line[8] != ' ' || line[9] < '1' ||
        line[9] > '5' || !is_digit(line[10]) || !is_digit(line[11]))
        return 0;
    return (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
}

/* Whether the segment was sent or received before. This one is not counted in the socket yet, so a new segment begins
 * where the socket goes on. */
static inline bool is_repeated(const void *socket, u32 sequence, u16 side)
{
    u32 next = 0;
    if (side == SERVER)
        READ_FIELD(next, socket, tcp_sock_snd_nxt);
    else
        READ_FIELD(next, socket, tcp_sock_rcv_nxt);
    return (s32)(sequence - next) < 0;
}

/* At least so long ago the socket had the last data of the other direction: the end of the request. Sockets keep that time
 * in ticks (jiffies) of TICK_NS, so nothing needs to be stored for a request. */
static inline u64 read_latency_ns(const void *socket, u16 side)
{
    u32 asked = 0;
    if (side == SERVER)
        READ_FIELD(asked, socket, inet_connection_sock_icsk_ack_lrcvtime);
    else
        READ_FIELD(asked, socket, tcp_sock_lsndtime);
    u32 ticks = (u32)bpf_jiffies64() - asked;
    return (s32)ticks > 1 ? (u64)(ticks - 1) * TICK_NS : 0;
}

/* The process that connected, or the one that listens at the local end. Copied, because the verifier does not accept
 * what compilers make of pointers into either of two maps. */
static inline bool find_owner(u64 socket, struct owner *owner)
{
    struct owner *kept = owners.lookup(&socket);
    if (kept) {
        *owner = *kept;
        return true;
    }
    struct listener *listener = find_listener((const void *)socket);
    if (listener)
        *owner = listener->owner;
    return listener != NULL;
}

static inline void count_response(struct __sk_buff *packet, u16 status, u32 sequence, u16 side)
{
    struct key key = {.status = status, .side = side};
    struct bpf_sock *typed = packet->sk;
    if (!typed)
        return;
    /* The verifier allows no arithmetic on the typed pointer; read back from the stack, it is a number. */
    u64 socket = 0;
    bpf_probe_read_kernel(&socket, sizeof(socket), &typed);
    if (is_repeated((const void *)socket, sequence, side))
        return;
    key.latency_class = classify_latency(read_latency_ns((const void *)socket, side));
    struct owner owner = {};
    if (find_owner(socket, &owner)) {
        if (owner.is_ignored)
            return;
        key.pid = owner.pid;
        key.cgroup_id = owner.cgroup_id;
    } else {
        u64 cookie = bpf_get_socket_cookie(packet);
        if (own_cookies.lookup(&cookie))
            return;
        key.cgroup_id = bpf_skb_cgroup_id(packet);
    }
    count_event(&key, owner.comm);
}

static inline int look_at(struct __sk_buff *packet, u16 side)
{
    const u8 *begin = (const u8 *)(long)packet->data, *end = (const u8 *)(long)packet->data_end;
    u32 start = 0;
    struct transport transport = find_transport(begin, end);
    const u8 *tcp = begin + transport.at;
    u8 line[STATUS_LINE_BYTES] = {};
    if (transport.protocol != IPPROTO_TCP || transport.at < IPV4_HEADER_BYTES || tcp + TCP_HEADER_BYTES > end)
        return PASS;
    u32 payload_at = transport.at + (tcp[12] >> 4) * 4;
    if (packet->len < payload_at + STATUS_LINE_BYTES)
        return PASS;
    if (bpf_skb_load_bytes(packet, payload_at, &start, sizeof(start)) || start != HTTP)
        return PASS;
    u32 sequence = __builtin_bswap32(*(const u32 *)(tcp + 4));
    if (bpf_skb_load_bytes(packet, payload_at, line, sizeof(line)))
        return PASS;
    u16 status = parse_status(line);
    if (status)
        count_response(packet, status, sequence, side);
    return PASS;
}

int look_at_sent(struct __sk_buff *packet)
{
    return look_at(packet, SERVER);
}

int look_at_received(struct __sk_buff *packet)
{
    return look_at(packet, CLIENT);
}

RAW_TRACEPOINT_PROBE(inet_sock_set_state)
{
    const void *socket = (const void *)ctx->args[0];
    u64 key = (u64)socket;
    int from = ctx->args[1], to = ctx->args[2];
    struct owner owner = {};
    u16 protocol = 0;
    if (to == TCP_CLOSE) {
        owners.delete(&key);
        if (from == TCP_LISTEN)
            forget_listener(socket);
        return 0;
    }
    if (to != TCP_SYN_SENT && to != TCP_LISTEN) /* these two in the context of the process */
        return 0;
    READ_FIELD(protocol, socket, sock_sk_protocol);
    if (protocol != IPPROTO_TCP)
        return 0;
    describe_owner(&owner, socket);
    if (to == TCP_LISTEN)
        keep_listener(socket, &owner);
    else if (owner.pid == RECORDER_PID || !owner.is_ignored)
        keep_owner(key, &owner);
    return 0;
}
