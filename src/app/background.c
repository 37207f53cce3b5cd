#include "background.h"

#include "tagcached/mem.h"
#include "tagcached/now.h"
#include "tagcached/store.h"

#include <pthread.h>
#include <time.h>

enum { SLICE_EVERY_MS = 10 };

struct background {
    struct store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop;
};

/* Sleeps until the next slice is due. False: stop. */
static bool
wait_for_slice(struct background *background)
{
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    due.tv_nsec += SLICE_EVERY_MS * 1000000L;
    if (due.tv_nsec >= 1000000000L) {
        due.tv_sec++;
        due.tv_nsec -= 1000000000L;
    }
    int err = 0;
    pthread_mutex_lock(&background->lock);
    while (!background->stop && err == 0)
        err = pthread_cond_timedwait(&background->stopped, &background->lock,
                                     &due);
    bool go_on = !background->stop;
    pthread_mutex_unlock(&background->lock);
    return go_on;
}

static void *
run(void *arg)
{
    struct background *background = arg;
    while (wait_for_slice(background)) {
        now_refresh();
        store_sweep(background->store);
    }
    return NULL;
}

static void
init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void
free_background(struct background *background)
{
    pthread_cond_destroy(&background->stopped);
    pthread_mutex_destroy(&background->lock);
    mem_free(background);
}

struct background *
background_start(struct store *store)
{
    struct background *background = mem_zalloc(sizeof(*background));
    if (!background)
        return NULL;
    background->store = store;
    pthread_mutex_init(&background->lock, NULL);
    init_cond(&background->stopped);
    if (pthread_create(&background->thread, NULL, run, background) != 0) {
        free_background(background);
        return NULL;
    }
    pthread_setname_np(background->thread, "sweeper");
    return background;
}

void
background_stop(struct background *background)
{
    if (!background)
        return;
    pthread_mutex_lock(&background->lock);
    background->stop = true;
    pthread_cond_signal(&background->stopped);
    pthread_mutex_unlock(&background->lock);
    pthread_join(background->thread, NULL);
    free_background(background);
}
