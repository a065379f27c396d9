/* Computes until it has used N ms of CPU time, and prints how many ns it used. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long used_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * 1000000000LL + used.tv_nsec;
}

int main(int argc, char **argv)
{
    long long limit_ns = argc > 1 ? atoll(argv[1]) * 1000000LL : 0;
    while (used_ns() < limit_ns)
        ;
    printf("%lld\n", used_ns());
    return 0;
}
