/* Makes an exact number of system calls at a steady rate, so that a recorder's count can be checked against it.
 * usage: tick RATE SECONDS      calls getppid RATE times a second; prints how often it called and how long it took in ns.
 * Waits for a line on standard input before it begins, so that recorders are attached when the first call is made. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 64;
    const long long rate = atoll(argv[1]), seconds = atoll(argv[2]), total = rate * seconds;
    printf("%d\n", (int)getpid());
    fflush(stdout);
    if (getchar() == EOF)
        return 1;
    const long long begin = now();
    long long made = 0;
    while (made < total) {
        /* One burst a millisecond: what should have been made by now. */
        long long due = (now() - begin) * rate / 1000000000LL;
        if (due > total)
            due = total;
        for (; made < due; made++)
            syscall(SYS_getppid);
        if (made < total) {
            struct timespec pause = {0, 1000000};
            clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        }
    }
    printf("%lld %lld\n", made, now() - begin);
    return 0;
}
