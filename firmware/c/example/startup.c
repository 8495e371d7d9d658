/* From reset to main: the vector table, and memory as C wants it. */

#include "board.h"

#include <stdint.h>

/* Of link.ld: addresses, and what is between them is more than one word. */
extern const uint32_t link_data_source[];
extern uint32_t link_data_start[], link_data_end[], link_bss_start[], link_bss_end[];
extern uint32_t link_stack_top[];

int main(void);
void reset(void);

/* Given what the processor pushed when it met the fault; where it was is the seventh word. */
__attribute__((used)) static void fault_at(const uint32_t *pushed) {
    board_log("\nat ");
    board_log_hex(pushed[6]);
    board_fail("the processor met a fault");
}

__attribute__((naked)) static void fault(void) {
    __asm volatile("mrs r0, msp\n b fault_at");
}

/* Interrupts of devices are never taken, see board_start, so they are not in the table. */
__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))link_stack_top,
    reset,
    [2] = fault, /* NMI */
    [3] = fault, /* hard fault, which all other faults become */
    [11] = fault,
    [12] = fault,
    [14] = fault,
    [15] = fault,
};

void reset(void) {
#ifdef __ARM_FP
    /* The floating-point unit is off at first, and the compiler may use it anywhere. */
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20;
    __asm volatile("dsb\n isb");
#endif
    const uint32_t *from = link_data_source;
    for (uint32_t *to = link_data_start; to < link_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = link_bss_start; to < link_bss_end;) {
        *to++ = 0;
    }
    main();
    board_fail("main came back");
}
