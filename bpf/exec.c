/* Executed programs. They have a ring of their own because the records are five times as large as those of process.c.
 *
 * Hook          raw tracepoint sched_process_exec.
 * Kernel        Linux >= 5.8 with BTF.
 * Cost per hit  about 1 us; the exec itself takes about 500 us.
 * Can miss      file names are truncated to 255 bytes; failed execs are not recorded (see syscall_error).
 */
#include <tapio/event.h>
#include <tapio/filter.h>

enum { EXEC = 1 };

struct record {
    EVENT_HEADER;
    u64 start_boot_ns;
    u32 parent_pid;
    u32 args_count;
    char file_name[256];
};

#include <tapio/ring.h>

RAW_TRACEPOINT_PROBE(sched_process_exec)
{
    const void *task = (const void *)ctx->args[0], *parent = NULL;
    const void *binary = (const void *)ctx->args[2], *file_name = NULL;
    if (!is_current_recorded())
        return 0;
    struct record *record = reserve_record();
    if (!record)
        return 0;
    describe_current(record, EXEC);
    READ_FIELD(record->start_boot_ns, task, task_struct_start_boottime);
    READ_FIELD(parent, task, task_struct_real_parent);
    record->parent_pid = 0;
    if (parent)
        READ_FIELD(record->parent_pid, parent, task_struct_tgid);
    READ_FIELD(record->args_count, binary, linux_binprm_argc);
    READ_FIELD(file_name, binary, linux_binprm_filename);
    __builtin_memset(record->file_name, 0, sizeof(record->file_name)); /* the ring still contains older records */
    bpf_probe_read_kernel_str(record->file_name, sizeof(record->file_name), file_name);
    submit_record(record);
    return 0;
}
