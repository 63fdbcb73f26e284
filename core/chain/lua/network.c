/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/network.h"

#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "base/ipaddr.h"
#include "chain/lua/budget.h"
#include "chain/lua/view.h"
#include "policy/match/match.h"

struct text {
    const char *at;
    size_t len;
};

/* The bytes after a NUL would be dropped unseen. */
static struct text check_text(lua_State *L, int index)
{
    struct text text;
    text.at = luaL_checklstring(L, index, &text.len);
    luaL_argcheck(L, strlen(text.at) == text.len, index,
                  "a text without zero bytes is expected");
    return text;
}

/* ---- one text, or a list of them ---- */

/* The texts of an argument: a text, a table or a list of the policy. */
struct texts {
    lua_State *L;
    int index, type;
    const char *const *items;                       /* of a list of the policy */
    size_t n, next;
};

static struct texts texts_of(lua_State *L, int index)
{
    struct texts texts = {.L = L, .index = index, .type = lua_type(L, index), .n = 1};
    if (texts.type == LUA_TLIGHTUSERDATA)
        texts.items = view_check_texts(L, index, &texts.n);
    else
        luaL_argexpected(L, texts.type == LUA_TSTRING || texts.type == LUA_TTABLE, index,
                         "string/table");
    return texts;
}

/* The next text, which lives as long as the argument; false: there is none.  No metamethod is
 * asked, so that a list reads the same twice. */
static bool next_text(struct texts *texts, struct text *out)
{
    enum { CHARGE_EVERY = 32 };
    lua_State *L = texts->L;
    size_t i = texts->next++;
    if (i % CHARGE_EVERY == CHARGE_EVERY - 1)
        budget_charge(L, CHARGE_EVERY);
    if (texts->type == LUA_TTABLE) {
        int type = lua_rawgeti(L, texts->index, (lua_Integer)i + 1);
        luaL_argcheck(L, type == LUA_TSTRING || type == LUA_TNIL, texts->index,
                      "a list of texts is expected");
        out->at = lua_tolstring(L, -1, &out->len);
        lua_pop(L, 1);
        return type == LUA_TSTRING;
    }
    if (i >= texts->n)
        return false;
    if (texts->items)
        *out = (struct text){texts->items[i], strlen(texts->items[i])};
    else
        out->at = lua_tolstring(L, texts->index, &out->len);
    return true;
}

/* ---- hosts ---- */

static int host_match(lua_State *L)
{
    struct text pattern = check_text(L, 1), host = check_text(L, 2);
    /* The matcher's time is bounded by the product of the two lengths. */
    budget_charge(L, pattern.len * host.len / 4);
    lua_pushboolean(L, policy_host_match(pattern.at, host.at));
    return 1;
}

/* Without the dot of the root and the brackets of an address. */
static struct text plain(struct text host)
{
    host.len -= host.len && host.at[host.len - 1] == '.';
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        return (struct text){host.at + 1, host.len - 2};
    return host;
}

static bool is_same(struct text a, struct text b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

/* Nothing is below an address. */
static bool is_below(struct text host, struct text domain)
{
    if (host.len <= domain.len + 1 || domain.len == 0)
        return false;
    const char *end = host.at + host.len - domain.len, *last = domain.at + domain.len - 1;
    return end[-1] == '.' && !(*last >= '0' && *last <= '9') && !memchr(domain.at, ':', domain.len)
        && strncasecmp(end, domain.at, domain.len) == 0;
}

/* Both plain. */
static bool is_within(struct text host, struct text domain)
{
    return is_same(host, domain) || is_below(host, domain);
}

static int host_within(lua_State *L)
{                                                   /* host domains */
    struct text host = plain(check_text(L, 1)), domain;
    struct texts domains = texts_of(L, 2);
    bool within = false;
    while (!within && next_text(&domains, &domain))
        within = is_within(host, plain(domain));
    lua_pushboolean(L, within);
    return 1;
}

/* ---- addresses ---- */

/* What was made plain is no block, as its C string has more than its bytes. */
static int read_block(lua_State *L, struct text text, int index, struct ipaddr_block *out)
{
    if (strlen(text.at) != text.len || ipaddr_block_parse(text.at, out) != 0)
        return luaL_argerror(L, index, "not an address block such as 10.0.0.0/8");
    return 0;
}

/* An address as a rule of a policy writes it as its host. */
static bool read_address(struct text host, struct ipaddr *out)
{
    char text[IPADDR_TEXT_SIZE];
    host = plain(host);
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    return ipaddr_parse(text, out) == 0;
}

static int cidr_contains(lua_State *L)
{                                                   /* blocks address */
    struct ipaddr_block block;
    struct ipaddr address;
    struct text text, host = check_text(L, 2);
    struct texts blocks = texts_of(L, 1);
    bool found = false, is_address = read_address(host, &address);
    /* One alone is looked at in any case. */
    while (!found && (is_address || blocks.type == LUA_TSTRING) && next_text(&blocks, &text)) {
        read_block(L, text, 1, &block);
        found = is_address && ipaddr_block_contains(&block, &address);
    }
    lua_pushboolean(L, found);
    return 1;
}

static struct ipaddr_block mapped(const struct ipaddr_block *block)
{
    struct ipaddr_block out = {.base = {.family = AF_INET6, .bytes = {[10] = 0xff, [11] = 0xff}},
                               .prefix = block->prefix + 96};
    memcpy(out.base.bytes + 12, block->base.bytes, 4);
    return out;
}

/* Whether they have an address in common; IPv4 also as IPv6 that is mapped. */
static bool overlaps(const struct ipaddr_block *a, const struct ipaddr_block *b)
{
    struct ipaddr_block x = *a, y = *b;
    if (x.base.family != y.base.family) {
        x = x.base.family == AF_INET ? mapped(&x) : x;
        y = y.base.family == AF_INET ? mapped(&y) : y;
    }
    return ipaddr_block_contains(&x, &y.base) || ipaddr_block_contains(&y, &x.base);
}

/* Whether one of the networks at index 1 has an address in common with the block. */
static bool reaches(lua_State *L, const struct ipaddr_block *block)
{
    struct texts networks = texts_of(L, 1);
    struct ipaddr_block network;
    struct text text;
    bool found = false;
    while (!found && next_text(&networks, &text)) {
        read_block(L, text, 1, &network);
        found = overlaps(&network, block);
    }
    return found;
}

/* The first of the blocks that has an address in common with one of the networks; nil: none has. */
static int cidr_overlaps(lua_State *L)
{                                                   /* networks blocks */
    struct texts blocks = texts_of(L, 2);
    struct ipaddr_block block;
    struct text text;
    while (next_text(&blocks, &text)) {
        read_block(L, text, 2, &block);
        if (!reaches(L, &block))
            continue;
        lua_pushlstring(L, text.at, text.len);
        return 1;
    }
    lua_pushnil(L);
    return 1;
}

/* ---- lists that are read once ---- */

struct network_names {
    size_t n;
    struct text items[];                            /* plain; their bytes stand behind them */
};

struct network_blocks {
    const struct network_names *names;              /* the user value */
    size_t n;                                       /* 0: they have not been read yet */
    struct ipaddr_block items[];
};

static size_t count_texts(lua_State *L, int index, size_t *bytes)
{
    struct texts texts = texts_of(L, index);
    struct text text;
    size_t n = 0;
    for (*bytes = 0; next_text(&texts, &text); n++)
        *bytes += text.len + 1;
    return n;
}

const struct network_names *network_push_names(lua_State *L, int index)
{
    size_t bytes, n = count_texts(L, index, &bytes);
    struct network_names *names =
        lua_newuserdatauv(L, sizeof *names + n * sizeof names->items[0] + bytes, 0);
    struct texts texts = texts_of(L, index);
    struct text text;
    char *at = (char *)&names->items[n];
    for (names->n = 0; names->n < n && next_text(&texts, &text); names->n++) {
        text.at = memcpy(at, text.at, text.len + 1);
        names->items[names->n] = plain(text);
        at += text.len + 1;
    }
    return names;
}

struct network_blocks *network_push_blocks(lua_State *L, int index)
{
    const struct network_names *names = network_push_names(L, index);
    struct network_blocks *blocks = lua_newuserdatauv(
        L, sizeof *blocks + names->n * sizeof blocks->items[0], 1);
    *blocks = (struct network_blocks){.names = names};
    lua_insert(L, -2);                              /* blocks names */
    lua_setiuservalue(L, -2, 1);
    return blocks;
}

/* Most policies have no addresses to compare them with. */
static void read_blocks(lua_State *L, struct network_blocks *blocks)
{
    for (; blocks->n < blocks->names->n; blocks->n++)
        read_block(L, blocks->names->items[blocks->n], 2, &blocks->items[blocks->n]);
}

bool network_within(const struct network_names *names, const char *host)
{
    struct text plain_host = plain((struct text){host, strlen(host)});
    for (size_t i = 0; i < names->n; i++)
        if (is_within(plain_host, names->items[i]))
            return true;
    return false;
}

static bool any_contains(const struct network_blocks *blocks, const struct ipaddr *address)
{
    for (size_t i = 0; i < blocks->n; i++)
        if (ipaddr_block_contains(&blocks->items[i], address))
            return true;
    return false;
}

static bool any_overlaps(const struct network_blocks *blocks, const struct ipaddr_block *block)
{
    for (size_t i = 0; i < blocks->n; i++)
        if (overlaps(&blocks->items[i], block))
            return true;
    return false;
}

bool network_reaches(lua_State *L, struct network_blocks *blocks,
                     const struct sluice_endpoint *endpoint)
{
    struct ipaddr_block block;
    struct ipaddr address;
    bool is_address =
        read_address((struct text){endpoint->host, strlen(endpoint->host)}, &address);
    if (is_address || endpoint->n_allowed_ips)
        read_blocks(L, blocks);
    if (is_address && any_contains(blocks, &address))
        return true;
    for (size_t i = 0; i < endpoint->n_allowed_ips; i++)
        if (ipaddr_block_parse(endpoint->allowed_ips[i], &block) == 0 &&
            any_overlaps(blocks, &block))
            return true;
    return false;
}

bool network_is_local_name(const char *host)
{
    struct text name = plain((struct text){host, strlen(host)});
    return name.len > 0 && !memchr(name.at, '.', name.len) && !memchr(name.at, ':', name.len);
}

void network_push_functions(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"host_match", host_match},       {"host_within", host_within},
        {"cidr_contains", cidr_contains}, {"cidr_overlaps", cidr_overlaps},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
}
