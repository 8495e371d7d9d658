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

/* Four services with two connections each, and as many that are just being opened or closed. */
#define MEMP_NUM_TCP_PCB 16
#define MEMP_NUM_TCP_PCB_LISTEN 4
#define MEMP_NUM_UDP_PCB 2
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1 /* for the callback that tells of a connection begun */
#define LWIP_TCP_KEEPALIVE 1

/* The window is what a connection buffers. All of them together must not be more than the Ethernet
 * controller holds, 10560 bytes, or peers that use theirs at once overflow it. */
#define TCP_MSS 1280
#define TCP_WND TCP_MSS
#define TCP_QUEUE_OOSEQ 0

/* What is sent stays in the connection's own ring until it is acknowledged (see connection.c), so
 * lwIP needs memory for headers only, and for two datagrams. */
#define TCP_SND_BUF (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 16
#define MEMP_NUM_TCP_SEG 64
#define MEMP_NUM_PBUF 64
#define MEM_LIBC_MALLOC 0
#define MEM_ALIGNMENT 4
#define MEM_SIZE (64 * 96 + 2 * 1600)

/* A received frame lies whole in one buffer, and is done with before the next is taken. */
#define PBUF_POOL_BUFSIZE 1520
#define PBUF_POOL_SIZE 4

#endif
