/* Counting in the kernel: one element per `struct key` (defined before this is included) instead of one record per
 * event.
 *
 * There are two maps. Programs count in the one selected by `active_tally`; user space switches it, waits until no
 * program can still be counting in the other one, and reads that one as a whole: nothing is counted twice or missed.
 * TALLY_ENTRIES comes from the loader. */
#ifndef TAPIO_TALLY_H
#define TAPIO_TALLY_H

#include <tapio/event.h>

struct tally {
    u64 count;
    u64 first_boot_ns;
    u64 last_boot_ns;
    char comm[COMM_BYTES];
};

struct tally_counts {
    u64 uncounted; /* events that were not counted because the map was full */
};

BPF_TABLE("hash", struct key, struct tally, tally_0, TALLY_ENTRIES);
BPF_TABLE("hash", struct key, struct tally, tally_1, TALLY_ENTRIES);
BPF_ARRAY(active_tally, u32, 1);
BPF_PERCPU_ARRAY(tally_counts, struct tally_counts, 1);

/* Counts one event. `comm` names the process; NULL: it is the current one. Returns true if it is the first one of its key
 * since user space took the map. */
static inline bool count_event(struct key *key, const char *comm)
{
    int zero = 0;
    bool is_first = false;
    u64 now = bpf_ktime_get_boot_ns();
    u32 *active = active_tally.lookup(&zero);
    if (!active)
        return false;
    bool is_second_map = *active;
    struct tally *tally = is_second_map ? tally_1.lookup(key) : tally_0.lookup(key);
    if (!tally) {
        struct tally fresh = {.first_boot_ns = now};
        if (comm)
            __builtin_memcpy(fresh.comm, comm, COMM_BYTES);
        else
            bpf_get_current_comm(fresh.comm, COMM_BYTES);
        is_first = true;
        /* Another CPU may insert the same key first; then the insert fails and the lookup finds its element. */
        if (is_second_map)
            tally_1.insert(key, &fresh);
        else
            tally_0.insert(key, &fresh);
        tally = is_second_map ? tally_1.lookup(key) : tally_0.lookup(key);
    }
    if (!tally) {
        struct tally_counts *counts = tally_counts.lookup(&zero);
        if (counts)
            __sync_fetch_and_add(&counts->uncounted, 1);
        return false;
    }
    __sync_fetch_and_add(&tally->count, 1);
    tally->last_boot_ns = now;
    return is_first;
}

#endif
