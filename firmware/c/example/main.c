/* The loop: take a frame, serve, sleep. And what lwIP needs of an Ethernet device. */

#include "board.h"
#include "lan9118.h"
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"
#include "services.h"
#include "unstick.h"

/* The address that QEMU's user networking forwards to. */
#define ADDRESS "10.0.2.15"
#define NETMASK "255.255.255.0"
#define GATEWAY "10.0.2.2"

/* How often the link is looked at, until it is up. */
#define LOOK_US 100000u

static uint8_t frame[LAN9118_FRAME];
static struct netif ethernet;

u32_t sys_now(void) {
    return (u32_t)(board_now_us() / 1000);
}

void unstick_panic(void) {
    board_fail("a panic in the Unstick library");
}

static err_t send_frame(struct netif *netif, struct pbuf *packet) {
    (void)netif;
    if (packet->tot_len > sizeof frame) {
        return ERR_ARG;
    }
    pbuf_copy_partial(packet, frame, packet->tot_len, 0);
    return lan9118_send(frame, packet->tot_len) ? ERR_OK : ERR_WOULDBLOCK;
}

static err_t init_ethernet(struct netif *netif) {
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->mtu = 1500;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->output = etharp_output;
    netif->linkoutput = send_frame;
    netif->hwaddr_len = ETH_HWADDR_LEN;
    const char *why = lan9118_start(netif->hwaddr);
    if (why != NULL) {
        board_fail(why);
    }
    return ERR_OK;
}

static void start_network(void) {
    ip4_addr_t address, netmask, gateway;
    ip4addr_aton(ADDRESS, &address);
    ip4addr_aton(NETMASK, &netmask);
    ip4addr_aton(GATEWAY, &gateway);
    lwip_init();
    netif_add(&ethernet, &address, &netmask, &gateway, NULL, init_ethernet, ethernet_input);
    netif_set_default(&ethernet);
    netif_set_up(&ethernet);
}

/* Takes the next frame in; false if there was none. */
static bool receive(void) {
    size_t len = lan9118_receive(frame);
    if (len == 0) {
        return false;
    }
    struct pbuf *packet = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_POOL);
    if (packet != NULL) {
        pbuf_take(packet, frame, (u16_t)len);
        if (ethernet.input(packet, &ethernet) != ERR_OK) {
            pbuf_free(packet);
        }
    }
    return true;
}

/* Looks for the link until it is up; lwIP then tells it our address (a gratuitous ARP). */
static uint64_t look_for_link(uint64_t now_us) {
    if (!netif_is_link_up(&ethernet)) {
        if (!lan9118_is_linked()) {
            return now_us + LOOK_US;
        }
        netif_set_link_up(&ethernet);
    }
    return UINT64_MAX;
}

int main(void) {
    board_start();
    board_log("unstick " EXAMPLE_VERSION " " EXAMPLE_TARGET ", in C\n");
    start_network();
    const char *why = services_start();
    if (why != NULL) {
        board_fail(why);
    }
    services_log(ADDRESS);
    for (;;) {
        uint64_t deadline;
        do {
            sys_check_timeouts();
            deadline = services_poll(board_now_us());
        } while (receive());
        uint64_t now = board_now_us();
        uint64_t timeout = now + (uint64_t)sys_timeouts_sleeptime() * 1000;
        uint64_t look = look_for_link(now);
        deadline = LWIP_MIN(deadline, LWIP_MIN(timeout, look));
        /* Without this order a frame that comes here would be slept over. */
        if (!lan9118_listen()) {
            board_sleep(deadline);
        }
        lan9118_hush();
        board_awake();
    }
}
