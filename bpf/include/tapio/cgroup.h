/* cgroup2 ids of sockets and of tasks other than the current one. Offsets come from BTF. */
#ifndef TAPIO_CGROUP_H
#define TAPIO_CGROUP_H

#include <tapio/event.h>

/* The inode of the cgroup in the cgroup2 tree, as bpf_get_current_cgroup_id() gives it; 0 = unknown. */
static inline u64 read_cgroup_id(const void *cgroup)
{
    const void *node = NULL;
    u64 id = 0;
    if (!cgroup)
        return 0;
    READ_FIELD(node, cgroup, cgroup_kn);
    if (node)
        READ_FIELD(id, node, kernfs_node_id);
    return id;
}

/* The cgroup2 cgroup of a task; NULL if it cannot be read. */
static inline const void *read_task_cgroup(const void *task)
{
    const void *set = NULL, *cgroup = NULL;
    READ_FIELD(set, task, task_struct_cgroups);
    if (set)
        READ_FIELD(cgroup, set, css_set_dfl_cgrp);
    return cgroup;
}

/* The id of the ancestor at `level` (0 = root); 0 if the cgroup is not that deep. */
static inline u64 read_ancestor_id(const void *cgroup, int level)
{
    int own_level = 0;
    READ_FIELD(own_level, cgroup, cgroup_level);
    if (own_level < level)
        return 0;
    if (own_level == level)
        return read_cgroup_id(cgroup);
#ifdef OFFSET_cgroup_ancestors /* Linux >= 6.1: pointers; before that, the ids themselves */
    const void *ancestor = NULL;
    bpf_probe_read_kernel(&ancestor, sizeof(ancestor), (const char *)cgroup + OFFSET_cgroup_ancestors + 8 * level);
    return read_cgroup_id(ancestor);
#else
    u64 id = 0;
    bpf_probe_read_kernel(&id, sizeof(id), (const char *)cgroup + OFFSET_cgroup_ancestor_ids + 8 * level);
    return id;
#endif
}

/* Like is_current_recorded(), for events that occur in the context of another task. An unknown cgroup is recorded only
 * if no filter is set. */
static inline bool is_cgroup_recorded(const void *cgroup)
{
#ifdef CGROUP_FILTERS
    if (!cgroup)
        return false;
#define CGROUP_IS_BELOW(level, id)                                                                                     \
    if (read_ancestor_id(cgroup, level) == id##ULL)                                                                    \
        return true;
    CGROUP_FILTERS(CGROUP_IS_BELOW)
    return false;
#else
    return true;
#endif
}

#endif
