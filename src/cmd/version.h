/* The memcached version whose protocol this is: clients parse and compare
 * what `version` answers. */
#ifndef TAGCACHED_CMD_VERSION_H
#define TAGCACHED_CMD_VERSION_H

#define PROTOCOL_VERSION "1.6.45"

#endif
