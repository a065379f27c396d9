/* The first thread ends before the others; the last one ends the process with code 7. */
#include <pthread.h>
#include <stdlib.h>

static pthread_t leader;

static void *end_process(void *unused)
{
    pthread_join(leader, NULL);
    exit(7);
    return unused;
}

int main(void)
{
    pthread_t other;
    leader = pthread_self();
    pthread_create(&other, NULL, end_process, NULL);
    pthread_exit(NULL);
}
