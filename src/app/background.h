/* The thread that sweeps the store and keeps the clock going at rest. */
#ifndef APP_BACKGROUND_H
#define APP_BACKGROUND_H

struct background;
struct store;

/* NULL: no memory or no thread. */
struct background *background_start(struct store *store);
/* Waits for the slice that runs. NULL is fine. */
void background_stop(struct background *background);

#endif
