/* lwIP without an operating system, without a heap of the C library, IPv4 with TCP and UDP only. */

#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0 /* lwIP is called from one loop, never from an interrupt */
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_RAW 0
#define LWIP_STATS 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define ARP_QUEUEING 0
#define LWIP_HOOK_FILENAME "lwiphooks.h"

/* Four services with two connections each, and as many that are just being opened or closed. */
#define SERVED_CONNECTIONS 8
#define MEMP_NUM_TCP_PCB (2 * SERVED_CONNECTIONS)
#define MEMP_NUM_TCP_PCB_LISTEN 4
#define MEMP_NUM_UDP_PCB 2
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1 /* for the callback that tells of a connection begun */
#define LWIP_TCP_KEEPALIVE 1

/* The window is what a connection buffers. All of them together must not be more than the Ethernet
 * controller holds, 10560 bytes, or peers that use theirs at once overflow it. */
#define TCP_MSS 1280
#define TCP_WND TCP_MSS
#define TCP_QUEUE_OOSEQ 0

/* What is sent stays in the connection's own ring until it is acknowledged (see connection.c), so of
 * a segment lwIP needs memory for its headers only. But where a peer's window has room for less than
 * the first segment lwIP splits it, and what does not fit it copies: one copy for each connection,
 * and a segment more. A SYN or FIN is a segment too. Two datagrams may wait besides, for a
 * neighbour's address; more of them take from what the rest leaves. */
#define SEND_HEADERS 96    /* Ethernet, IP, TCP, and what lwIP has beside them */
#define SEND_DATAGRAM 1600 /* of 1472 bytes, with its headers */
#define TCP_SND_BUF (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 16 /* buffers, two of them a segment */
#define MEMP_NUM_PBUF (SERVED_CONNECTIONS * TCP_SND_QUEUELEN / 2)
#define MEMP_NUM_TCP_SEG (MEMP_NUM_PBUF + SERVED_CONNECTIONS + MEMP_NUM_TCP_PCB)
#define MEM_LIBC_MALLOC 0
#define MEM_ALIGNMENT 4
#define MEM_SIZE \
    (MEMP_NUM_TCP_SEG * SEND_HEADERS + SERVED_CONNECTIONS * (TCP_MSS + SEND_HEADERS) + \
     2 * SEND_DATAGRAM)

/* A received frame lies whole in one buffer, and is done with before the next is taken. */
#define PBUF_POOL_BUFSIZE 1520
#define PBUF_POOL_SIZE 4

#endif
