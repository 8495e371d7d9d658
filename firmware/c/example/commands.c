#include "commands.h"

#include "board.h"
#ifdef DEMO
#include "demo.h"
#endif

static unstick_status led(void *context, const unstick_call *call, unstick_text *text) {
    (void)context;
    if (unstick_call_is(call, "on")) {
        board_set_led(true);
    } else if (unstick_call_is(call, "off")) {
        board_set_led(false);
    } else if (unstick_call_is(call, "toggle")) {
        board_set_led(!board_led());
    } else {
        unstick_text_print(text, "led is on, off or toggle, not `");
        unstick_text_write(text, call->args, call->args_len);
        unstick_text_print(text, "`");
        return UNSTICK_STATUS_BAD_REQUEST;
    }
    unstick_text_print(text, board_led() ? "led on" : "led off");
    return UNSTICK_STATUS_OK;
}

const unstick_command commands[COMMANDS] = {
    {
        .name = "led",
        .usage = "led on|off|toggle",
        .help = "switches the board's LED",
        .run = led,
    },
#ifdef DEMO
    {
        .name = "sum",
        .usage = "sum",
        .help = "adds the numbers in its body, one a line",
        .run = demo_sum,
        .body = UNSTICK_BODY_REQUIRED,
        .read_only = 1,
    },
    {
        .name = "count",
        .usage = "count N",
        .help = "the numbers from 1 to N, one a line",
        .run = demo_count,
        .task = &demo_counting,
        .read_only = 1,
    },
    {
        .name = "wait",
        .usage = "wait MS",
        .help = "answers after so many milliseconds",
        .run = demo_wait,
        .task = &demo_waiting,
        .read_only = 1,
    },
#endif
};
