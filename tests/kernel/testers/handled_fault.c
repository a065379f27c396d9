/* Reads where nothing is, exactly N times, and handles each fault, as runtimes such as the JVM do; prints how often. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static sigjmp_buf place;

static void resume(int number)
{
    siglongjmp(place, number);
}

int main(int argc, char **argv)
{
    volatile int *volatile nothing = NULL;
    volatile long handled = 0;
    long faults = argc > 1 ? atol(argv[1]) : 1;
    signal(SIGSEGV, resume);
    while (handled < faults) {
        if (sigsetjmp(place, 1))
            handled++;
        else
            *nothing = 1;
    }
    printf("%ld\n", handled);
    return 0;
}
