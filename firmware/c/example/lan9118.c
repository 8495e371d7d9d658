#include "lan9118.h"

#include "board.h"

#include <string.h>

#define CHIP(offset) BOARD_REGISTER(BOARD_ETHERNET + (offset))
#define RX_DATA CHIP(0x00)
#define TX_DATA CHIP(0x20)
#define RX_STATUS CHIP(0x40)
#define TX_STATUS CHIP(0x48)
#define ID_REV CHIP(0x50)
#define IRQ_CFG CHIP(0x54)
#define INT_STS CHIP(0x58)
#define INT_EN CHIP(0x5C)
#define BYTE_TEST CHIP(0x64)
#define FIFO_INT CHIP(0x68)
#define RX_CFG CHIP(0x6C)
#define TX_CFG CHIP(0x70)
#define HW_CFG CHIP(0x74)
#define RX_FIFO_INF CHIP(0x7C)
#define TX_FIFO_INF CHIP(0x80)
#define PMT_CTRL CHIP(0x84)
#define MAC_CMD CHIP(0xA4)
#define MAC_DATA CHIP(0xA8)
#define AFC_CFG CHIP(0xAC)
#define E2P_CMD CHIP(0xB0)

#define BUSY (1u << 31)          /* of MAC_CMD and E2P_CMD */
#define MAC_READ (1u << 30)      /* of MAC_CMD */
#define INT_RECEIVED (1u << 3)   /* of INT_STS and INT_EN: more frames than the level, which is 0 */
#define TX_DUMP 0xC000u          /* of TX_CFG: discards what is in the FIFOs */
#define RX_DUMP (1u << 15)       /* of RX_CFG: the same */
#define RX_ERROR (1u << 15)      /* of RX_STATUS */
#define TX_WHOLE 0x3000u         /* of the first command: the frame's first and last piece */
#define TX_COMMANDS 8u           /* bytes before a frame in the FIFO */
#define CHECKSUM 4u              /* bytes, which come with each frame */
#define HEADER 14u               /* bytes of the shortest frame with a whole header */

/* Registers of the MAC, and of the PHY behind it. */
#define MAC_CR 1u
#define MAC_ADDRH 2u
#define MAC_ADDRL 3u
#define MAC_MII_ACC 6u
#define MAC_MII_DATA 7u
#define MAC_CR_ON 0x0010000Cu    /* full duplex, receiver and sender on */
#define MII_PHY (1u << 11)       /* the one in the chip */
#define MII_WRITE (1u << 1)
#define MII_BUSY 1u
#define PHY_BMCR 0u
#define PHY_BMSR 1u
#define PHY_ANAR 4u
#define BMCR_RESET (1u << 15)
#define BMCR_NEGOTIATE 0x1200u
#define BMSR_LINK (1u << 2)
#define ANAR_FULL_DUPLEX 0x0141u /* 100 and 10 Mbit/s, both full duplex */

/* Microseconds for anything the chip is waited for, the reset of its PHY being the longest. */
#define PATIENCE_US 600000u
/* Microseconds for room in its FIFO: two of the longest frames at 10 Mbit/s. */
#define ROOM_US 2500u

/* Reads a register once it shows what the accesses before it did. The chip takes up to 135 ns for
 * that, and no longer than for so many reads of BYTE_TEST (data sheet, restrictions on back-to-back
 * cycles). */
static uint32_t settled(volatile uint32_t *reg) {
    int dummies = reg == &RX_FIFO_INF || reg == &TX_FIFO_INF ? 3 : 1;
    for (; dummies > 0; dummies--) {
        (void)BYTE_TEST;
    }
    return *reg;
}

static bool wait(volatile uint32_t *reg, uint32_t mask, uint32_t value) {
    for (uint64_t start = board_now_us(); (settled(reg) & mask) != value;) {
        if (board_now_us() - start > PATIENCE_US) {
            return false;
        }
    }
    return true;
}

static uint32_t mac_read(uint32_t reg) {
    wait(&MAC_CMD, BUSY, 0);
    MAC_CMD = BUSY | MAC_READ | reg;
    wait(&MAC_CMD, BUSY, 0);
    return settled(&MAC_DATA);
}

static void mac_write(uint32_t reg, uint32_t value) {
    wait(&MAC_CMD, BUSY, 0);
    MAC_DATA = value;
    MAC_CMD = BUSY | reg;
    wait(&MAC_CMD, BUSY, 0);
}

static bool phy_wait(void) {
    for (uint64_t start = board_now_us(); mac_read(MAC_MII_ACC) & MII_BUSY;) {
        if (board_now_us() - start > PATIENCE_US) {
            return false;
        }
    }
    return true;
}

static uint32_t phy_read(uint32_t reg) {
    phy_wait();
    mac_write(MAC_MII_ACC, MII_PHY | reg << 6 | MII_BUSY);
    return phy_wait() ? mac_read(MAC_MII_DATA) : 0;
}

static bool phy_write(uint32_t reg, uint32_t value) {
    phy_wait();
    mac_write(MAC_MII_DATA, value);
    mac_write(MAC_MII_ACC, MII_PHY | reg << 6 | MII_WRITE | MII_BUSY);
    return phy_wait();
}

const char *lan9118_start(uint8_t address[6]) {
    if (!wait(&PMT_CTRL, 1, 1) || BYTE_TEST != 0x87654321u || ID_REV >> 16 != 0x0118u) {
        return "no LAN9118 answers; check the address and the bus width";
    }
    HW_CFG = 1; /* reset */
    if (!wait(&HW_CFG, 1, 0) || !wait(&E2P_CMD, BUSY, 0)) {
        return "the LAN9118 does not come out of its reset; check its power and clock";
    }
    INT_EN = 0;
    INT_STS = UINT32_MAX;
    HW_CFG = 0x00150000; /* whole frames are stored before they are sent; 5 KiB for sending */
    AFC_CFG = 0x006E3740;
    TX_CFG = TX_DUMP;
    RX_CFG = RX_DUMP;
    if (!wait(&TX_CFG, TX_DUMP, 0) || !wait(&RX_CFG, RX_DUMP, 0)) {
        return "the LAN9118 does not empty its FIFOs; check its power and clock";
    }
    FIFO_INT = 0x48000000; /* any frame raises the line, which is driven high */
    IRQ_CFG = 0x111;

    if (!phy_write(PHY_BMCR, BMCR_RESET)) {
        return "the PHY of the LAN9118 does not answer; check its clock";
    }
    for (uint64_t start = board_now_us(); phy_read(PHY_BMCR) & BMCR_RESET;) {
        if (board_now_us() - start > PATIENCE_US) {
            return "the PHY of the LAN9118 does not come out of its reset; check its clock";
        }
    }
    phy_write(PHY_ANAR, ANAR_FULL_DUPLEX);
    phy_write(PHY_BMCR, BMCR_NEGOTIATE);

    uint32_t low = mac_read(MAC_ADDRL), high = mac_read(MAC_ADDRH);
    memcpy(address, &low, 4);
    memcpy(address + 4, &high, 2);
    if (address[0] & 1) { /* no unicast address: all ones without an EEPROM */
        return "the LAN9118 has no address; program its EEPROM";
    }
    mac_write(MAC_CR, MAC_CR_ON);
    TX_CFG = 2; /* on */
    return NULL;
}

bool lan9118_is_linked(void) {
    phy_read(PHY_BMSR); /* the bit stays low after a loss until it is read */
    return phy_read(PHY_BMSR) & BMSR_LINK;
}

static uint32_t frames_waiting(void) {
    return settled(&RX_FIFO_INF) >> 16 & 0xFF;
}

size_t lan9118_receive(uint8_t frame[LAN9118_FRAME]) {
    for (uint32_t waiting = frames_waiting(); waiting > 0; waiting--) {
        uint32_t status = RX_STATUS;
        size_t with_checksum = status >> 16 & 0x3FFF;
        size_t len = with_checksum > CHECKSUM ? with_checksum - CHECKSUM : 0;
        bool good = !(status & RX_ERROR) && len >= HEADER && len <= LAN9118_FRAME;
        for (size_t at = 0; at < with_checksum; at += 4) {
            uint32_t word = RX_DATA; /* of a bad frame too, or the next would begin inside it */
            if (good && at < len) {
                memcpy(frame + at, &word, len - at < 4 ? len - at : 4);
            }
        }
        if (good) {
            return len;
        }
    }
    return 0;
}

static bool has_room(size_t len) {
    uint32_t info = settled(&TX_FIFO_INF);
    /* The chip stops sending once nobody reads how the last frames fared. */
    for (uint32_t sent = info >> 16 & 0xFF; sent > 0; sent--) {
        (void)TX_STATUS;
    }
    return (info & 0xFFFF) >= TX_COMMANDS + (len + 3) / 4 * 4;
}

bool lan9118_send(const uint8_t *frame, size_t len) {
    for (uint64_t start = board_now_us(); !has_room(len);) {
        if (board_now_us() - start > ROOM_US) {
            return false;
        }
    }
    TX_DATA = TX_WHOLE | len;
    TX_DATA = len << 16 | len;
    for (size_t at = 0; at < len; at += 4) {
        uint32_t word = 0;
        memcpy(&word, frame + at, len - at < 4 ? len - at : 4);
        TX_DATA = word;
    }
    return true;
}

bool lan9118_listen(void) {
    INT_STS = INT_RECEIVED;
    INT_EN = INT_RECEIVED;
    return frames_waiting() > 0;
}

void lan9118_hush(void) {
    INT_EN = 0;
}
