/* At most so many records per second and CPU; the others are counted in `limits`. */
#ifndef TAPIO_RATE_LIMIT_H
#define TAPIO_RATE_LIMIT_H

#include <linux/types.h>

#define SECOND_NS 1000000000ULL

struct limit {
    u64 second_ns;
    u64 sent;
    u64 left_out;
};

BPF_PERCPU_ARRAY(limits, struct limit, 1);

static inline bool may_send(void)
{
    int zero = 0;
    u64 now = bpf_ktime_get_boot_ns();
    struct limit *limit = limits.lookup(&zero);
    if (!limit)
        return false;
    if (now - limit->second_ns >= SECOND_NS) {
        limit->second_ns = now;
        limit->sent = 0;
    }
    if (limit->sent >= MAX_PER_SECOND) {
        limit->left_out++;
        return false;
    }
    limit->sent++;
    return true;
}

#endif
