/*
 * tagcached: reads the command line, becomes who it shall be, puts store,
 * sessions and server together, and waits for the end.
 */
#include "background.h"
#include "daemon.h"
#include "privileges.h"
#include "signals.h"

#include "tagcached/hash.h"
#include "tagcached/log.h"
#include "tagcached/mem.h"
#include "tagcached/now.h"
#include "tagcached/server.h"
#include "tagcached/store.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* What lives as long as the server does. */
struct app {
    struct config config;
    struct mem_budget budget;
    struct mem_budget unfinished;
    struct server_info info;
    struct session_env env;
    struct server *server;
};

/* 0 or an exit code. The parts made so far are in app, also on failure. */
static int
make_parts(struct app *app)
{
    const struct config *config = &app->config;
    app->budget.limit = config->limit_bytes;
    app->info.libevent_version = event_get_version();
    const struct store_config store = {
        .budget = &app->budget,
        .item_size_max = config->item_size_max,
        .evict = config->evict,
        .cas = config->cas,
        .seed = hash_random_seed(),
    };
    app->env = (struct session_env){
        .store = store_new(&store),
        .config = config,
        .counters = counters_set_new(config->threads),
        .info = &app->info,
        .budget = &app->budget,
        .unfinished = &app->unfinished,
    };
    session_set_limit(&app->env, config->limit_bytes);
    if (!app->env.store || !app->env.counters) {
        log_error("cannot have the memory that a store of %llu MB begins with",
                  (unsigned long long)(config->limit_bytes >> 20));
        return EX_OSERR;
    }
    return server_new(&app->server, &app->env) == 0 ? 0 : EX_OSERR;
}

static void
free_parts(struct app *app)
{
    server_free(app->server); /* its connections hold entries */
    if (app->env.store)
        store_free(app->env.store);
    counters_set_free(app->env.counters);
}

/* From ready to stopped. */
static int
serve(struct app *app, int ready_fd)
{
    const struct config *config = &app->config;
    int stop_fd = signals_open_stop();
    if (stop_fd < 0)
        return EX_OSERR;
    bool has_pidfile = config->pidfile && daemon_write_pid(config->pidfile);
    struct background *background = background_start(app->env.store);
    int err = -1;
    if (background) {
        if (ready_fd >= 0)
            daemon_ready(ready_fd, config->verbose > 0);
        err = server_run(app->server, stop_fd);
    } else {
        log_error("cannot start the sweeper's thread");
    }
    background_stop(background);
    if (has_pidfile)
        daemon_remove_pid(config->pidfile);
    close(stop_fd);
    return err == 0 ? EXIT_SUCCESS : EX_OSERR;
}

/* The steps that change the process. 0 or an exit code. */
static int
prepare_process(const struct config *config, int *ready_fd)
{
    int code = privileges_check(config);
    if (code == 0)
        code = privileges_raise_files(config);
    if (code == 0)
        code = privileges_drop(config);
    if (code != 0)
        return code;
    signals_ignore();
    if (config->daemonize) {
        *ready_fd = daemon_start();
        if (*ready_fd < 0) {
            log_error("cannot run as a daemon: %s", strerror(-*ready_fd));
            return EX_OSERR;
        }
    }
    return 0;
}

int
main(int argc, char **argv)
{
    static const enum log_level levels[] = {LOG_WARN, LOG_INFO, LOG_DEBUG};
    struct app app = {0};
    int code;
    switch (config_parse(&app.config, argc, argv, &code)) {
    case CONFIG_RUN: break;
    case CONFIG_DONE: return EXIT_SUCCESS;
    case CONFIG_BAD: return code;
    }
    log_set_level(levels[app.config.verbose < 2 ? app.config.verbose : 2]);
    now_refresh();

    int ready_fd = -1;
    code = prepare_process(&app.config, &ready_fd);
    if (code == 0) {
        mem_start_background();
        code = make_parts(&app);
    }
    if (code == 0)
        code = serve(&app, ready_fd);
    free_parts(&app);
    return code;
}
