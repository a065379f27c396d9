/* Cgroups that are created, removed, frozen and thawed.
 *
 * Hooks         raw tracepoints cgroup_mkdir, cgroup_rmdir and cgroup_notify_frozen.
 * Kernel        Linux >= 5.8 with BTF.
 * Cost per hit  3 us, with what the kernel does to compose the path.
 * Can miss      nothing except what is counted: records lost by the ring, and those beyond MAX_PER_SECOND on a CPU.
 *
 * Not hooked    cgroup_attach_task, which composes a path for every process that starts in a cgroup by being moved
 *               there: rows of processes have the id of their cgroup; cgroup_notify_populated: their exits are recorded.
 *
 * Given by the loader: TREE_ROOT_ID, the id of the cgroup at which the recorder's cgroup2 tree is mounted. That is not
 * the root of the hierarchy where a node is itself a container (kind, k3d): paths are told from there, and what lies
 * outside of it belongs to another node.
 */
#include <tapio/cgroup.h>
#include <tapio/filter.h>

/* In the order of the table's event names, of which the first is that of a state. */
enum { CREATED = 1, REMOVED = 2, FROZEN = 3, THAWED = 4 };

#define PATH_BYTES 512

/* EVENT_HEADER describes the task that did it; cgroup_id is that of the cgroup itself. */
struct record {
    EVENT_HEADER;
    u32 root_level; /* so many components of the path lead to TREE_ROOT_ID */
    u32 path_bytes; /* with the NUL; PATH_BYTES: the path is longer */
    char path[PATH_BYTES];
};

#include <tapio/ring.h>

/* Why a limit: a program may create cgroups as fast as directories. */
#include <tapio/rate_limit.h>

#define CGROUP2_HIERARCHY 0 /* the ids of v1 hierarchies are not those of bpf_get_current_cgroup_id() */
#define MAX_ROOT_LEVEL 32
#define OUTSIDE (-1)

/* The level of TREE_ROOT_ID above a cgroup; OUTSIDE if it is not below it. */
static inline int find_root_level(const void *cgroup)
{
    for (int level = 0; level < MAX_ROOT_LEVEL; level++) {
        u64 id = read_ancestor_id(cgroup, level);
        if (id == TREE_ROOT_ID)
            return level;
        if (!id)
            return OUTSIDE;
    }
    return OUTSIDE;
}

static inline int tell_cgroup(const void *cgroup, const char *path, u16 kind)
{
    const void *root = NULL;
    int hierarchy = -1;
    READ_FIELD(root, cgroup, cgroup_root);
    if (root)
        READ_FIELD(hierarchy, root, cgroup_root_hierarchy_id);
    if (hierarchy != CGROUP2_HIERARCHY || !is_cgroup_recorded(cgroup))
        return 0;
    int root_level = find_root_level(cgroup);
    if (root_level == OUTSIDE || !may_send())
        return 0;
    struct record *record = reserve_record();
    if (!record)
        return 0;
    describe_current(record, kind);
    record->cgroup_id = read_cgroup_id(cgroup);
    record->root_level = root_level;
    int bytes = bpf_probe_read_kernel_str(record->path, PATH_BYTES, path);
    record->path_bytes = bytes > 0 ? bytes : 0;
    submit_record(record);
    return 0;
}

RAW_TRACEPOINT_PROBE(cgroup_mkdir)
{
    return tell_cgroup((const void *)ctx->args[0], (const char *)ctx->args[1], CREATED);
}

RAW_TRACEPOINT_PROBE(cgroup_rmdir)
{
    return tell_cgroup((const void *)ctx->args[0], (const char *)ctx->args[1], REMOVED);
}

/* All its tasks are frozen, or not any more; its own freezer may be that of a cgroup above it. */
RAW_TRACEPOINT_PROBE(cgroup_notify_frozen)
{
    return tell_cgroup((const void *)ctx->args[0], (const char *)ctx->args[1], ctx->args[2] ? FROZEN : THAWED);
}
