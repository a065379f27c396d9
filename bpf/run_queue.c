/* How long threads waited for a CPU, and who ran instead.
 *
 * Hooks         raw tracepoints sched_wakeup, sched_wakeup_new, sched_switch.
 * Kernel        Linux >= 5.8 with BTF (the state of a thread: task_struct.state, or __state since 5.14).
 * Cost per hit  0.6 us for a thread that becomes ready and 0.9 us for a switch between threads: two programs that answer
 *               each other as fast as they can pay 10 % for it, so this is only on in profile `deep`.
 * Can miss      threads that were ready before the program was attached. Those beyond READY_ENTRIES are counted as lost.
 *               Who ran instead is who ran last on the CPU that the thread got: there may have been others before.
 */
#include <tapio/cgroup.h>
#include <tapio/filter.h>
#include <tapio/latency.h>

struct key {
    u64 cgroup_id;
    u64 other_cgroup_id; /* who ran on the CPU; 0: the wait was short, or nobody did */
    u32 latency_class;   /* 0: below 64 us; each further one four times as long */
    u32 unused;
};

#include <tapio/tally.h>

BPF_TABLE("hash", u32, u64, ready_since, READY_ENTRIES); /* thread id: since when it waits */

#define LONG_WAIT_CLASS 3 /* from 1 ms on */
#define TASK_RUNNING 0

static inline void begin_wait(const void *task)
{
    u32 thread = 0;
    u64 now = bpf_ktime_get_boot_ns();
    if (!is_cgroup_recorded(read_task_cgroup(task)))
        return;
    READ_FIELD(thread, task, task_struct_pid);
    if (!thread || ready_since.update(&thread, &now) == 0) /* 0: the thread of an idle CPU */
        return;
    int zero = 0;
    struct tally_counts *counts = tally_counts.lookup(&zero);
    if (counts)
        __sync_fetch_and_add(&counts->uncounted, 1);
}

static inline bool is_runnable(const void *task)
{
    u64 state = 0;
#ifdef OFFSET_task_struct___state
    bpf_probe_read_kernel(&state, sizeof(u32), (const char *)task + OFFSET_task_struct___state);
#else
    READ_FIELD(state, task, task_struct_state);
#endif
    return state == TASK_RUNNING;
}

RAW_TRACEPOINT_PROBE(sched_wakeup)
{
    begin_wait((const void *)ctx->args[0]);
    return 0;
}

RAW_TRACEPOINT_PROBE(sched_wakeup_new)
{
    begin_wait((const void *)ctx->args[0]);
    return 0;
}

RAW_TRACEPOINT_PROBE(sched_switch)
{
    const void *previous = (const void *)ctx->args[1], *next = (const void *)ctx->args[2];
    u32 thread = 0, process = 0;
    if (is_runnable(previous))
        begin_wait(previous);
    READ_FIELD(thread, next, task_struct_pid);
    u64 *since = ready_since.lookup(&thread);
    if (!since)
        return 0;
    u64 waited_ns = bpf_ktime_get_boot_ns() - *since;
    ready_since.delete(&thread);
    READ_FIELD(process, next, task_struct_tgid);
    if (process == RECORDER_PID)
        return 0;
    struct key key = {.latency_class = classify_latency(waited_ns)};
    key.cgroup_id = read_cgroup_id(read_task_cgroup(next));
    if (key.latency_class >= LONG_WAIT_CLASS) {
        READ_FIELD(thread, previous, task_struct_pid);
        if (thread)
            key.other_cgroup_id = read_cgroup_id(read_task_cgroup(previous));
    }
    char comm[COMM_BYTES] = {};
    READ_FIELD(comm, next, task_struct_comm);
    count_event(&key, comm);
    return 0;
}
