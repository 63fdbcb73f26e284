/* SPDX-License-Identifier: Apache-2.0 */
/* One call of OpenShell's services: its request is a tree by the method's table, its work is done
 * on a worker thread, and its answer is written as a tree again.  Within the grpc folder. */
#ifndef GRPC_WORK_H
#define GRPC_WORK_H

#include "base/arena.h"
#include "base/clock.h"
#include "doc/protobuf.h"
#include "doc/writer.h"
#include "grpc/call.h"
#include "openshell/methods.h"
#include "store/store.h"
#include "update/update.h"

struct grpc_work;

#define OPENSHELL_SERVICE "openshell.v1.OpenShell"
#define OPENSHELL_REPLAYED "openshell-replayed"

/* The work of a method fills in the fields of the answer.  -1: work->err, and work->problems where
 * it is ERROR_INVALID. */
struct grpc_work {
    struct grpc *grpc;
    struct auth_principal who;
    struct arena *arena;
    const struct doc_node *request;
    enum protobuf_modes modes;                      /* of the wire that the client speaks */
    struct error err;
    struct problems problems;
    struct buf details;                             /* of err: grpc/details.h */
    /* Called on the loop thread after the work was done, also when the client has left, instead of
     * answering.  It ends with grpc_work_again or grpc_work_fail.  NULL: the answer is sent. */
    void (*then)(struct grpc_work *work);
    void *then_arg;
    /* Set by then where the call goes on: its client has left, and call is NULL now.  It ends with
     * grpc_work_end. */
    void (*gone)(struct grpc_work *work);
    struct grpc_call *call;                         /* loop thread; NULL: the client is gone */
    const char *authority;                          /* HOST:PORT that was called, or "" */
    /* Within work.c: */
    const struct openshell_method *method;
    int (*fn)(struct grpc_work *work, struct doc_writer *answer);
    struct buf answer;
    bool failed, secret, of_sandbox;
    enum auth_permission permission;                /* of the method */
    const char *administers;                        /* its path, where an event tells of it */
    bool judged;                                    /* who asks has the permission, or lacks it */
    const char *judged_of;                          /* a sandbox's name; NULL: of none */
    uint64_t replay;                                /* its number; 0: it may be repeated */
};

/* Rows of such methods; those of one sandbox are of_sandbox.  More members may follow. */
#define READ(title, right, fn, ...)                                                        \
    {.name = (title), .permission = (right), .message = grpc_do, .cancelled = grpc_forget_work, \
     .work = (fn), __VA_ARGS__}
#define READ_ONE(title, right, fn, ...)                                                    \
    {.name = (title), .permission = (right), .message = grpc_do, .cancelled = grpc_forget_work, \
     .work = (fn), .of_sandbox = true, __VA_ARGS__}
#define CHANGE_ONE(title, right, fn, ...)                                                  \
    {.name = (title), .permission = (right), .message = grpc_do, .cancelled = grpc_forget_work, \
     .work = (fn), .of_sandbox = true, .ordered = true, __VA_ARGS__}
#define CHANGE(title, right, fn, ...)                                                      \
    {.name = (title), .permission = (right), .message = grpc_do, .cancelled = grpc_forget_work, \
     .work = (fn), .ordered = true, __VA_ARGS__}

#define KEEP_SECRET(title, right, fn, ...)                                                 \
    {.name = (title), .permission = (right), .message = grpc_do, .cancelled = grpc_forget_work, \
     .work = (fn), .secret = true, __VA_ARGS__}

/* Reads the request and does the work; the call is ended by that.  Loop thread. */
void grpc_do(struct grpc_call *call, const char *bytes, size_t len);
/* The same with then_arg.  NULL: the call has ended, as its message cannot be read or was sent
 * before. */
struct grpc_work *grpc_do_with(struct grpc_call *call, const char *bytes, size_t len,
                               void *then_arg);
void grpc_forget_work(struct grpc_call *call);
/* After then: more work, whose answer is sent. */
void grpc_work_again(struct grpc_work *work,
                     int (*fn)(struct grpc_work *work, struct doc_writer *answer));
void grpc_work_fail(struct grpc_work *work, const struct error *err);
/* The same with a code and a text; OK: without an answer, as what it was to send was sent. */
void grpc_work_end(struct grpc_work *work, enum grpc_code code, const char *text);

/* ---- the request ---- */

const char *grpc_text(const struct grpc_work *work, const char *field);     /* "" where absent */
uint64_t grpc_number(const struct grpc_work *work, const char *field);      /* 0 where absent */
bool grpc_flag(const struct grpc_work *work, const char *field);
/* A part of the request as JSON; without where it is NULL. */
const char *grpc_json(struct grpc_work *work, const struct doc_node *tree, const char *without);
/* A text that must be there: -1 says "NAME is required". */
int grpc_required(struct grpc_work *work, const char *field, const char **out);
/* The workspace that the request names, or the default one; NULL: all of them.  -1: there is none
 * of that name. */
int grpc_workspace(struct grpc_work *work, const char **out);
/* The sandbox of that workspace that the field names, by name, or by id where the request has no
 * scope.  -1 also where who asks may not do to it what the method is for. */
int grpc_find_sandbox(struct grpc_work *work, const char *field, struct store_sandbox *out);
/* The same with another permission than the method's. */
int grpc_find_sandbox_to(struct grpc_work *work, const char *field,
                         enum auth_permission permission, struct store_sandbox *out);
/* -1: who asks lacks the method's permission; of this sandbox, or NULL where the request is about
 * all. */
int grpc_judge(struct grpc_work *work, const struct auth_sandbox *sandbox);
/* Milliseconds since 1970 of an RFC 3339 text in UTC; 0: it is none. */
int64_t grpc_parse_time(const char *text);
/* The same of a field that is a number in one wire and a Timestamp in the other. */
int64_t grpc_time(const struct grpc_work *work, const char *ms_field, const char *time_field);

/* ---- the answer ---- */

/* 0: the update was made.  -1: it was denied or held; work->err and work->details say by whom and
 * why.  In objections.c. */
int grpc_check_outcome(struct grpc_work *work, const struct update_result *result);
/* The same of expected_resource_version, which is the policy's revision. */
int grpc_check_version(struct grpc_work *work, const struct store_sandbox *s);
/* Adds to the details which version there is, after ERROR_MOVED. */
void grpc_tell_version(struct grpc_work *work, uint64_t version);

void grpc_put_text(struct doc_writer *w, const char *field, const char *text);   /* NULL is fine */
void grpc_put_number(struct doc_writer *w, const char *field, uint64_t number);
/* Both fields; nothing for 0. */
void grpc_put_time(struct doc_writer *w, const char *ms_field, const char *time_field, int64_t ms);
/* Encodes a message of a table that is written by fill.  Returns -1 with err. */
int grpc_encode(const struct schema *schema, enum protobuf_modes modes,
                void (*fill)(struct doc_writer *w, const void *arg), const void *arg,
                struct buf *out, struct error *err);

#endif
