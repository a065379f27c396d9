/* Files that are made safe on their disk (fsync): how long it took, counted per cgroup, device, error and class of
 * latency; and each one that was slow or failed, with its path.
 *
 * Hooks         raw tracepoints ext4_sync_file_enter and ext4_sync_file_exit (only where ext4 is), and
 *               file_check_and_advance_wb_err and filemap_set_wb_err (every file system), attached by the recorder.
 * Kernel        Linux >= 5.8 with BTF.
 * Cost per hit  1 us for an fsync, which waits for a disk; the other two only occur when a write has failed.
 * Can miss      how long it takes on other file systems than ext4, which have no tracepoint at its end; what was under
 *               way when the program was attached. Those that find a map full are counted as lost.
 */
#include <tapio/event.h>
#include <tapio/filter.h>
#include <tapio/latency.h>
#include <tapio/path.h>

/* Positions in the table's event_names; 0 are counts. */
enum { SLOW = 1, FAILED = 2, WRITE_FAILED = 3 };

#define MAX_ERRNO 4095 /* the lowest bits of an errseq_t */

struct record {
    EVENT_HEADER;
    u64 duration_ns;
    u32 device; /* major << 20 | minor */
    u32 error;
    PATH_MEMBERS;
};

#include <tapio/ring.h>

struct key {
    u64 cgroup_id;
    u32 device;
    u16 error;
    u8 latency_class; /* 0: below 1 ms; each further one four times as long */
    u8 unused;
};

#include <tapio/rate_limit.h>
#include <tapio/tally.h>

/* What a thread waits for. */
struct sync {
    u64 since_ns;
    u64 file;
};

BPF_TABLE("hash", u64, struct sync, syncs, SYNC_ENTRIES);

static inline u32 read_device(const void *inode)
{
    const void *super_block = NULL;
    u32 device = 0;
    READ_FIELD(super_block, inode, inode_i_sb);
    if (super_block)
        READ_FIELD(device, super_block, super_block_s_dev);
    return device;
}

static inline void send(u16 kind, u32 device, u32 error, u64 duration_ns, const void *entry)
{
    if (!may_send())
        return;
    struct record *record = reserve_record();
    if (!record)
        return;
    describe_current(record, kind);
    if (kind == WRITE_FAILED) {
        record->cgroup_id = 0;
        record->pid = 0;
        record->tid = 0;
        __builtin_memset(record->comm, 0, COMM_BYTES);
    }
    record->duration_ns = duration_ns;
    record->device = device;
    record->error = error;
    read_path(&record->names, &record->is_cut, record->name, entry);
    submit_record(record);
}

int begin_sync(struct bpf_raw_tracepoint_args *ctx)
{
    if (!is_current_recorded())
        return 0;
    u64 thread = bpf_get_current_pid_tgid();
    struct sync sync = {.since_ns = bpf_ktime_get_boot_ns(), .file = ctx->args[0]};
    if (syncs.update(&thread, &sync)) {
        int zero = 0;
        struct tally_counts *counts = tally_counts.lookup(&zero);
        if (counts)
            __sync_fetch_and_add(&counts->uncounted, 1);
    }
    return 0;
}

int end_sync(struct bpf_raw_tracepoint_args *ctx)
{
    u64 thread = bpf_get_current_pid_tgid();
    struct sync *known = syncs.lookup(&thread);
    if (!known)
        return 0;
    struct sync sync = *known;
    s32 returned = (s32)ctx->args[1];
    syncs.delete(&thread);
    u64 duration_ns = bpf_ktime_get_boot_ns() - sync.since_ns;
    struct key key = {
        .cgroup_id = bpf_get_current_cgroup_id(),
        .device = read_device((const void *)ctx->args[0]),
        .error = returned < 0 ? -returned : 0,
        .latency_class = classify_latency(duration_ns),
    };
    count_event(&key, NULL);
    if (key.error || duration_ns >= SLOW_NS) {
        const void *entry = NULL;
        READ_FIELD(entry, (const void *)sync.file, file_f_path_dentry);
        send(key.error ? FAILED : SLOW, key.device, key.error, duration_ns, entry);
    }
    return 0;
}

/* A program is told that what it wrote earlier could not be written. */
int tell_error(struct bpf_raw_tracepoint_args *ctx)
{
    u64 thread = bpf_get_current_pid_tgid();
    const void *file = (const void *)ctx->args[0], *inode = NULL, *entry = NULL;
    u32 sequence = 0;
    if (!is_current_recorded() || syncs.lookup(&thread))
        return 0; /* end_sync() tells it */
    READ_FIELD(sequence, file, file_f_wb_err);
    READ_FIELD(inode, file, file_f_inode);
    READ_FIELD(entry, file, file_f_path_dentry);
    if (inode && (sequence & MAX_ERRNO))
        send(FAILED, read_device(inode), sequence & MAX_ERRNO, 0, entry);
    return 0;
}

/* The kernel could not write what programs had written earlier. The current task has nothing to do with it, so a
 * recording of some cgroups does not have it. */
int lose_write(struct bpf_raw_tracepoint_args *ctx)
{
#ifdef CGROUP_FILTERS
    return 0;
#endif
    const void *mapping = (const void *)ctx->args[0], *inode = NULL, *alias = NULL, *entry = NULL;
    READ_FIELD(inode, mapping, address_space_host);
    if (!inode)
        return 0;
    READ_FIELD(alias, inode, inode_i_dentry);
    if (alias)
        entry = (const char *)alias - OFFSET_dentry_d_u_d_alias;
    send(WRITE_FAILED, read_device(inode), (u32)ctx->args[1] & MAX_ERRNO, 0, entry);
    return 0;
}
