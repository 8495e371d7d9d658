/* What lwIP asks of the compiler and the board. */

#ifndef ARCH_CC_H
#define ARCH_CC_H

#include "board.h"

/* An inconsistency inside lwIP, which no peer can bring about. */
#define LWIP_PLATFORM_ASSERT(text) board_fail("lwip: " text)
#define LWIP_PLATFORM_DIAG(text)

#endif
