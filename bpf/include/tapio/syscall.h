/* Arguments and number of the system call of the raw tracepoint sys_exit, from the saved registers.
 *
 * struct pt_regs is the same in every kernel of an architecture (x86: what ptrace shows; arm64: since 4.15), so this
 * needs no BTF. Arguments are preserved in their registers during the call; the first is kept beside them on arm64. */
#ifndef TAPIO_SYSCALL_H
#define TAPIO_SYSCALL_H

#include <linux/types.h>

#if defined(MACHINE_x86_64)
#define REGS_FIRST_ARGUMENT 112  /* di */
#define REGS_SECOND_ARGUMENT 104 /* si */
#define REGS_NUMBER 120          /* orig_ax */
#define REGS_MODE 136            /* cs */
#define MODE_IS_32_BIT(mode) ((mode) == 0x23)
#elif defined(MACHINE_aarch64)
#define REGS_FIRST_ARGUMENT 272 /* orig_x0 */
#define REGS_SECOND_ARGUMENT 8  /* regs[1] */
#define REGS_NUMBER 280         /* syscallno */
#define REGS_MODE 264           /* pstate */
#define MODE_IS_32_BIT(mode) (0x10 & (mode))
#else
#error "the registers of this architecture are not known: use x86_64 or aarch64"
#endif

static inline s32 read_syscall_number(const void *registers)
{
    s32 number = -1;
    bpf_probe_read_kernel(&number, sizeof(number), (const char *)registers + REGS_NUMBER);
    return number;
}

static inline u64 read_first_argument(const void *registers)
{
    u64 argument = 0;
    bpf_probe_read_kernel(&argument, sizeof(argument), (const char *)registers + REGS_FIRST_ARGUMENT);
    return argument;
}

/* The second argument: for all calls that transfer data, the buffer or its description. */
static inline const void *read_second_argument(const void *registers)
{
    const void *argument = NULL;
    bpf_probe_read_kernel(&argument, sizeof(argument), (const char *)registers + REGS_SECOND_ARGUMENT);
    return argument;
}

/* 32-bit programs number their system calls differently. */
static inline bool is_32_bit(const void *registers)
{
    u64 mode = 0;
    bpf_probe_read_kernel(&mode, sizeof(mode), (const char *)registers + REGS_MODE);
    return MODE_IS_32_BIT(mode);
}

#endif
