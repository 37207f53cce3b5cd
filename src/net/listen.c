#include "listen.h"

#include "tagcached/log.h"
#include "tagcached/mem.h"
#include "tagcached/num.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PORT_MAX = 65535 };

static int
add_socket(struct listen_set *set, int fd, bool is_unix)
{
    struct listen_socket *sockets =
        mem_resize(set->sockets, (set->n + 1) * sizeof(*sockets));
    if (!sockets)
        return -ENOMEM;
    set->sockets = sockets;
    set->sockets[set->n++] = (struct listen_socket){fd, is_unix};
    return 0;
}

/* ---- addresses ---------------------------------------------------------- */

static bool
set_host(struct listen_address *address, const char *host, size_t len)
{
    if (len == 0 || len >= sizeof(address->host))
        return false;
    if (len == 1 && host[0] == '*')
        len = 0;
    memcpy(address->host, host, len);
    address->host[len] = '\0';
    return true;
}

bool
listen_parse(struct span text, int default_port, struct listen_address *address)
{
    const char *end = text.data + text.len;
    const char *port = NULL; /* its first digit */
    struct span host = text;

    if (text.len > 0 && text.data[0] == '[') {
        const char *close = memchr(text.data, ']', text.len);
        if (!close || (close + 1 < end && close[1] != ':'))
            return false;
        host = (struct span){text.data + 1, (size_t)(close - text.data) - 1};
        port = close + 1 < end ? close + 2 : NULL;
    } else if (text.len > 0) {
        /* Two colons without brackets: an IPv6 address without a port. */
        const char *colon = memchr(text.data, ':', text.len);
        if (colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1))) {
            host.len = (size_t)(colon - text.data);
            port = colon + 1;
        }
    }

    address->port = default_port;
    if (port) {
        uint32_t number;
        struct span digits = {port, (size_t)(end - port)};
        if (!num_parse_u32(digits, &number) || number == 0 || number > PORT_MAX)
            return false;
        address->port = (int)number;
    }
    return set_host(address, host.data, host.len);
}

/* ---- TCP ---------------------------------------------------------------- */

static bool
set_option(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/*
 * Accepted sockets inherit these on Linux, which saves a call for each. Replies
 * leave in one send a turn, so there is nothing for Nagle to gather; keepalive
 * finds out about clients that vanished.
 */
static bool
prepare_tcp(int fd, int family)
{
    return (family != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
           set_option(fd, SOL_SOCKET, SO_REUSEADDR) &&
           set_option(fd, SOL_SOCKET, SO_KEEPALIVE) &&
           set_option(fd, IPPROTO_TCP, TCP_NODELAY);
}

/* The machine has no such address family, or it is switched off. */
static bool
is_missing_family(int err)
{
    return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL ||
           err == -EPROTONOSUPPORT;
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* A descriptor or negative errno. */
static int
open_tcp(const union address *address, socklen_t len, unsigned backlog)
{
    int fd = socket(address->any.sa_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (!prepare_tcp(fd, address->any.sa_family) ||
        bind(fd, &address->any, len) != 0 || listen(fd, (int)backlog) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

static int
port_of(int fd, bool *is_v6)
{
    union address address = {0};
    socklen_t len = sizeof(address);
    if (getsockname(fd, &address.any, &len) != 0)
        return 0;
    *is_v6 = address.any.sa_family == AF_INET6;
    return ntohs(*is_v6 ? address.v6.sin6_port : address.v4.sin_port);
}

static void
set_port(union address *address, int port)
{
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons((uint16_t)port);
    else
        address->v4.sin_port = htons((uint16_t)port);
}

enum { ADDRESS_TEXT = NI_MAXHOST + 16 };

static void
describe(char text[ADDRESS_TEXT], const union address *address, socklen_t len,
         int port)
{
    char host[NI_MAXHOST] = "?";
    getnameinfo(&address->any, len, host, sizeof(host), NULL, 0,
                NI_NUMERICHOST);
    bool v6 = address->any.sa_family == AF_INET6;
    snprintf(text, ADDRESS_TEXT, v6 ? "[%s]:%d" : "%s:%d", host, port);
}

/*
 * One address. *port is -1 for any port, and then becomes the one it got;
 * `wanted` is the port that -p or the host's own :port asks for.
 */
static int
open_address(struct listen_set *set, const struct addrinfo *ai, int wanted,
             int *port, unsigned backlog)
{
    union address address = {0};
    char text[ADDRESS_TEXT];
    memcpy(&address, ai->ai_addr, ai->ai_addrlen);
    set_port(&address, *port > 0 ? *port : 0);
    int fd = open_tcp(&address, ai->ai_addrlen, backlog);
    if (fd == -EADDRINUSE && wanted < 0 && *port > 0) {
        set_port(&address, 0);
        fd = open_tcp(&address, ai->ai_addrlen, backlog);
    }
    if (fd < 0) {
        describe(text, &address, ai->ai_addrlen, *port);
        log_write(is_missing_family(fd) ? LOG_INFO : LOG_ERROR,
                  "failed to listen on %s: %s", text, strerror(-fd));
        return fd;
    }
    if (add_socket(set, fd, false) < 0) {
        close(fd);
        log_error("failed to listen: %s", strerror(ENOMEM));
        return -ENOMEM;
    }
    bool is_v6;
    *port = port_of(fd, &is_v6);
    describe(text, &address, ai->ai_addrlen, *port);
    log_info("listening address=%s", text);
    return 0;
}

/* Some resolvers name an address twice. */
static bool
is_repeated(const struct addrinfo *list, const struct addrinfo *ai)
{
    for (; list != ai; list = list->ai_next) {
        if (list->ai_addrlen == ai->ai_addrlen &&
            memcmp(list->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
            return true;
    }
    return false;
}

/*
 * All addresses of one name. A family that the machine lacks is passed over
 * where another one is there. With a port of the kernel's choice (-1) the
 * families share the first one's port if it is free in all.
 */
static int
open_addresses(struct listen_set *set, const char *name,
               const struct addrinfo *list, int wanted, unsigned backlog)
{
    int port = wanted;
    int opened = 0;
    int missing = -EADDRNOTAVAIL;
    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
        if (is_repeated(list, ai))
            continue;
        int err = open_address(set, ai, wanted, &port, backlog);
        if (err == 0)
            opened++;
        else if (is_missing_family(err))
            missing = err;
        else
            return err;
    }
    if (opened > 0)
        return 0;
    log_error("failed to listen on %s: %s", name, strerror(-missing));
    return missing;
}

static int
open_host(struct listen_set *set, const struct listen_address *address,
          unsigned backlog)
{
    struct addrinfo hints = {
        .ai_flags = AI_PASSIVE,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *list;
    bool all = address->host[0] == '\0';
    const char *name = all ? "*" : address->host;
    int gai = getaddrinfo(all ? NULL : name, "0", &hints, &list);
    if (gai != 0) {
        log_error("failed to listen on %s: %s", name, gai_strerror(gai));
        return -EADDRNOTAVAIL;
    }
    int err = open_addresses(set, name, list, address->port, backlog);
    freeaddrinfo(list);
    return err;
}

/* The default: nobody outside the machine, and IPv6 only where there is one. */
static int
open_loopback(struct listen_set *set, const struct config *config)
{
    struct sockaddr_in v4 = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6,
        .sin6_addr = IN6ADDR_LOOPBACK_INIT,
    };
    struct addrinfo second = {
        .ai_family = AF_INET6,
        .ai_addr = (struct sockaddr *)&v6,
        .ai_addrlen = sizeof(v6),
    };
    struct addrinfo first = {
        .ai_family = AF_INET,
        .ai_addr = (struct sockaddr *)&v4,
        .ai_addrlen = sizeof(v4),
        .ai_next = &second,
    };
    return open_addresses(set, "loopback", &first, config->port,
                          config->backlog);
}

/* One -l: hosts between commas or semicolons. */
static int
open_list(struct listen_set *set, const char *list, const struct config *config)
{
    while (*list) {
        size_t len = strcspn(list, ",;");
        struct listen_address address;
        if (len > 0) {
            struct span text = {list, len};
            if (!listen_parse(text, config->port, &address)) {
                log_error("failed to listen on %.*s: not an address", (int)len,
                          list);
                return -EINVAL;
            }
            int err = open_host(set, &address, config->backlog);
            if (err < 0)
                return err;
        }
        list += len + (list[len] != '\0');
    }
    return 0;
}

static int
open_tcp_all(struct listen_set *set, const struct config *config)
{
    if (config->nlisten == 0)
        return open_loopback(set, config);
    for (unsigned i = 0; i < config->nlisten; i++) {
        int err = open_list(set, config->listen[i], config);
        if (err < 0)
            return err;
    }
    return 0;
}

/* ---- UNIX --------------------------------------------------------------- */

/*
 * A socket file that nobody listens on is what an earlier process left: it is
 * removed. Anything else stays, and bind will say that it is in the way.
 */
static void
remove_stale(const struct sockaddr_un *name)
{
    struct stat found;
    if (lstat(name->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    bool stale =
        connect(fd, (const struct sockaddr *)name, sizeof(*name)) != 0 &&
        errno == ECONNREFUSED;
    close(fd);
    if (stale)
        unlink(name->sun_path);
}

static int
bind_unix(int fd, const struct sockaddr_un *name, const struct config *config)
{
    remove_stale(name);
    /* The file must at no moment be open to more than the mask says. */
    mode_t before = umask(~config->unix_mask & 0777);
    int result = bind(fd, (const struct sockaddr *)name, sizeof(*name));
    int err = result == 0 ? 0 : -errno;
    umask(before);
    if (err == 0 && listen(fd, (int)config->backlog) != 0)
        err = -errno;
    return err;
}

static int
open_unix(struct listen_set *set, const struct config *config)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(config->unix_socket) >= sizeof(name.sun_path))
        return -ENAMETOOLONG;
    memcpy(name.sun_path, config->unix_socket, strlen(config->unix_socket));

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int err = bind_unix(fd, &name, config);
    if (err == 0)
        err = add_socket(set, fd, true);
    if (err < 0) {
        close(fd);
        return err;
    }
    struct stat made;
    if (lstat(config->unix_socket, &made) == 0) {
        set->unix_path = config->unix_socket;
        set->unix_dev = made.st_dev;
        set->unix_ino = made.st_ino;
    }
    log_info("listening path=%s", config->unix_socket);
    return 0;
}

/* ---- all ---------------------------------------------------------------- */

int
listen_open(struct listen_set *set, const struct config *config)
{
    *set = (struct listen_set){0};
    int err = 0;
    if (config->unix_socket) {
        err = open_unix(set, config);
        if (err < 0)
            log_error("failed to listen on %s: %s", config->unix_socket,
                      strerror(-err));
    } else if (config->port != 0) {
        err = open_tcp_all(set, config);
    }
    if (err == 0 && set->n == 0) {
        log_error("nothing to listen on");
        err = -EDESTADDRREQ;
    }
    if (err < 0)
        listen_close(set);
    return err;
}

void
listen_close(struct listen_set *set)
{
    struct stat found;
    if (set->unix_path && lstat(set->unix_path, &found) == 0 &&
        found.st_dev == set->unix_dev && found.st_ino == set->unix_ino)
        unlink(set->unix_path);
    for (unsigned i = 0; i < set->n; i++)
        close(set->sockets[i].fd);
    mem_free(set->sockets);
    *set = (struct listen_set){0};
}

int
listen_write_ports(const struct listen_set *set, const char *path)
{
    char temporary[4096];
    int len = snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    if (len < 0 || (size_t)len >= sizeof(temporary))
        return -ENAMETOOLONG;
    FILE *file = fopen(temporary, "we");
    if (!file)
        return -errno;
    for (unsigned i = 0; i < set->n; i++) {
        bool is_v6 = false;
        if (set->sockets[i].is_unix)
            continue;
        int port = port_of(set->sockets[i].fd, &is_v6);
        fprintf(file, "TCP %s: %d\n", is_v6 ? "INET6" : "INET", port);
    }
    if (fclose(file) != 0 || rename(temporary, path) != 0)
        return -errno;
    return 0;
}
