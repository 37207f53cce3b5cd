/*
 * One group of connections with the fake session, driven by hand. Of a pair of
 * sockets, fds[0] is the client's end.
 */
#ifndef TESTS_CONN_RIG_H
#define TESTS_CONN_RIG_H

#include "fake_session.h"
#include "net/conn.h"

struct rig {
    struct fake_env fake;
    struct event_base *base;
    struct conn_group group;
    uint64_t later_us; /* how far now_us() is ahead, for net */
    char got[1 << 20]; /* what the client received */
    size_t len;
};

int rig_set_up(void **state);
/* Nothing may be left of what a test did. */
int rig_tear_down(void **state);
/* One pass of a worker's loop that does not wait. */
void rig_turn(struct rig *rig);
void rig_turns(struct rig *rig, int n);
void rig_open(struct rig *rig, int fds[2], bool tcp);
void rig_say(int fd, const char *text);
/* Takes what is there. 0: the end; else errno. */
int rig_hear(struct rig *rig, int fd);
/* Until the server is done with this client's input, however many turns. */
int rig_settle(struct rig *rig, int fd);
/* Until the end, while the kernel takes its time: 0, or errno. */
int rig_hear_to_end(struct rig *rig, int fd);
/* Until all connections are gone. */
void rig_assert_gone(struct rig *rig);
uint64_t rig_counted(struct rig *rig, enum counter id);
/* So that half a megabyte is too much for them. Where the receiver's is smaller
 * than some packets of loopback, TCP waits for its timers. */
void rig_small_buffers(int fds[2]);
/* Until the kernel has taken all it will, 50 ms long. */
void rig_until_stuck(struct rig *rig);

#endif
