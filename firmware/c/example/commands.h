/* Commands of this node's own, besides those every node has. */

#ifndef COMMANDS_H
#define COMMANDS_H

#include "unstick.h"

#define COMMANDS 1

extern const unstick_command commands[COMMANDS];

#endif
