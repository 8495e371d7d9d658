/* The services of the node: who listens where, who is connected. */

#ifndef SERVICES_H
#define SERVICES_H

#include <stdint.h>

/* Starts the node, and listens for all its services. Returns NULL, or what is wrong. */
const char *services_start(void);

/* Writes a line to the log for each of them. */
void services_log(const char *address);

/* Serves what has come. Returns when to call it again if no packet comes before. */
uint64_t services_poll(uint64_t now_us);

#endif
