/* What this program does inside of lwIP: LWIP_HOOK_FILENAME has it included there. */

#ifndef LWIPHOOKS_H
#define LWIPHOOKS_H

#include "lwip/err.h"
#include "lwip/prot/tcp.h"

#include <string.h>

#if LWIP_TCP_TIMESTAMPS
#error "every segment has timestamps: hide the other options only"
#endif

/* Hides the options of a segment without SYN, in their two pieces. The only one that lwIP reads is
 * the segment size, which belongs on a SYN (RFC 9293, 3.7.1); but it obeys one at any time, and
 * asserts that nothing it has queued is longer. */
static inline err_t hide_options(struct tcp_hdr *header, u16_t len, u16_t first_len,
                                 u8_t *second) {
    if (!(TCPH_FLAGS(header) & TCP_SYN)) {
        memset(header + 1, 0, first_len);
        if (second != NULL) {
            memset(second, 0, len - first_len);
        }
    }
    return ERR_OK;
}

#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, len, first_len, second, packet) \
    hide_options(header, len, first_len, second)

#endif
