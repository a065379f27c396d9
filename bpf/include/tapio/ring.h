/* The ring of a program: fixed-size `struct record`s (defined before this is included), counted when lost.
 *
 * The ring MUST stay the first map of the program, see submit_record(). RING_PAGES and RING_BYTES come from the
 * loader. */
#ifndef TAPIO_RING_H
#define TAPIO_RING_H

#include <tapio/event.h>

/* produced = records that user space can read + lost. Per CPU; added atomically because an interrupt may run another
 * program of the same ring at the same time. */
struct ring_counts {
    u64 produced;
    u64 lost;
};

BPF_RINGBUF_OUTPUT(ring, RING_PAGES);
BPF_PERCPU_ARRAY(ring_counts, struct ring_counts, 1);

/* A record to fill in and submit; NULL if the ring is full, which is counted. */
static inline struct record *reserve_record(void)
{
    int zero = 0;
    struct ring_counts *counts = ring_counts.lookup(&zero);
    if (!counts)
        return NULL;
    u32 sequence = counts->produced;
    __sync_fetch_and_add(&counts->produced, 1);
    struct record *record = ring.ringbuf_reserve(sizeof(struct record));
    if (!record) {
        __sync_fetch_and_add(&counts->lost, 1);
        return NULL;
    }
    record->cpu_sequence = sequence;
    return record;
}

/* Fills in the header for an event of the current thread. */
static inline void describe_current(struct record *record, u16 kind)
{
    u64 pid_tgid = bpf_get_current_pid_tgid();
    record->boot_time_ns = bpf_ktime_get_boot_ns();
    record->cgroup_id = bpf_get_current_cgroup_id();
    record->pid = pid_tgid >> 32;
    record->tid = pid_tgid;
    bpf_get_current_comm(record->comm, COMM_BYTES);
    record->cpu = bpf_get_smp_processor_id();
    record->kind = kind;
}

/* Submits the record. The reader polls on a timer, so it is woken only when the ring passes a quarter, a half and three
 * quarters of its size: a wakeup for each event would cost more than the event.
 * Why bpf_pseudo_fd: bcc has no method for bpf_ringbuf_query; -1 is what bcc calls the first map. If the ring were
 * another map, the kernel would reject the program. */
static inline void submit_record(struct record *record)
{
    u64 quarter = RING_BYTES / 4;
    u64 waiting = bpf_ringbuf_query((void *)bpf_pseudo_fd(1, -1), BPF_RB_AVAIL_DATA);
    bool is_passing = waiting >= quarter && (waiting & (quarter - 1)) < 8 * sizeof(struct record);
    ring.ringbuf_submit(record, is_passing ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* The same for events that cannot wait for the timer. */
static inline void submit_urgent_record(struct record *record)
{
    ring.ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

#endif
