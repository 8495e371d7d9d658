#include "services.h"

#include "board.h"
#include "commands.h"
#include "connection.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"
#include "unstick.h"

#include <string.h>

/* Connections of a service at a time; a client more than that is refused with a reset. */
#define CONNECTIONS 2

/* The largest datagram that Ethernet carries over IPv4 in one piece. */
#define DATAGRAM 1472

#define FILES 8
#define FILE_SIZE (64 * 1024)

struct service {
    const char *name;
    unstick_service service;
    u16_t tcp_port;
    u16_t udp_port; /* 0 where it is not served over UDP */
};

static const struct service services[] = {
    {.name = "echo", .service = UNSTICK_SERVICE_ECHO, .tcp_port = 8080, .udp_port = 8092},
    {.name = "frame", .service = UNSTICK_SERVICE_FRAME, .tcp_port = 8086},
    {.name = "message", .service = UNSTICK_SERVICE_MESSAGE, .tcp_port = 8087},
    {.name = "command", .service = UNSTICK_SERVICE_COMMAND, .tcp_port = 8088, .udp_port = 8093},
};

#define SERVICES (sizeof services / sizeof services[0])

_Static_assert(SERVICES * CONNECTIONS == SERVED_CONNECTIONS, "lwipopts.h has memory for others");

static unstick_node node;
static struct connection connections[SERVICES][CONNECTIONS];
static uint8_t files[FILES * FILE_SIZE];

/* Somebody has begun to connect. Until it is done lwIP may drop it for the next one who does: so a
 * flood of such beginnings leaves nobody outside who means it. */
static err_t on_connecting(u8_t id, struct tcp_pcb_listen *listener, struct tcp_pcb *pcb) {
    (void)id;
    (void)listener;
    tcp_setprio(pcb, TCP_PRIO_MIN);
    return ERR_OK;
}

static const struct tcp_ext_arg_callbacks connecting = {.passive_open = on_connecting};

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error) {
    const struct service *service = arg;
    if (error != ERR_OK || pcb == NULL) {
        return ERR_VAL;
    }
    tcp_setprio(pcb, TCP_PRIO_NORMAL);
    struct connection *own = connections[service - services];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (own[i].pcb == NULL) {
            return connection_open(&own[i], pcb, &node, service->service);
        }
    }
    unstick_node_count(&node, UNSTICK_COUNTER_REFUSED, 1);
    return ERR_MEM; /* lwIP resets it */
}

/* Whether it was sent to more than this node. */
static bool is_broadcast(void) {
    const ip_addr_t *to = ip_current_dest_addr();
    return ip_addr_ismulticast(to) || ip_addr_isbroadcast(to, ip_current_netif());
}

static bool answer(const struct service *service, struct udp_pcb *pcb, const struct pbuf *datagram,
                   const ip_addr_t *from, u16_t port) {
    struct pbuf *reply = pbuf_alloc(PBUF_TRANSPORT, DATAGRAM, PBUF_RAM);
    if (reply == NULL) {
        return false;
    }
    bool sent = true;
    unstick_reply answered =
        unstick_datagram_answer(&node, service->service, board_now_us(), port, is_broadcast(),
                                datagram->payload, datagram->len, datagram->tot_len, reply->payload, reply->len);
    if (answered.send) {
        pbuf_realloc(reply, (u16_t)answered.len);
        sent = udp_sendto(pcb, reply, from, port) == ERR_OK;
    }
    pbuf_free(reply);
    return sent;
}

/* Takes off what is behind the datagram in its packet: lwIP leaves that there. */
static bool trim(struct pbuf *datagram) {
    struct udp_hdr header;
    memcpy(&header, (const u8_t *)datagram->payload - UDP_HLEN, sizeof(header));
    u16_t whole = lwip_ntohs(header.len);
    if (whole < UDP_HLEN || whole - UDP_HLEN > datagram->tot_len) {
        return false;
    }
    pbuf_realloc(datagram, whole - UDP_HLEN);
    return true;
}

static void on_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *datagram,
                        const ip_addr_t *from, u16_t port) {
    if (!trim(datagram) || !answer(arg, pcb, datagram, from, port)) {
        unstick_node_count(&node, UNSTICK_COUNTER_REJECTED, 1);
    }
    pbuf_free(datagram);
}

static const char *listen_tcp(const struct service *service, u8_t connecting_id) {
    struct tcp_pcb *pcb = tcp_new();
    if (pcb == NULL || tcp_bind(pcb, IP_ADDR_ANY, service->tcp_port) != ERR_OK) {
        return "lwIP has no room for a TCP port; see MEMP_NUM_TCP_PCB";
    }
    pcb = tcp_listen(pcb);
    if (pcb == NULL) {
        return "lwIP has no room for a listening port; see MEMP_NUM_TCP_PCB_LISTEN";
    }
    tcp_arg(pcb, (void *)service);
    tcp_accept(pcb, on_connected);
    tcp_ext_arg_set_callbacks(pcb, connecting_id, &connecting);
    return NULL;
}

static const char *listen_udp(const struct service *service) {
    struct udp_pcb *pcb = udp_new();
    if (pcb == NULL || udp_bind(pcb, IP_ADDR_ANY, service->udp_port) != ERR_OK) {
        return "lwIP has no room for a UDP port; see MEMP_NUM_UDP_PCB";
    }
    udp_recv(pcb, on_datagram, (void *)service);
    return NULL;
}

const char *services_start(void) {
    const unstick_config config = {
        .name = "mps2",
        .version = EXAMPLE_VERSION,
        .target = EXAMPLE_TARGET,
        .datagram = DATAGRAM,
        .commands = commands,
        .command_count = COMMANDS,
        .files = files,
        .file_count = FILES,
        .file_size = FILE_SIZE,
        .connections = SERVICES * CONNECTIONS,
    };
    unstick_error error = unstick_node_start(&node, &config, board_now_us());
    const char *why = error == UNSTICK_ERROR_NONE ? NULL : unstick_strerror(error);
    u8_t connecting_id = tcp_ext_arg_alloc_id();
    for (size_t i = 0; why == NULL && i < SERVICES; i++) {
        why = listen_tcp(&services[i], connecting_id);
        if (why == NULL && services[i].udp_port != 0) {
            why = listen_udp(&services[i]);
        }
    }
    return why;
}

static void log_line(const char *name, const char *transport, const char *address, u16_t port) {
    board_log("listening ");
    board_log(name);
    board_log(transport);
    board_log(address);
    board_log(":");
    board_log_number(port);
    board_log("\n");
}

void services_log(const char *address) {
    for (size_t i = 0; i < SERVICES; i++) {
        log_line(services[i].name, " tcp ", address, services[i].tcp_port);
        if (services[i].udp_port != 0) {
            log_line(services[i].name, " udp ", address, services[i].udp_port);
        }
    }
}

uint64_t services_poll(uint64_t now_us) {
    uint64_t deadline = UNSTICK_NEVER;
    for (size_t i = 0; i < SERVICES; i++) {
        for (size_t j = 0; j < CONNECTIONS; j++) {
            uint64_t at = connection_poll(&connections[i][j], now_us);
            deadline = LWIP_MIN(deadline, at);
        }
    }
    return deadline;
}
