/* SPDX-License-Identifier: Apache-2.0 */
/* The table of statuses, each cell with what is said when it is empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drafts/lifecycle.h"

/* What follows, or the end of the refusal. */
static const struct {
    enum drafts_action action;
    const char *from, *to, *refusal;
} cells[] = {
    {DRAFTS_APPROVE, "pending", "approved", NULL},
    {DRAFTS_APPROVE, "approved", NULL,
     "chunk status is 'approved', expected 'pending' or 'rejected'"},
    {DRAFTS_APPROVE, "rejected", "approved", NULL},
    {DRAFTS_APPROVE, "superseded", NULL,
     "chunk status is 'superseded', expected 'pending' or 'rejected'"},
    {DRAFTS_REJECT, "pending", "rejected", NULL},
    {DRAFTS_REJECT, "approved", "rejected", NULL},
    {DRAFTS_REJECT, "rejected", NULL,
     "chunk status is 'rejected', expected 'pending' or 'approved'"},
    {DRAFTS_REJECT, "superseded", NULL,
     "chunk status is 'superseded', expected 'pending' or 'approved'"},
    {DRAFTS_UNDO, "pending", NULL, "chunk status is 'pending', expected 'approved'"},
    {DRAFTS_UNDO, "approved", "pending", NULL},
    {DRAFTS_UNDO, "rejected", NULL, "chunk status is 'rejected', expected 'approved'"},
    {DRAFTS_UNDO, "superseded", NULL, "chunk status is 'superseded', expected 'approved'"},
    {DRAFTS_EDIT, "pending", "pending", NULL},
    {DRAFTS_EDIT, "approved", NULL, "chunk status is 'approved', expected 'pending'"},
    {DRAFTS_EDIT, "rejected", NULL, "chunk status is 'rejected', expected 'pending'"},
    {DRAFTS_EDIT, "superseded", NULL, "chunk status is 'superseded', expected 'pending'"},
    {DRAFTS_SUPERSEDE, "pending", "superseded", NULL},
    {DRAFTS_SUPERSEDE, "approved", NULL, "chunk status is 'approved', expected 'pending'"},
    {DRAFTS_SUPERSEDE, "rejected", NULL, "chunk status is 'rejected', expected 'pending'"},
    {DRAFTS_SUPERSEDE, "superseded", NULL, "chunk status is 'superseded', expected 'pending'"},
    {DRAFTS_REOPEN, "pending", NULL, "chunk status is 'pending', expected 'superseded'"},
    {DRAFTS_REOPEN, "approved", NULL, "chunk status is 'approved', expected 'superseded'"},
    {DRAFTS_REOPEN, "rejected", NULL, "chunk status is 'rejected', expected 'superseded'"},
    {DRAFTS_REOPEN, "superseded", "pending", NULL},
};

static void every_cell_says_what_follows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct error err = {0};
        const char *to = drafts_next(cells[i].action, cells[i].from, &err);
        if (cells[i].to) {
            assert_string_equal(to, cells[i].to);
            continue;
        }
        assert_null(to);
        assert_int_equal(err.kind, ERROR_STATE);
        assert_string_equal(err.text, cells[i].refusal);
    }
}

static void no_cell_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(sizeof cells / sizeof *cells, DRAFTS_ACTION_COUNT * STORE_DRAFT_STATUS_COUNT);
}

static void an_unknown_status_leads_nowhere(void **state)
{
    struct error err = {0};
    (void)state;
    assert_null(drafts_next(DRAFTS_APPROVE, "lost", &err));
    assert_null(drafts_next(DRAFTS_APPROVE, "", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_says_what_follows),
        cmocka_unit_test(no_cell_is_forgotten),
        cmocka_unit_test(an_unknown_status_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
