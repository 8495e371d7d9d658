/* The LAN9118 Ethernet controller of SMSC (now Microchip), polled, with 32-bit accesses.
 *
 * To rest between frames: with interrupts masked, take all frames; call lan9118_listen, and if no
 * frame waits sleep; then call lan9118_hush. */

#ifndef LAN9118_H
#define LAN9118_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest frame, without its checksum. */
#define LAN9118_FRAME 1514u

/* Resets the controller and switches both directions on, full duplex. Reads its address. Returns
 * NULL, or one sentence on what is wrong. */
const char *lan9118_start(uint8_t address[6]);

/* Whether there is a link now. What is sent without one is lost. */
bool lan9118_is_linked(void);

/* Takes the next good frame. Returns its length, 0 if there is none. Damaged, short and long ones are
 * dropped. */
size_t lan9118_receive(uint8_t frame[LAN9118_FRAME]);

/* Sends a frame of at most LAN9118_FRAME bytes; false if the controller has had no room for it in
 * some milliseconds. */
bool lan9118_send(const uint8_t *frame, size_t len);

/* Lets the next frame raise the interrupt line. Returns whether one waits already. */
bool lan9118_listen(void);

/* Drops the interrupt line. */
void lan9118_hush(void);

#endif
