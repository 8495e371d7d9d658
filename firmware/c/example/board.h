/* What the MPS2 boards AN385 and AN386 have besides their network: log, clock, alarm, LED. */

#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A register of a device. */
#define BOARD_REGISTER(address) (*(volatile uint32_t *)(address))

/* Where the Ethernet controller is. */
#define BOARD_ETHERNET 0x40200000u

/* The first thing to call: log and clock. */
void board_start(void);

/* Writes to the log, UART0 at 115200 baud; waits for the line, about 90 us a character. */
void board_log(const char *text);
void board_log_number(uint32_t number);
void board_log_hex(uint32_t number);

/* Microseconds since the start. Call it at least every 171 s, or it falls behind. */
uint64_t board_now_us(void);

/* The first LED. */
void board_set_led(bool on);
bool board_led(void);

/* Sleeps until a time, or until the Ethernet controller raises its line. */
void board_sleep(uint64_t until_us);

/* To be called after each sleep, once the line is down: the next would end at once otherwise. */
void board_awake(void);

/* Logs why, waits a second in case it comes back at once, and starts the board again. */
void board_fail(const char *why) __attribute__((noreturn));

#endif
