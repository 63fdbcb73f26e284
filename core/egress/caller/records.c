/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/caller/records.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_from(const struct egress_record *record, const struct sockaddr_in *source)
{
    return record->source.sin_port == source->sin_port &&
           record->source.sin_addr.s_addr == source->sin_addr.s_addr;
}

/* A socket that is being connected, or was, and has not been closed by both sides. */
static bool is_alive(const struct egress_record *record)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    return getsockopt(record->socket, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           info.tcpi_state != TCP_CLOSE;
}

static struct egress_record *remove_at(struct egress_records *records, size_t i)
{
    struct egress_record *record = records->items[i];
    records->items[i] = records->items[--records->n];
    return record;
}

bool egress_records_have_room(struct egress_records *records)
{
    if (records->n < EGRESS_RECORDS_MAX)
        return true;
    for (size_t i = records->n; i-- > 0;)
        if (!is_alive(records->items[i]))
            egress_record_free(remove_at(records, i));
    return records->n < EGRESS_RECORDS_MAX;
}

void egress_records_add(struct egress_records *records, struct egress_record *record)
{
    /* An older one of the same source was never accepted, and its connection is gone. */
    egress_record_free(egress_records_take(records, &record->source));
    records->items[records->n++] = record;
}

struct egress_record *egress_records_take(struct egress_records *records,
                                          const struct sockaddr_in *source)
{
    for (size_t i = 0; i < records->n; i++)
        if (is_from(records->items[i], source))
            return remove_at(records, i);
    return NULL;
}

void egress_record_free(struct egress_record *record)
{
    if (!record)
        return;
    if (record->connect)
        egress_connect_answer(record->connect, -ECONNABORTED);
    else if (record->socket >= 0)
        egress_closer_close(record->closer, record->socket);
    egress_caller_free(&record->caller);
    free(record);
}

void egress_records_clear(struct egress_records *records)
{
    while (records->n > 0)
        egress_record_free(records->items[--records->n]);
}
