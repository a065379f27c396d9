/* Fails in close(2) exactly N times on each of T threads, and prints how often in all. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static long failures_per_thread;

static void *fail(void *unused)
{
    for (long i = 0; i < failures_per_thread; i++)
        close(-1);
    return unused;
}

int main(int argc, char **argv)
{
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    pthread_t ids[64];
    failures_per_thread = atol(argv[1]);
    for (int i = 0; i < threads; i++)
        pthread_create(&ids[i], NULL, fail, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    printf("%ld\n", failures_per_thread * threads);
    return 0;
}
