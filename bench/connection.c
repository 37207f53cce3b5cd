#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int
dial(int fd, const char *host, uint16_t port)
{
    int on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
        return -EINVAL;
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

int
connection_open(struct connection *connection, const char *host, uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = dial(fd, host, port);
    if (error < 0) {
        close(fd);
        return error;
    }
    connection->fd = fd;
    return 0;
}

void
connection_close(struct connection *connection)
{
    close(connection->fd);
    free(connection->unread.data);
    free(connection->unsent.data);
    free(connection->requests);
    free(connection->keys);
}

bool
rest_keep(struct rest *rest, const char *data, size_t len)
{
    if (len > rest->cap) {
        char *grown = realloc(rest->data, len * 2);
        if (grown == NULL)
            return false;
        rest->data = grown;
        rest->cap = len * 2;
    }
    if (len > 0)
        memmove(rest->data, data, len);
    rest->len = len;
    return true;
}

int
connection_send(struct connection *connection, const char *data, size_t len)
{
    ssize_t sent = send(connection->fd, data, len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return -errno;
    if (sent < 0)
        sent = 0;
    if (!rest_keep(&connection->unsent, data + sent, len - (size_t)sent))
        return -ENOMEM;
    return 0;
}

int
connection_flush(struct connection *connection)
{
    struct rest *unsent = &connection->unsent;
    return connection_send(connection, unsent->data, unsent->len);
}
