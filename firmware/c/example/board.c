#include "board.h"

#define UART0(offset) BOARD_REGISTER(0x40004000u + (offset))
#define UART_DATA 0x00u
#define UART_STATE 0x04u
#define UART_CTRL 0x08u
#define UART_BAUDDIV 0x10u
#define UART_FULL 1u
#define UART_SEND 1u

#define CLOCK(offset) BOARD_REGISTER(0x40000000u + (offset))
#define ALARM(offset) BOARD_REGISTER(0x40001000u + (offset))
#define TIMER_CTRL 0x00u
#define TIMER_VALUE 0x04u
#define TIMER_RELOAD 0x08u
#define TIMER_INTCLEAR 0x0Cu
#define TIMER_ENABLE 1u
#define TIMER_INTERRUPT (1u << 3)
#define TIMER_TICKS 25u /* in a microsecond */

#define FPGA_LEDS BOARD_REGISTER(0x40028000u)

#define NVIC_ENABLE BOARD_REGISTER(0xE000E100u)
#define NVIC_UNPEND BOARD_REGISTER(0xE000E280u)
#define NVIC_ALARM (1u << 9)
#define NVIC_ETHERNET (1u << 13)

#define SCB_AIRCR BOARD_REGISTER(0xE000ED0Cu)
#define SCB_RESET 0x05FA0004u

void board_start(void) {
    /* For good: a masked interrupt ends a sleep as well, so there is no handler, and nothing that
     * a handler would have to share with the loop. */
    __asm volatile("cpsid i");
    UART0(UART_BAUDDIV) = 25000000u / 115200u;
    UART0(UART_CTRL) = UART_SEND;
    CLOCK(TIMER_CTRL) = 0;
    CLOCK(TIMER_RELOAD) = UINT32_MAX;
    CLOCK(TIMER_VALUE) = UINT32_MAX;
    CLOCK(TIMER_CTRL) = TIMER_ENABLE;
    ALARM(TIMER_CTRL) = 0;
    NVIC_ENABLE = NVIC_ALARM | NVIC_ETHERNET;
}

static void log_byte(char byte) {
    /* A port that does not come to an end must not stop the node: it is waited for once, far longer
     * than a character takes, and then its log is lost. */
    static bool is_stuck = false;
    int attempts = is_stuck ? 1 : 100000;
    while (attempts > 0 && (UART0(UART_STATE) & UART_FULL)) {
        attempts--;
    }
    is_stuck = attempts == 0;
    if (!is_stuck) {
        UART0(UART_DATA) = (uint8_t)byte;
    }
}

void board_log(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            log_byte('\r');
        }
        log_byte(*text);
    }
}

void board_log_number(uint32_t number) {
    if (number >= 10) {
        board_log_number(number / 10);
    }
    log_byte((char)('0' + number % 10));
}

void board_log_hex(uint32_t number) {
    board_log("0x");
    for (int shift = 28; shift >= 0; shift -= 4) {
        log_byte("0123456789abcdef"[number >> shift & 0xF]);
    }
}

uint64_t board_now_us(void) {
    /* The timer counts down for ever; what is less than a microsecond is kept for the next call. */
    static uint32_t seen = UINT32_MAX;
    static uint64_t micros = 0;
    uint32_t passed = (seen - CLOCK(TIMER_VALUE)) / TIMER_TICKS;
    seen -= passed * TIMER_TICKS;
    micros += passed;
    return micros;
}

void board_set_led(bool on) {
    FPGA_LEDS = on ? FPGA_LEDS | 1u : FPGA_LEDS & ~1u;
}

bool board_led(void) {
    return FPGA_LEDS & 1u;
}

void board_sleep(uint64_t until_us) {
    const uint32_t longest = UINT32_MAX / TIMER_TICKS / 2;
    uint64_t now = board_now_us();
    if (until_us > now) {
        uint64_t delay = until_us - now;
        ALARM(TIMER_RELOAD) = 0;
        ALARM(TIMER_VALUE) = (delay < longest ? (uint32_t)delay : longest) * TIMER_TICKS;
        ALARM(TIMER_CTRL) = TIMER_ENABLE | TIMER_INTERRUPT;
        __asm volatile("dsb\n wfi" ::: "memory");
        ALARM(TIMER_CTRL) = 0;
        ALARM(TIMER_INTCLEAR) = 1;
    }
}

void board_awake(void) {
    NVIC_UNPEND = NVIC_ALARM | NVIC_ETHERNET;
}

void board_fail(const char *why) {
    board_log("\n");
    board_log(why);
    board_log("\nreboot\n");
    for (uint64_t start = board_now_us(); board_now_us() - start < 1000000u;) {
    }
    SCB_AIRCR = SCB_RESET;
    for (;;) {
    }
}
