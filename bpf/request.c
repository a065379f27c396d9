/* HTTP/1 responses, counted per process, side and status code.
 *
 * Hook          raw tracepoint sys_exit: the buffer's address is still in its register when the call returns.
 * Kernel        Linux >= 5.8; x86_64 and aarch64.
 * Cost per hit  every system call of the node takes the slow exit path and runs this program, 80 ns in total (the slow
 *               path is shared with syscall_error.c); 0.3 us for a call that transfers data.
 * Can miss      TLS; HTTP/2; responses whose status line is not at the start of a buffer, such as the second of two
 *               pipelined ones; calls other than those below (sendfile, recvmmsg, io_uring), and 32-bit programs.
 *               Data read from a file or a pipe that starts like a status line is counted as well.
 * Privacy       12 bytes of a buffer are read; only the three digits of the status code leave the kernel.
 */
#include <tapio/event.h>
#include <tapio/filter.h>
#include <tapio/syscall.h>

enum { SERVER = 0, CLIENT = 1 };

struct key {
    u64 cgroup_id;
    u32 pid;
    u16 status;
    u16 side;
};

#include <tapio/tally.h>

#if defined(MACHINE_x86_64)
enum { READ = 0, WRITE = 1, READV = 19, WRITEV = 20, SENDTO = 44, RECVFROM = 45, SENDMSG = 46, RECVMSG = 47 };
#else
enum { READ = 63, WRITE = 64, READV = 65, WRITEV = 66, SENDTO = 206, RECVFROM = 207, SENDMSG = 211, RECVMSG = 212 };
#endif

#define STATUS_LINE_BYTES 12 /* RFC 9112: "HTTP/1.1 200" */
#define MSGHDR_IOV 16        /* struct user_msghdr: pointer to the first struct iovec {base, length} */

/* The first buffer of the call; NULL if it is too short for a status line. */
static inline const void *find_buffer(s32 number, const void *argument)
{
    const void *vector = argument;
    struct {
        const void *base;
        u64 length;
    } first = {};
    if (number == READ || number == WRITE || number == SENDTO || number == RECVFROM)
        return argument;
    if (number == SENDMSG || number == RECVMSG)
        bpf_probe_read_user(&vector, sizeof(vector), (const char *)argument + MSGHDR_IOV);
    bpf_probe_read_user(&first, sizeof(first), vector);
    return first.length >= STATUS_LINE_BYTES ? first.base : NULL;
}

static inline bool is_digit(u8 character)
{
    return character >= '0' && character <= '9';
}

RAW_TRACEPOINT_PROBE(sys_exit)
{
    if ((long)ctx->args[1] < STATUS_LINE_BYTES)
        return 0;
    const void *registers = (const void *)ctx->args[0];
    s32 number = read_syscall_number(registers);
    struct key key = {};
    switch (number) {
    case WRITE:
    case WRITEV:
    case SENDTO:
    case SENDMSG:
        key.side = SERVER;
        break;
    case READ:
    case READV:
    case RECVFROM:
    case RECVMSG:
        key.side = CLIENT;
        break;
    default:
        return 0;
    }
    const void *buffer = find_buffer(number, read_second_argument(registers));
    u8 line[STATUS_LINE_BYTES] = {};
    if (!buffer || bpf_probe_read_user(line, sizeof(line), buffer))
        return 0;
    if (line[0] != 'H' || line[1] != 'T' || line[2] != 'T' || line[3] != 'P' || line[4] != '/' || line[5] != '1' ||
        line[6] != '.' || !is_digit(line[7]) || line[8] != ' ')
        return 0;
    if (line[9] < '1' || line[9] > '5' || !is_digit(line[10]) || !is_digit(line[11]))
        return 0;
    if (!is_current_recorded() || is_32_bit(registers)) /* checked last, because most calls transfer other data */
        return 0;
    key.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    key.pid = current_pid();
    key.cgroup_id = bpf_get_current_cgroup_id();
    count_event(&key);
    return 0;
}
