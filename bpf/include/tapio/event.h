/* The header of every kernel event, and macros to read fields of kernel structs.
 *
 * A program defines `struct record { EVENT_HEADER; … };` and then includes <tapio/ring.h>. User space views the ring
 * with a NumPy dtype of the same layout (`recorder/ebpf/records.py`); the loader appends a _Static_assert for every
 * field of that dtype, so a difference does not compile.
 *
 * Given by the loader: RECORDER_PID, CGROUP_FILTERS(F) if the recording is limited to some cgroups, and
 * OFFSET_<struct>_<member> from the running kernel's BTF. */
#ifndef TAPIO_EVENT_H
#define TAPIO_EVENT_H

#include <linux/types.h>

#define COMM_BYTES 16

/* 48 bytes. pid is the process (tgid), tid the thread. cpu_sequence counts the records of this program on this CPU,
 * including lost ones: a second account of losses, independent of the counters. */
#define EVENT_HEADER                                                                                                   \
    u64 boot_time_ns;                                                                                                  \
    u64 cgroup_id;                                                                                                     \
    u32 pid;                                                                                                           \
    u32 tid;                                                                                                           \
    char comm[COMM_BYTES];                                                                                             \
    u16 cpu;                                                                                                           \
    u16 kind;                                                                                                          \
    u32 cpu_sequence

/* READ_FIELD(target, pointer, struct_member): copies a member of a kernel struct; 0 if the address is bad. Nested
 * members are spelled with underscores: READ_FIELD(id, node, kernfs_node_id). */
#define READ_FIELD(target, pointer, path)                                                                              \
    bpf_probe_read_kernel(&(target), sizeof(target), (const char *)(pointer) + OFFSET_##path)

static inline u32 current_pid(void)
{
    return bpf_get_current_pid_tgid() >> 32;
}

#endif
