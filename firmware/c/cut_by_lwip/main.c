/* Asks lwIP what it does with a datagram that is longer than the buffer, and Unstick what it says of
 * the same: a row of the table under rule U3 of docs/protocol.md. Built for this machine by run.sh. */

#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/udp.h"
#include "unstick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENT = 20, PORT = 8092, PEER = 50000 };

static unstick_node node;

static const char *told(bool is) {
    return is ? "yes" : "no";
}

u32_t sys_now(void) {
    return 0;
}

/* What the library asks for; nothing of it panics. */
void unstick_panic(void) {
    abort();
}

static void received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                     u16_t port) {
    (void)arg;
    uint8_t buffer[8] = {0}, reply[64];
    u16_t delivered = pbuf_copy_partial(p, buffer, sizeof buffer, 0);
    bool sender = from != NULL && port == pcb->local_port;
    printf("| lwIP | %u | none | %s | %s |", delivered, told(p->tot_len == SENT), told(sender));
    unstick_reply answer =
        unstick_datagram_answer(&node, UNSTICK_SERVICE_ECHO, 0, PEER, false, buffer,
                                delivered, p->tot_len, reply, sizeof reply);
    if (!answer.send && unstick_node_counter(&node, UNSTICK_COUNTER_TRUNCATED) == 1) {
        printf(" cut, %u of %u bytes |\n", delivered, p->tot_len);
    } else {
        printf(" taken for whole |\n");
    }
    pbuf_free(p);
}

int main(void) {
    static const unstick_config config = {.name = "asked", .version = "1", .target = "here"};
    lwip_init();
    struct udp_pcb *pcb = udp_new();
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, SENT, PBUF_RAM);
    ip_addr_t own;
    IP_ADDR4(&own, 127, 0, 0, 1);
    if (pcb == NULL || p == NULL || udp_bind(pcb, IP_ADDR_ANY, PORT) != ERR_OK ||
        unstick_node_start(&node, &config, 0) != UNSTICK_ERROR_NONE) {
        return 1;
    }
    memset(p->payload, 'x', SENT);
    udp_recv(pcb, received, NULL);
    if (udp_sendto(pcb, p, &own, PORT) != ERR_OK) {
        return 1;
    }
    netif_poll_all();
    return 0;
}
