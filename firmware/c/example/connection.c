/* lwIP's callbacks only copy bytes and take notes; connection_poll, which the main loop calls after
 * each packet, does the rest. So nothing here runs inside of lwIP, where a connection may not be
 * aborted at will.
 *
 * Output is sent from the ring it was written to, without a copy: a session has no memory of what
 * it wrote, and lwIP may have none left to copy it to. So the ring keeps each byte until the peer
 * has acknowledged it, and a connection stays ours until its ring is empty. */

#include "connection.h"

#include <string.h>

/* A peer that has been silent that long is asked whether it is there, and asked again; one that
 * leaves so many questions unanswered is given up. */
#define SILENCE_MS 15000
#define QUESTIONS 3

/* Most bytes that a peer may go on to send on a connection that is closed. */
#define DISCARD_MOST (16u * 1024u * 1024u)

/* Both sides are shut. At once, as lwIP does the rest and then frees it without a word. */
static void release(struct connection *it) {
    struct tcp_pcb *pcb = it->pcb;
    it->pcb = NULL;
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    tcp_close(pcb);
}

/* The connection is gone, and lwIP's part of it already free. */
static void on_lost(void *arg, err_t why) {
    struct connection *it = arg;
    (void)why;
    unstick_session_abort(&it->session, it->node);
    it->pcb = NULL;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *packet, err_t error) {
    struct connection *it = arg;
    (void)error;
    if (packet == NULL) {
        it->ended = true;
        if (it->shut) {
            release(it);
        }
        return ERR_OK;
    }
    if (it->closed) {
        it->discarded += packet->tot_len;
        tcp_recved(pcb, packet->tot_len); /* discarded, so that the peer's FIN can come */
    } else if (packet->tot_len > sizeof it->input - it->input_len) {
        return ERR_MEM; /* beyond the window: lwIP keeps it for later */
    } else {
        uint8_t *space = it->input + it->input_len;
        it->input_len += pbuf_copy_partial(packet, space, packet->tot_len, 0);
    }
    pbuf_free(packet);
    return ERR_OK;
}

static err_t on_acknowledged(void *arg, struct tcp_pcb *pcb, u16_t len) {
    struct connection *it = arg;
    it->output_start = (it->output_start + len) % sizeof it->output;
    it->output_len -= len;
    it->output_queued -= len;
    it->moved = true;
    if (pcb->unsent == NULL) {
        /* lwIP goes on to probe a closed window where the byte of a probe was all there was to
         * send, and asserts that there is more. */
        pcb->persist_backoff = 0;
    }
    return ERR_OK;
}

err_t connection_open(struct connection *it, struct tcp_pcb *pcb, unstick_node *node,
                      unstick_service service) {
    memset(it, 0, sizeof *it);
    if (unstick_session_start(&it->session, service, NULL) != UNSTICK_ERROR_NONE) {
        return ERR_VAL;
    }
    it->pcb = pcb;
    it->node = node;
    tcp_arg(pcb, it);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_acknowledged);
    tcp_err(pcb, on_lost);
    tcp_nagle_disable(pcb); /* replies are written whole, so waiting for more only costs time */
    ip_set_option(pcb, SOF_KEEPALIVE);
    pcb->keep_idle = SILENCE_MS;
    pcb->keep_intvl = SILENCE_MS;
    pcb->keep_cnt = QUESTIONS;
    return ERR_OK;
}

/* Lets the session go on until it waits for a packet; false where it can not. */
static bool step(struct connection *it, uint64_t now_us) {
    for (;;) {
        size_t end = (it->output_start + it->output_len) % sizeof it->output;
        size_t unused = sizeof it->output - it->output_len;
        size_t space = LWIP_MIN(unused, sizeof it->output - end);
        unstick_step step = unstick_session_step(&it->session, it->node, now_us, it->input,
                                                 it->input_len, it->output + end, space);
        if (step.error != UNSTICK_ERROR_NONE) {
            return false;
        }
        it->output_len += step.written;
        if (step.consumed > 0) { /* lwIP 2.1.0 asserts that this opens a window that was full */
            it->input_len -= step.consumed;
            memmove(it->input, it->input + step.consumed, it->input_len);
            tcp_recved(it->pcb, (u16_t)step.consumed);
        }
        it->deadline_us = step.deadline_us;
        if (step.next == UNSTICK_NEXT_CLOSED) {
            it->closed = true;
            it->patience_us = step.deadline_us - LWIP_MIN(step.deadline_us, now_us);
            tcp_recved(it->pcb, (u16_t)it->input_len);
            it->input_len = 0;
            return true;
        }
        if (step.next == UNSTICK_NEXT_WAIT) {
            return true;
        }
        if (step.next == UNSTICK_NEXT_OUTPUT) {
            if (it->output_len == sizeof it->output) {
                return true;
            }
        } else if (it->input_len == 0) {
            if (!it->ended || it->told) {
                return true;
            }
            it->told = true;
            unstick_session_end(&it->session);
        }
    }
}

/* Tells lwIP of what is in the ring, once it has sent all it was told of before: it would add to a
 * segment that waits, and asserts that none is longer than one it makes now, which after a window of
 * 0 is not so. It takes all or nothing, and only so many segments, however small the peer wants
 * them: so where all is too much less is tried. What it has no memory for now a later poll tells. */
static void send(struct connection *it) {
    tcp_output(it->pcb);
    while (it->pcb->unsent == NULL && it->output_queued < it->output_len) {
        size_t at = (it->output_start + it->output_queued) % sizeof it->output;
        size_t rest = it->output_len - it->output_queued;
        size_t len = LWIP_MIN(rest, sizeof it->output - at);
        len = LWIP_MIN(len, tcp_sndbuf(it->pcb));
        while (len > 0 && tcp_write(it->pcb, it->output + at, (u16_t)len, 0) != ERR_OK) {
            len /= 2;
        }
        if (len == 0) {
            return;
        }
        it->output_queued += len;
        tcp_output(it->pcb);
    }
}

uint64_t connection_poll(struct connection *it, uint64_t now_us) {
    if (it->pcb == NULL) {
        return UNSTICK_NEVER;
    }
    if (!it->closed && !step(it, now_us)) {
        tcp_abort(it->pcb); /* on_lost follows, and aborts the session */
        return UNSTICK_NEVER;
    }
    send(it);
    /* Not while the peer lacks a byte: for new connections lwIP drops those first that it takes for
     * done, which is each that both sides have shut. */
    if (it->closed && !it->shut && it->output_len == 0) {
        it->shut = true;
        tcp_shutdown(it->pcb, 0, 1);
        if (it->ended) {
            release(it);
            return UNSTICK_NEVER;
        }
    }
    if (it->closed && it->moved) {
        it->deadline_us = now_us + it->patience_us;
    }
    it->moved = false;
    if (it->closed && (now_us >= it->deadline_us || it->discarded > DISCARD_MOST)) {
        tcp_abort(it->pcb); /* on_lost follows */
        return UNSTICK_NEVER;
    }
    return it->deadline_us;
}
