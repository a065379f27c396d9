/* Requests to disks, counted per cgroup, device, operation, error and class of latency.
 *
 * Hooks         raw tracepoints block_rq_issue and block_rq_complete.
 * Kernel        Linux >= 5.8 with BTF (the disk of a request: request.rq_disk, or request_queue.disk since 5.15).
 * Cost per hit  about 1 us for the issue and 1 us for the completion of a request.
 * Can miss      requests that were issued before the program was attached. Those that find a map full are counted as
 *               lost. What the kernel writes back later is issued by a thread of the kernel: it has that one's cgroup.
 */
#include <tapio/filter.h>
#include <tapio/latency.h>

struct key {
    u64 cgroup_id;
    u32 device; /* major << 20 | minor */
    u8 operation;
    u8 latency_class; /* 0: below 64 us; each further one four times as long */
    u8 status; /* 0: no error; since Linux 5.16 a blk_status_t, before that a negative errno, the lowest 8 bits */
    u8 unused;
};

#include <tapio/tally.h>

/* What is known of a request from its issue to its completion. */
struct issue {
    u64 issued_ns;
    u64 cgroup_id;
};

BPF_TABLE("hash", u64, struct issue, issues, ISSUE_ENTRIES);

#define OPERATION_MASK 0xff /* REQ_OP_MASK of include/linux/blk_types.h */

static inline u32 read_device(const void *request)
{
    const void *disk = NULL;
    s32 major = 0, minor = 0;
#ifdef OFFSET_request_rq_disk
    READ_FIELD(disk, request, request_rq_disk);
#else
    const void *queue = NULL;
    READ_FIELD(queue, request, request_q);
    if (queue)
        READ_FIELD(disk, queue, request_queue_disk);
#endif
    if (!disk)
        return 0;
    READ_FIELD(major, disk, gendisk_major);
    READ_FIELD(minor, disk, gendisk_first_minor);
    return (u32)major << 20 | (u32)minor;
}

RAW_TRACEPOINT_PROBE(block_rq_issue)
{
#ifdef ISSUE_BEGINS_WITH_QUEUE /* before Linux 5.11 */
    u64 request = ctx->args[1];
#else
    u64 request = ctx->args[0];
#endif
    if (!is_current_recorded())
        return 0;
    struct issue issue = {.issued_ns = bpf_ktime_get_boot_ns(), .cgroup_id = bpf_get_current_cgroup_id()};
    if (issues.update(&request, &issue)) {
        int zero = 0;
        struct tally_counts *counts = tally_counts.lookup(&zero);
        if (counts)
            __sync_fetch_and_add(&counts->uncounted, 1);
    }
    return 0;
}

RAW_TRACEPOINT_PROBE(block_rq_complete)
{
    u64 request = ctx->args[0];
    u32 completed = (u32)ctx->args[2], length = 0, flags = 0;
    const void *place = (const void *)request;
    char nobody[COMM_BYTES] = {};
    READ_FIELD(length, place, request___data_len);
    if (completed < length)
        return 0; /* the rest of it follows */
    struct issue *known = issues.lookup(&request);
    if (!known)
        return 0;
    struct issue issue = *known;
    issues.delete(&request);
    READ_FIELD(flags, place, request_cmd_flags);
    struct key key = {
        .cgroup_id = issue.cgroup_id,
        .device = read_device(place),
        .operation = flags & OPERATION_MASK,
        .latency_class = classify_latency(bpf_ktime_get_boot_ns() - issue.issued_ns),
        .status = (u8)ctx->args[1],
    };
    count_event(&key, nobody);
    return 0;
}
