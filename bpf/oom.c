/* The OOM killer chose a victim.
 *
 * Hooks         tracepoint oom:mark_victim (the victim's memory figures, in the tracepoint's format) and, where its
 *               first argument is the task, the raw tracepoint mark_victim (the victim's cgroup). Whichever runs
 *               second sends the record.
 * Kernel        Linux >= 5.8; the figures and the cgroup since 6.9 (with BTF); before that, only the pid.
 * Cost per hit  a few us per OOM kill.
 * Can miss      nothing: the ring is much larger than the number of kills; see also the kernel log.
 */
#include <tapio/cgroup.h>
#include <tapio/filter.h>

struct record {
    EVENT_HEADER;
    u64 total_vm_bytes;
    u64 anon_rss_bytes;
    u64 file_rss_bytes;
    u64 shmem_rss_bytes;
    s32 score_adj;
    u32 has_figures;
};

#include <tapio/ring.h>

enum { HAS_CGROUP = 1, HAS_FIGURES = 2 };

struct victim {
    u64 cgroup_id;
    u64 total_vm_bytes;
    u64 anon_rss_bytes;
    u64 file_rss_bytes;
    u64 shmem_rss_bytes;
    s32 score_adj;
    u32 parts;
    u32 is_recorded;
    char comm[COMM_BYTES];
};

/* Victims for which only one of the two records has arrived, by pid. LRU, so that entries without a second record are
 * evicted. */
BPF_TABLE("lru_hash", u32, struct victim, victims, 256);

static inline int tell_victim(u32 pid, const struct victim *victim)
{
    struct record *record = reserve_record();
    if (!record)
        return 0;
    describe_current(record, 0);
    record->pid = pid; /* the current task is the one that allocated memory, not the victim */
    record->tid = pid;
    record->cgroup_id = victim->cgroup_id;
    __builtin_memcpy(record->comm, victim->comm, COMM_BYTES);
    record->total_vm_bytes = victim->total_vm_bytes;
    record->anon_rss_bytes = victim->anon_rss_bytes;
    record->file_rss_bytes = victim->file_rss_bytes;
    record->shmem_rss_bytes = victim->shmem_rss_bytes;
    record->score_adj = victim->score_adj;
    record->has_figures = (victim->parts & HAS_FIGURES) != 0;
    submit_urgent_record(record);
    return 0;
}

#ifdef VICTIM_IS_TASK
RAW_TRACEPOINT_PROBE(mark_victim)
{
    const void *task = (const void *)ctx->args[0], *cgroup = read_task_cgroup(task);
    u32 pid = 0;
    READ_FIELD(pid, task, task_struct_tgid);
    struct victim *known = victims.lookup(&pid);
    struct victim victim = {};
    if (known)
        victim = *known;
    victim.cgroup_id = read_cgroup_id(cgroup);
    victim.is_recorded = is_cgroup_recorded(cgroup);
    victim.parts |= HAS_CGROUP;
    READ_FIELD(victim.comm, task, task_struct_comm);
    if (!(victim.parts & HAS_FIGURES)) {
        victims.update(&pid, &victim);
        return 0;
    }
    victims.delete(&pid);
    return victim.is_recorded ? tell_victim(pid, &victim) : 0;
}
#endif

TRACEPOINT_PROBE(oom, mark_victim)
{
    u32 pid = args->pid;
    struct victim *known = victims.lookup(&pid);
    struct victim victim = {};
    if (known)
        victim = *known;
#ifdef MARK_VICTIM_TELLS_FIGURES
    victim.total_vm_bytes = (u64)args->total_vm << 10;
    victim.anon_rss_bytes = (u64)args->anon_rss << 10;
    victim.file_rss_bytes = (u64)args->file_rss << 10;
    victim.shmem_rss_bytes = (u64)args->shmem_rss << 10;
    victim.score_adj = args->oom_score_adj;
    victim.parts |= HAS_FIGURES;
#endif
#ifdef VICTIM_IS_TASK
    if (!(victim.parts & HAS_CGROUP)) {
        victims.update(&pid, &victim);
        return 0;
    }
    victims.delete(&pid);
    return victim.is_recorded ? tell_victim(pid, &victim) : 0;
#else
    return is_current_recorded() ? tell_victim(pid, &victim) : 0;
#endif
}
