/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of libpq, which is loaded when a store is in PostgreSQL: a gateway that keeps its
 * store elsewhere needs neither the library nor the memory of what it links to. */
#ifndef STORE_POSTGRES_LIBPQ_H
#define STORE_POSTGRES_LIBPQ_H

#include <libpq-fe.h>

#include "base/error.h"

#define LIBPQ_FUNCTIONS(X)                                                                         \
    X(PQconnectdbParams) X(PQfinish) X(PQstatus) X(PQerrorMessage) X(PQsocket) X(PQconsumeInput)   \
    X(PQuser) X(PQhost) X(PQport) X(PQdb) X(PQserverVersion) X(PQparameterStatus)                  \
    X(PQconnectionNeedsPassword) X(PQconnectionUsedPassword) X(PQsetNoticeProcessor)               \
    X(PQenterPipelineMode) X(PQexitPipelineMode) X(PQpipelineSync) X(PQsendPrepare)                \
    X(PQsendQueryPrepared) X(PQexec) X(PQgetResult) X(PQresultStatus) X(PQresultErrorField)        \
    X(PQresultErrorMessage) X(PQclear) X(PQntuples) X(PQgetvalue) X(PQcmdTuples) X(PQcmdStatus)    \
    X(PQconninfoParse) X(PQconninfoFree) X(PQfreemem) X(PQnotifies)

struct libpq {
#define X(name) __typeof__(name) *name;
    LIBPQ_FUNCTIONS(X)
#undef X
};

/* The library stays loaded.  Any thread. */
int libpq_load(struct libpq *out, struct error *err);

#endif
