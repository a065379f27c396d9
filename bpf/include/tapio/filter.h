/* Which processes are recorded: all but the recorder itself, and only those in or below the cgroups of
 * CGROUP_FILTERS.
 *
 * CGROUP_FILTERS(F) expands to F(level, id) for each allowed cgroup. Why constants and not a map: they do not change
 * while a program is loaded, and a comparison is much cheaper than a map lookup. Comparing the ancestor at the
 * level of the filter includes every descendant, also those created later. */
#ifndef TAPIO_FILTER_H
#define TAPIO_FILTER_H

#include <linux/types.h>

static inline bool is_current_recorded(void)
{
    if (bpf_get_current_pid_tgid() >> 32 == RECORDER_PID)
        return false;
#ifdef CGROUP_FILTERS
#define CURRENT_IS_BELOW(level, id)                                                                                    \
    if (bpf_get_current_ancestor_cgroup_id(level) == id##ULL)                                                          \
        return true;
    CGROUP_FILTERS(CURRENT_IS_BELOW)
    return false;
#else
    return true;
#endif
}

#endif
