/* Starts and exits of processes. Threads are not recorded.
 *
 * Hooks         raw tracepoints sched_process_fork, sched_process_exit.
 * Kernel        Linux >= 5.8 with BTF (ring buffer, boot clock, start_boottime).
 * Cost per hit  about 1 us per start or exit of a process; 0.1 us for a thread.
 * Can miss      nothing except what is counted as lost by the ring. Before Linux 6.16 the kernel does not tell which
 *               thread is the last one: if the last two threads of a process exit at the same moment on two CPUs, the
 *               exit may be recorded twice.
 */
#include <tapio/cgroup.h>
#include <tapio/filter.h>

enum { FORK = 0, EXIT = 2 };

struct record {
    EVENT_HEADER;
    u64 start_boot_ns;
    u32 parent_pid;
    u32 exit_status; /* as wait(2) gives it: signal in bits 0 to 6, code in bits 8 to 15 */
};

#include <tapio/ring.h>

#define SIGNAL_GROUP_EXIT 0x4 /* include/linux/sched/signal.h: the whole group exits with group_exit_code */

static inline void describe_task(struct record *record, const void *task, u16 kind)
{
    const void *parent = NULL;
    describe_current(record, kind);
    READ_FIELD(record->pid, task, task_struct_tgid);
    record->tid = record->pid;
    READ_FIELD(record->comm, task, task_struct_comm);
    record->cgroup_id = read_cgroup_id(read_task_cgroup(task));
    READ_FIELD(record->start_boot_ns, task, task_struct_start_boottime);
    READ_FIELD(parent, task, task_struct_real_parent);
    record->parent_pid = 0;
    if (parent)
        READ_FIELD(record->parent_pid, parent, task_struct_tgid);
    record->exit_status = 0;
}

RAW_TRACEPOINT_PROBE(sched_process_fork)
{
    const void *child = (const void *)ctx->args[1];
    u32 pid = 0, tgid = 0;
    READ_FIELD(pid, child, task_struct_pid);
    READ_FIELD(tgid, child, task_struct_tgid);
    /* Filter by the child's own cgroup: with clone3(CLONE_INTO_CGROUP) it differs from its parent's. */
    if (pid != tgid || !is_cgroup_recorded(read_task_cgroup(child)))
        return 0;
    struct record *record = reserve_record();
    if (!record)
        return 0;
    describe_task(record, child, FORK);
    submit_record(record);
    return 0;
}

RAW_TRACEPOINT_PROBE(sched_process_exit)
{
    const void *task = (const void *)ctx->args[0], *signal = NULL, *leader = NULL;
    u32 flags = 0;
    READ_FIELD(signal, task, task_struct_signal);
    if (!signal)
        return 0;
#ifdef EXIT_TELLS_GROUP_DEAD
    if (!(u8)ctx->args[1])
        return 0;
#else
    u32 living_threads = 0;
    READ_FIELD(living_threads, signal, signal_struct_live);
    if (living_threads)
        return 0;
#endif
    if (!is_current_recorded())
        return 0;
    struct record *record = reserve_record();
    if (!record)
        return 0;
    /* Name, start time and status of a process are those of its first thread, which is not necessarily the last one. */
    READ_FIELD(leader, task, task_struct_group_leader);
    if (!leader)
        leader = task;
    describe_task(record, leader, EXIT);
    READ_FIELD(flags, signal, signal_struct_flags);
    if (flags & SIGNAL_GROUP_EXIT)
        READ_FIELD(record->exit_status, signal, signal_struct_group_exit_code);
    else
        READ_FIELD(record->exit_status, leader, task_struct_exit_code);
    if (record->exit_status & 0x7f)
        submit_urgent_record(record); /* a fatal signal is flushed at once */
    else
        submit_record(record);
    return 0;
}
