/* Failed system calls, counted per process, call and errno; the first failure of each in an interval is also
 * sent immediately.
 *
 * Hook          raw tracepoint sys_exit, attached by the recorder: in turns, or all the time in profile `deep`.
 * Kernel        Linux >= 5.8; x86_64 and aarch64.
 * Cost per hit  every system call of the node takes the slow exit path and runs this program, 80 ns in total; 0.3 us
 *               for a call that fails. Nothing while it is not attached.
 * Can miss      what happens while it is not attached; calls of 32-bit programs; calls that do not return (exit, successful execve); operations of io_uring;
 *               errors that the configuration ignores. Failures while the map is full are counted as lost.
 */
#include <tapio/event.h>
#include <tapio/filter.h>
#include <tapio/path.h>
#include <tapio/syscall.h>

struct record {
    EVENT_HEADER;
    s32 number;
    u32 error;
    PATH_MEMBERS;
};

struct key {
    u64 cgroup_id;
    u32 pid;
    s32 number;
    u32 error;
    u32 unused;
};

#include <tapio/ring.h>
#include <tapio/tally.h>

#define MAX_ERRNO 4095
#define FIRST_INTERNAL 512 /* ERESTARTSYS and similar codes, which user space never sees */
#define LAST_INTERNAL 516
#define ENOENT 2
#define EAGAIN 11
#define SECOND_NS 1000000000ULL

struct sampling {
    u64 second_ns;
    u64 sent;
    u64 left_out;
};

BPF_PERCPU_ARRAY(sampling, struct sampling, 1);

/* STARTING_CALLS(F) expands to F(number) for every call that starts a process or thread: of those, EAGAIN says that a
 * limit is reached, and of all others only that the caller would have to wait. IGNORED_ERRORS(F) and IGNORED_CALLS(F)
 * expand to F(error) and F(number, error) for everything that the configuration ignores. */
static inline bool is_ignored(s32 number, u32 error)
{
#define IS_ERROR(ignored_error)                                                                                        \
    if (error == ignored_error)                                                                                        \
        return true;
#define IS_CALL(ignored_number, ignored_error)                                                                         \
    if (number == ignored_number && error == ignored_error)                                                            \
        return true;
#define IS_START(starting_number)                                                                                      \
    if (number == starting_number && error == EAGAIN)                                                                  \
        return false;
    STARTING_CALLS(IS_START)
    IGNORED_ERRORS(IS_ERROR)
    IGNORED_CALLS(IS_CALL)
    return error >= FIRST_INTERNAL && error <= LAST_INTERNAL;
}

/* At most SAMPLES_PER_SECOND on each CPU. */
static inline bool may_send_sample(void)
{
    int zero = 0;
    u64 now = bpf_ktime_get_boot_ns();
    struct sampling *state = sampling.lookup(&zero);
    if (!state)
        return false;
    if (now - state->second_ns >= SECOND_NS) {
        state->second_ns = now;
        state->sent = 0;
    }
    if (state->sent >= SAMPLES_PER_SECOND) {
        state->left_out++;
        return false;
    }
    state->sent++;
    return true;
}

/* The path of the file that a call failed with: as the program gave it, or the names of what it has open. PATH_CALLS(F)
 * expands to F(number, argument) for every call that takes a path, FILE_CALLS(F) to F(number) for every one whose first
 * argument is an open file. */
static inline void describe_file(struct record *record, const void *registers)
{
    const void *given = NULL, *entry = NULL;
    bool is_open = false;
#define IS_PATH_CALL(path_number, argument)                                                                            \
    if (record->number == path_number)                                                                                 \
        given = argument ? read_second_argument(registers) : (const void *)read_first_argument(registers);
#define IS_FILE_CALL(file_number)                                                                                      \
    if (record->number == file_number)                                                                                 \
        is_open = true;
    PATH_CALLS(IS_PATH_CALL)
    FILE_CALLS(IS_FILE_CALL)
#ifdef OFFSET_task_struct_files
    if (is_open) {
        const void *task = (const void *)bpf_get_current_task(), *files = NULL, *table = NULL, *open = NULL,
                   *file = NULL;
        u32 descriptor = (u32)read_first_argument(registers), room = 0;
        READ_FIELD(files, task, task_struct_files);
        if (files)
            READ_FIELD(table, files, files_struct_fdt);
        if (table) {
            READ_FIELD(room, table, fdtable_max_fds);
            READ_FIELD(open, table, fdtable_fd);
        }
        if (open && descriptor < room)
            bpf_probe_read_kernel(&file, sizeof(file), (const char *)open + 8 * (u64)descriptor);
        if (file)
            READ_FIELD(entry, file, file_f_path_dentry);
    }
#endif
    read_path(&record->names, &record->is_cut, record->name, entry);
    if (given && bpf_probe_read_user_str(record->name, sizeof(record->name), given) > 0)
        record->names = PATH_AS_GIVEN;
}

int count_failure(struct bpf_raw_tracepoint_args *ctx)
{
    long returned = ctx->args[1];
    if (returned >= 0 || returned < -MAX_ERRNO)
        return 0;
    const void *registers = (const void *)ctx->args[0];
    struct key key = {.error = -returned};
    key.number = read_syscall_number(registers);
    if (is_ignored(key.number, key.error) || !is_current_recorded() || is_32_bit(registers))
        return 0;
    key.pid = current_pid();
    key.cgroup_id = bpf_get_current_cgroup_id();
    if (!count_event(&key, NULL))
        return 0;
    /* ENOENT: every program start looks for files in several places. */
    if (key.error == ENOENT || !may_send_sample())
        return 0;
    struct record *record = reserve_record();
    if (!record)
        return 0;
    describe_current(record, 0);
    record->number = key.number;
    record->error = key.error;
    describe_file(record, registers);
    submit_record(record);
    return 0;
}
