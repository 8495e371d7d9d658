/* One connection: a session of Unstick on a TCP connection of lwIP. */

#ifndef CONNECTION_H
#define CONNECTION_H

#include "lwip/tcp.h"
#include "unstick.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Static memory for a connection; zeroed, it is free. */
struct connection {
    struct tcp_pcb *pcb; /* NULL where nobody is connected */
    unstick_node *node;
    unstick_session session;
    uint64_t deadline_us;
    uint64_t patience_us; /* once closed, for the peer to acknowledge the next byte */
    bool moved;           /* and it has acknowledged one since the last poll */
    bool ended;  /* the peer has closed its side */
    bool told;   /* and the session knows */
    bool closed; /* the session is over */
    bool shut;   /* and so is our side */
    size_t discarded; /* received since it is closed */
    size_t input_len;
    uint8_t input[TCP_WND]; /* received, not consumed by the session: the window is what is free */
    size_t output_start;
    size_t output_len;    /* written by the session, not acknowledged by the peer */
    size_t output_queued; /* of these, what lwIP has been told of */
    uint8_t output[TCP_SND_BUF];
};

/* Makes a connection that was accepted this one's, which is free. Returns ERR_OK, or what lwIP is to
 * refuse it with. */
err_t connection_open(struct connection *it, struct tcp_pcb *pcb, unstick_node *node,
                      unstick_service service);

/* Moves what bytes can be moved. Returns when to call it again if no packet comes before. */
uint64_t connection_poll(struct connection *it, uint64_t now_us);

#endif
