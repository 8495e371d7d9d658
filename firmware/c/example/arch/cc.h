/* What lwIP asks of the compiler and the board. */

#ifndef ARCH_CC_H
#define ARCH_CC_H

#include "board.h"

/* An inconsistency inside lwIP. There are those that a peer could bring about, and LWIP_NOASSERT
 * would only hide what comes of them: lwiphooks.h and connection.c keep clear of them. */
#define LWIP_PLATFORM_ASSERT(text) board_fail("lwip: " text)
#define LWIP_PLATFORM_DIAG(text)

#endif
