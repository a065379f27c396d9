/* Paths of files, from the kernel's own entries of names. Offsets come from BTF.
 *
 * A record that includes a path has the members `names`, `is_cut` and `name`; recorder/ebpf/paths.py reads them. */
#ifndef TAPIO_PATH_H
#define TAPIO_PATH_H

#include <tapio/event.h>

#define NAMES 4
#define NAME_BYTES 64
#define PATH_AS_GIVEN 255 /* in the place of the number of names: `name` is the path that the program gave */

#define PATH_MEMBERS                                                                                                   \
    u32 names;                    /* how many there are */                                                             \
    u32 is_cut;                   /* whether the path has more */                                                      \
    char name[NAMES * NAME_BYTES] /* each at a multiple of NAME_BYTES, the last first */

/* The last names of a path within its file system; none on a kernel without BTF. */
static inline void read_path(u32 *names, u32 *is_cut, char *text, const void *entry)
{
    *names = 0;
    *is_cut = 0;
    __builtin_memset(text, 0, NAMES * NAME_BYTES);
#ifdef OFFSET_dentry_d_parent
    const void *parent = NULL, *name = NULL;
#pragma unroll
    for (int number = 0; number < NAMES; number++) {
        parent = NULL;
        if (entry)
            READ_FIELD(parent, entry, dentry_d_parent);
        if (!entry || parent == entry) {
            entry = NULL;
        } else {
            READ_FIELD(name, entry, dentry_d_name_name);
            bpf_probe_read_kernel_str(text + number * NAME_BYTES, NAME_BYTES, name);
            *names = number + 1;
            entry = parent;
        }
    }
    parent = NULL;
    if (entry)
        READ_FIELD(parent, entry, dentry_d_parent);
    *is_cut = entry && parent != entry;
#endif
}

#endif
