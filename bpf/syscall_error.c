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
#include <tapio/syscall.h>

struct record {
    EVENT_HEADER;
    s32 number;
    u32 error;
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
    submit_record(record);
    return 0;
}
