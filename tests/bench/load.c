/* Loads whose CPU time tells what a recorder costs those who run on the node: load calls|processes|http|keepalive COUNT
 *
 * calls      the cheapest system call in a loop
 * processes  fork and exec of /bin/true, one after the other
 * http       a request of 40 bytes and a response of 50 on loopback, a connection for each
 * keepalive  the same, all on one connection */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char request[] = "GET / HTTP/1.1\r\nHost: load.example\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";

static void require(int is_good, const char *what)
{
    if (!is_good) {
        perror(what);
        exit(1);
    }
}

static void answer(int connection)
{
    char buffer[512];
    while (recv(connection, buffer, sizeof(buffer), 0) > 0)
        require(send(connection, response, sizeof(response) - 1, 0) > 0, "send");
    close(connection);
}

static void ask(int connection)
{
    char buffer[512];
    require(send(connection, request, sizeof(request) - 1, 0) > 0, "send");
    require(recv(connection, buffer, sizeof(buffer), 0) > 0, "recv");
}

static int connect_to(const struct sockaddr_in *address)
{
    int connection = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    require(connect(connection, (const struct sockaddr *)address, sizeof(*address)) == 0, "connect");
    return connection;
}

static void exchange(long count, int is_kept)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    long connections = is_kept ? 1 : count;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    require(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 16) == 0, "listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    pid_t server = fork();
    if (server == 0) {
        for (long number = 0; number < connections; number++)
            answer(accept(listener, NULL, NULL));
        _exit(0);
    }
    for (long number = 0; number < connections; number++) {
        int connection = connect_to(&address);
        for (long left = is_kept ? count : 1; left > 0; left--)
            ask(connection);
        close(connection);
    }
    waitpid(server, NULL, 0);
}

int main(int argc, char **argv)
{
    require(argc == 3, "usage: load KIND COUNT");
    long count = atol(argv[2]);
    if (!strcmp(argv[1], "calls")) {
        while (count-- > 0)
            syscall(SYS_getppid);
    } else if (!strcmp(argv[1], "processes")) {
        while (count-- > 0) {
            pid_t child = fork();
            if (child == 0) {
                execl("/bin/true", "true", NULL);
                _exit(1);
            }
            waitpid(child, NULL, 0);
        }
    } else {
        exchange(count, !strcmp(argv[1], "keepalive"));
    }
    return 0;
}
