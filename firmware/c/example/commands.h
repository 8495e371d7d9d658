/* Commands of this node's own, besides those every node has. */

#ifndef COMMANDS_H
#define COMMANDS_H

#include "unstick.h"

#ifdef DEMO
#define COMMANDS 4
#else
#define COMMANDS 1
#endif

extern const unstick_command commands[COMMANDS];

#endif
