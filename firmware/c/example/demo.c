#include "demo.h"

#include <limits.h>
#include <string.h>

#define COUNT 10000000u /* the last number that `count` counts to */
#define WAIT_MS 60000u  /* the longest that `wait` waits */
#define DIGITS 21       /* of a 64-bit number, with its sign or a line's end */

/* Writes a number in decimal to the end of the space, and returns where it begins. */
static char *decimal(char *end, uint64_t number) {
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return end;
}

static void write_number(unstick_text *text, uint64_t number) {
    char digits[DIGITS];
    char *start = decimal(digits + DIGITS, number);
    unstick_text_write(text, (const uint8_t *)start, (size_t)(digits + DIGITS - start));
}

/* The argument as a number of at most `most`. */
static unstick_status bounded(const unstick_call *call, const char *what, uint64_t most,
                              uint64_t *number, unstick_text *text) {
    unstick_status status = unstick_call_number(call, what, number, text);
    if (status == UNSTICK_STATUS_OK && *number > most) {
        write_number(text, *number);
        unstick_text_print(text, " is over the limit of ");
        write_number(text, most);
        return UNSTICK_STATUS_TOO_LARGE;
    }
    return status;
}

/* Reads a whole number; whether it is one of 64 bits. */
static bool whole(const uint8_t *at, size_t len, int64_t *number) {
    bool negative = len > 0 && *at == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative, value = 0;
    if (len > 0 && (*at == '-' || *at == '+')) {
        at++, len--;
    }
    for (size_t i = 0; i < len; i++) {
        uint64_t digit = (uint64_t)(at[i] - '0');
        if (at[i] < '0' || at[i] > '9' || value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *number = (int64_t)(negative ? 0 - value : value);
    return len > 0;
}

/* The sum of the numbers in its body, one a line. */
unstick_status demo_sum(void *context, const unstick_call *call, unstick_text *text) {
    (void)context;
    unstick_status status = unstick_call_body_is_text(call, text);
    if (status != UNSTICK_STATUS_OK) {
        return status;
    }
    int64_t sum = 0, number = 0;
    for (size_t at = 0; at < call->body_len;) {
        const uint8_t *line = call->body + at;
        const uint8_t *newline = memchr(line, '\n', call->body_len - at);
        size_t len = newline != NULL ? (size_t)(newline - line) : call->body_len - at;
        at += len + 1;
        if (newline != NULL && len > 0 && line[len - 1] == '\r') {
            len--;
        }
        if (!whole(line, len, &number) || __builtin_add_overflow(sum, number, &sum)) {
            unstick_text_print(text, "`");
            unstick_text_write(text, line, len);
            unstick_text_print(text, "` is no whole number");
            return UNSTICK_STATUS_BAD_REQUEST;
        }
    }
    if (sum < 0) {
        unstick_text_print(text, "-");
    }
    write_number(text, sum < 0 ? 0 - (uint64_t)sum : (uint64_t)sum);
    return UNSTICK_STATUS_OK;
}

/* The numbers from 1 to N, one a line: longer than any buffer. */
struct counting {
    uint64_t next, last;
};

unstick_status demo_count(void *context, const unstick_call *call, unstick_text *text) {
    (void)context;
    struct counting *it = call->task;
    it->next = 1;
    return bounded(call, "N", COUNT, &it->last, text);
}

/* Each line has a digit and an end, from 10 on another digit, from 100 on another. */
static unstick_progress count_poll(void *context, void *task, uint64_t now_us, unstick_text *text) {
    (void)context, (void)now_us, (void)text;
    const struct counting *it = task;
    uint64_t bytes = it->last;
    for (uint64_t ten = 1; ten <= it->last; ten *= 10) {
        bytes += it->last + 1 - ten;
    }
    return (unstick_progress){.kind = UNSTICK_PROGRESS_KIND_BODY, .value = bytes};
}

static unstick_progress count_read(void *context, void *task, uint64_t now_us, unstick_text *text) {
    (void)context, (void)now_us;
    struct counting *it = task;
    for (size_t len = 0; len < 900 && it->next <= it->last; it->next++) {
        char line[DIGITS];
        line[DIGITS - 1] = '\n';
        char *start = decimal(line + DIGITS - 1, it->next);
        size_t bytes = (size_t)(line + DIGITS - start);
        unstick_text_write(text, (const uint8_t *)start, bytes);
        len += bytes;
    }
    return (unstick_progress){.kind = UNSTICK_PROGRESS_KIND_TEXT};
}

const unstick_task demo_counting = {.poll = count_poll, .read = count_read};

/* Answers after so many milliseconds, and holds nobody up meanwhile. */
unstick_status demo_wait(void *context, const unstick_call *call, unstick_text *text) {
    (void)context;
    uint64_t *until = call->task;
    unstick_status status = bounded(call, "MS", WAIT_MS, until, text);
    *until = call->now_us + *until * 1000;
    return status;
}

static unstick_progress wait_poll(void *context, void *task, uint64_t now_us, unstick_text *text) {
    (void)context;
    const uint64_t *until = task;
    if (now_us < *until) {
        return (unstick_progress){.kind = UNSTICK_PROGRESS_KIND_WAIT_UNTIL, .value = *until};
    }
    unstick_text_print(text, "waited");
    return (unstick_progress){.kind = UNSTICK_PROGRESS_KIND_TEXT};
}

const unstick_task demo_waiting = {.poll = wait_poll};
