/* DNS queries and their answers, from the packets of the sockets that ask.
 *
 * Hooks         cgroup_skb egress (queries to port 53) and ingress (answers from there), attached by the recorder. No
 *               system call is looked at, so it does not matter which library resolves names.
 * Kernel        Linux >= 5.8 with BTF and a cgroup2 tree, beside v1 hierarchies or alone.
 * Cost per hit  0.1 us for each packet that a socket sends or receives; 1.7 us for a query; 1.3 us for an answer, 1.9 us
 *               if it says that a name does not exist.
 * Can miss      DNS over TLS or HTTPS, and servers on other ports; over TCP, a message whose header is split over two
 *               segments, and all but the first of several messages in one segment; IPv6 packets with extension
 *               headers; an answer that comes when its socket is closed already: the query is then unanswered.
 *               The process is that which sends the query. It is unknown (0) if something else runs in its place: a
 *               segment that TCP sends later, or a socket that was handed to another cgroup.
 * Privacy       names and types of queries leave the kernel only with queries that fail, take long or are not answered;
 *               what the answers contain is not read.
 */
#include <tapio/cgroup.h>
#include <tapio/filter.h>
#include <tapio/latency.h>
#include <tapio/packet.h>

enum { UDP = 0, TCP = 1 };

/* Positions in the table's event_names; 0 are counts, 4 is written by user space. */
enum { FAILED = 1, SLOW = 2, RESOLVED = 3 };

#define QUESTION_BYTES 264 /* RFC 1035: a name of at most 255 bytes, type, class; rounded up */

/* What is kept of a query until it is answered. */
struct query {
    u64 since_ns; /* when it was first sent; 0: this is not filled in yet */
    u64 cgroup_id;
    u32 pid;
    u32 retries;
    u32 question_length;
    u32 transport;
    char comm[COMM_BYTES];
    u8 server[16]; /* IPv4 as ::ffff:a.b.c.d */
    u8 question[QUESTION_BYTES];
};

struct record {
    EVENT_HEADER;
    u64 duration_ns;
    u32 code;
    u32 transport;
    u32 retries;
    u32 question_length;
    u8 server[16];
    u8 question[QUESTION_BYTES];
};

#include <tapio/ring.h>

struct key {
    u64 cgroup_id;
    u8 server[16];
    u8 transport;
    u8 code;
    u8 latency_class; /* 0: below 1 ms; each further one four times as long */
    u8 unused[5];
};

#include <tapio/rate_limit.h>
#include <tapio/tally.h>

/* The same socket sends a query again with the same id. */
struct query_key {
    u64 socket;
    u64 id;
};

/* A cgroup that was told that a name does not exist, by the first label of the name: programs try the name with one
 * suffix after the other, so the next one may exist. */
struct search {
    u64 cgroup_id;
    u64 label;
};

BPF_TABLE("hash", struct query_key, struct query, queries, QUERY_ENTRIES);
BPF_ARRAY(no_query, struct query, 1);
BPF_TABLE("lru_hash", struct search, u64, searches, 1024);

#define PORT 0x3500 /* 53 in network byte order, as a number of a little-endian machine */
#define MESSAGE_HEADER_BYTES 12
#define MIN_QUESTION_BYTES 5 /* the root, type, class */
#define CODE_NAME_ERROR 3
#define LABEL_WORDS 8 /* its length and at most 63 bytes */
#define SEARCH_NS (10 * SECOND_NS)

struct message {
    u16 id;
    u8 flags; /* QR, opcode, AA, TC, RD */
    u8 code;  /* RA, Z, RCODE */
    u16 questions;
    u16 counts[3];
} __attribute__((packed));

/* Where the payload of a UDP datagram or TCP segment begins whose port at `port_at` of its header is that of DNS; 0 for
 * all other packets, which leave here. */
static inline u32 find_payload(struct __sk_buff *packet, u32 port_at, u32 *transport)
{
    const u8 *begin = (const u8 *)(long)packet->data, *end = (const u8 *)(long)packet->data_end;
    struct transport found = find_transport(begin, end);
    const u8 *header = begin + found.at;
    if (found.at < IPV4_HEADER_BYTES || header + UDP_HEADER_BYTES > end)
        return 0;
    if (*(const u16 *)(header + port_at) != PORT)
        return 0;
    *transport = found.protocol == IPPROTO_TCP ? TCP : UDP;
    if (found.protocol == IPPROTO_UDP)
        return found.at + UDP_HEADER_BYTES;
    if (found.protocol != IPPROTO_TCP || header + TCP_HEADER_BYTES > end)
        return 0;
    return found.at + (header[12] >> 4) * 4;
}

static inline void read_server(struct __sk_buff *packet, u8 server[16], u32 ipv4_at, u32 ipv6_at)
{
    u8 version = 0;
    bpf_skb_load_bytes(packet, 0, &version, 1);
    if (version >> 4 == 4) {
        server[10] = 0xff;
        server[11] = 0xff;
        bpf_skb_load_bytes(packet, ipv4_at, server + 12, 4);
    } else {
        bpf_skb_load_bytes(packet, ipv6_at, server, 16);
    }
}

static inline bool is_same_address(const u8 one[16], const u8 other[16])
{
    const u32 *a = (const u32 *)one, *b = (const u32 *)other;
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static inline void count_unkept(void)
{
    int zero = 0;
    struct tally_counts *counts = tally_counts.lookup(&zero);
    if (counts)
        __sync_fetch_and_add(&counts->uncounted, 1);
}

int look_at_sent(struct __sk_buff *packet)
{
    struct query_key key = {};
    struct message message = {};
    u8 server[16] __attribute__((aligned(8))) = {};
    u16 length_before = 0;
    u32 transport = 0, zero = 0, pid = 0;
    u32 at = find_payload(packet, 2, &transport);
    if (!at)
        return PASS;
    /* Over TCP, a message follows its length, which may be in a segment of its own. */
    if (transport == TCP && !bpf_skb_load_bytes(packet, at, &length_before, sizeof(length_before)) &&
        __builtin_bswap16(length_before) + at + 2 == packet->len)
        at += 2;
    if (bpf_skb_load_bytes(packet, at, &message, sizeof(message)))
        return PASS;
    if (message.flags & 0xf8 || message.questions != 0x100) /* a query, of one question */
        return PASS;
    key.socket = bpf_get_socket_cookie(packet);
    key.id = message.id;
    read_server(packet, server, 16, 24);
    struct query *kept = queries.lookup(&key);
    if (kept) { /* some programs ask several servers at once */
        if (is_same_address(kept->server, server))
            __sync_fetch_and_add(&kept->retries, 1);
        return PASS;
    }
    u64 cgroup_id = bpf_skb_cgroup_id(packet);
    const void *task = (const void *)bpf_get_current_task();
    if (read_cgroup_id(read_task_cgroup(task)) == cgroup_id)
        READ_FIELD(pid, task, task_struct_tgid);
    if (pid == RECORDER_PID)
        return PASS;
    struct query *blank = no_query.lookup(&zero);
    if (!blank || queries.insert(&key, blank) || !(kept = queries.lookup(&key))) {
        count_unkept();
        return PASS;
    }
    /* 64 bits, so that the verifier follows the comparisons; below 0, reading fails. */
    u64 question_at = at + MESSAGE_HEADER_BYTES, length = packet->len - question_at;
    if (length > QUESTION_BYTES)
        length = QUESTION_BYTES;
    if (length >= MIN_QUESTION_BYTES && !bpf_skb_load_bytes(packet, question_at, kept->question, length))
        kept->question_length = length;
    if (pid)
        READ_FIELD(kept->comm, task, task_struct_comm);
    __builtin_memcpy(kept->server, server, 16);
    kept->pid = pid;
    kept->cgroup_id = cgroup_id;
    kept->transport = transport;
    kept->since_ns = bpf_ktime_get_boot_ns();
    return PASS;
}

/* A number for the first label of a name; upper and lower case are the same. */
static inline u64 read_label(const struct query *query)
{
    const u64 *words = (const u64 *)query->question;
    s32 left = query->question[0] + 1;
    u64 label = 0;
#pragma unroll
    for (int i = 0; i < LABEL_WORDS; i++) {
        u64 word = words[i] | 0x2020202020202020ULL;
        if (left < 8)
            word &= left > 0 ? (1ULL << left * 8) - 1 : 0;
        label = (label ^ word) * 1099511628211ULL;
        left -= 8;
    }
    return label;
}

/* Whether a name was found of which another form was not. */
static inline bool is_end_of_search(const struct query *query, u32 code, u64 now)
{
    struct search search = {.cgroup_id = query->cgroup_id};
    if (code && code != CODE_NAME_ERROR)
        return false;
    search.label = read_label(query);
    if (code) {
        searches.update(&search, &now);
        return false;
    }
    u64 *since = searches.lookup(&search);
    return since && now - *since < SEARCH_NS;
}

/* The query that a message answers; NULL if there is none. */
static inline struct query *find_query(struct __sk_buff *packet, u32 at, struct message *message, struct query_key *key)
{
    if (bpf_skb_load_bytes(packet, at, message, sizeof(*message)) || !(message->flags & 0x80))
        return NULL;
    key->id = message->id;
    struct query *query = queries.lookup(key);
    return query && query->since_ns ? query : NULL;
}

int look_at_received(struct __sk_buff *packet)
{
    struct query_key key = {};
    struct message message = {};
    struct query *query = NULL;
    u32 transport = 0;
    u32 at = find_payload(packet, 0, &transport);
    if (!at)
        return PASS;
    key.socket = bpf_get_socket_cookie(packet);
    if (transport == TCP) /* after its length, if that is in the same segment */
        query = find_query(packet, at + 2, &message, &key);
    if (!query)
        query = find_query(packet, at, &message, &key);
    if (!query)
        return PASS;
    u64 now = bpf_ktime_get_boot_ns(), duration_ns = now - query->since_ns;
    struct key count = {.cgroup_id = query->cgroup_id, .transport = transport, .code = message.code & 0xf};
    count.latency_class = classify_latency(duration_ns);
    read_server(packet, count.server, 12, 8);
    count_event(&count, query->comm);
    bool is_end = is_end_of_search(query, count.code, now);
    bool is_slow = duration_ns >= SLOW_NS;
    struct record *record = (count.code || is_slow || is_end) && may_send() ? reserve_record() : NULL;
    if (record) {
        record->boot_time_ns = now;
        record->cgroup_id = query->cgroup_id;
        record->pid = query->pid;
        record->tid = query->pid;
        __builtin_memcpy(record->comm, query->comm, COMM_BYTES);
        record->cpu = bpf_get_smp_processor_id();
        record->kind = count.code ? FAILED : is_slow ? SLOW : RESOLVED;
        record->duration_ns = duration_ns;
        record->code = count.code;
        record->transport = transport;
        record->retries = query->retries;
        record->question_length = query->question_length;
        __builtin_memcpy(record->server, count.server, 16);
        __builtin_memcpy(record->question, query->question, QUESTION_BYTES);
        submit_record(record);
    }
    queries.delete(&key);
    return PASS;
}
