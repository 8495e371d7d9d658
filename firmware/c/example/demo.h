/* Commands that show what commands can do: those of a node under test. */

#ifndef DEMO_H
#define DEMO_H

#include "unstick.h"

unstick_status demo_sum(void *context, const unstick_call *call, unstick_text *text);
unstick_status demo_count(void *context, const unstick_call *call, unstick_text *text);
unstick_status demo_wait(void *context, const unstick_call *call, unstick_text *text);

extern const unstick_task demo_counting, demo_waiting;

#endif
