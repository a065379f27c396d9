/* Classes of latency: the first is below FIRST_CLASS_NS, each further one reaches four times as far, the last has no end.
 * recorder/ebpf/latency_classes.py defines both bounds, and reads the classes. */
#ifndef TAPIO_LATENCY_H
#define TAPIO_LATENCY_H

#include <linux/types.h>

static inline u8 classify_latency(u64 latency_ns)
{
    u64 below_ns = FIRST_CLASS_NS;
    u8 number = 0;
#pragma unroll
    for (int i = 0; i < LAST_CLASS; i++) {
        if (latency_ns < below_ns)
            break;
        below_ns <<= 2;
        number++;
    }
    return number;
}

#endif
