/*
 * Long random sequences of operations against a model that is simple enough
 * to be right. A failure names the seed and the step; seeds may be given as
 * arguments.
 *
 * In a store with room for all, everything is predicted: each status, value
 * and count. In a small one that evicts and sweeps, an entry may be missing,
 * and nothing else may differ.
 */
#include "store_kit.h"

enum {
    KEYS = 400, TAGS = 12, TAGS_OF_ENTRY = 5, CLOCKS = 16, STEPS = 60000,
};

struct entry {
    bool there; /* in the store, dead or alive */
    char *value;
    size_t len;
    uint32_t flags, expire;
    uint64_t cas, asof, flushes;
    bool tag[TAGS];
};

struct model {
    struct kit kit;
    struct kit_random random;
    uint64_t seed;
    int step;
    bool exact;
    struct entry entries[KEYS];
    uint64_t hard[TAGS];     /* clock of the last invalidation */
    uint64_t deleted[KEYS];
    uint64_t deletions, flushed, flushes, last_delete;
    uint64_t clocks[CLOCKS]; /* taken some time ago */
    uint64_t evicted;        /* before the last write */
    unsigned collisions;
};

static struct model m;

#define EXPECT(cond)                                                           \
    do {                                                                       \
        if (!(cond)) {                                                         \
            print_error("seed %llu, step %d: %s\n",                            \
                        (unsigned long long)m.seed, m.step, #cond);            \
            fail();                                                            \
        }                                                                      \
    } while (0)

/* ---- the model's rules ---- */

static unsigned
ntags(const struct entry *e)
{
    unsigned n = 0;
    for (int t = 0; t < TAGS; t++)
        n += e->tag[t];
    return n;
}

static bool
tags_valid(const bool *tag, uint64_t asof)
{
    for (int t = 0; t < TAGS; t++)
        if (tag[t] && m.hard[t] > asof)
            return false;
    return true;
}

static enum store_status
judge(const struct entry *e)
{
    if (!e->there)
        return STORE_NOT_FOUND;
    if (e->flushes != m.flushes)
        return STORE_FLUSHED;
    if (now_is_past(e->expire, now_tick()))
        return STORE_EXPIRED;
    return tags_valid(e->tag, e->asof) ? STORE_OK : STORE_NOT_FOUND;
}

static void
forget(struct entry *e)
{
    free(e->value);
    *e = (struct entry){0};
}

/* As every access does: what is dead is removed when it is met. */
static enum store_status
meet(struct entry *e)
{
    enum store_status status = judge(e);
    if (status != STORE_OK)
        forget(e);
    return status;
}

static struct store_key
key_of(int i)
{
    static char name[16];
    sprintf(name, "key:%d", i);
    return store_key(m.kit.store, kit_span(name));
}

/* ---- reading ---- */

struct seen {
    const struct entry *entry;
    bool called, same;
};

static void
compare(void *arg, const struct store_view *view)
{
    struct seen *seen = arg;
    const struct entry *e = seen->entry;
    bool tag[TAGS] = {false};
    for (unsigned i = 0; i < view->ntags; i++) {
        struct span name = store_tag_name(m.kit.store, view->tags[i]);
        int t = name.data[4] - '0'; /* "tag:<n>" */
        tag[name.len > 5 ? 10 * t + name.data[5] - '0' : t] = true;
    }
    seen->called = true;
    seen->same = e->there && view->value.len == e->len &&
                 memcmp(view->value.data, e->value, e->len) == 0 &&
                 view->flags == e->flags && view->cas == e->cas &&
                 view->ntags == ntags(e) &&
                 view->asof == (view->ntags ? e->asof : 0) &&
                 memcmp(tag, e->tag, sizeof(tag)) == 0;
}

/* In a small store: is it evicted? */
static void
sync_entry(int i)
{
    if (m.exact)
        return;
    struct store_key key = key_of(i);
    enum store_status expected = meet(&m.entries[i]);
    enum store_status status =
        store_get(m.kit.store, &key, (struct store_read){.peek = true}, NULL,
                  NULL);
    if (expected == STORE_OK && status != STORE_OK) {
        EXPECT(kit_stats(&m.kit).removed_evicted > 0);
        forget(&m.entries[i]);
    } else {
        EXPECT(expected == STORE_OK || status != STORE_OK);
    }
}

static void
do_get(int i)
{
    struct entry *e = &m.entries[i];
    struct store_key key = key_of(i);
    struct store_read how = {.touch = kit_below(&m.random, 4) == 0,
                             .expire = now_expire(kit_below(&m.random, 40)),
                             .peek = kit_below(&m.random, 4) == 0};
    struct seen seen = {e, false, false};
    enum store_status expected = meet(e);
    enum store_status status =
        store_get(m.kit.store, &key, how, compare, &seen);
    if (m.exact || expected == STORE_OK)
        EXPECT(status == expected);
    EXPECT(store_is_miss(status) == store_is_miss(expected));
    EXPECT(seen.called == (status == STORE_OK));
    EXPECT(!seen.called || seen.same);
    if (how.touch && status == STORE_OK)
        e->expire = how.expire;
}

/* ---- writing ---- */

static size_t
random_value(char *value, size_t size)
{
    size_t len = kit_below(&m.random, m.exact ? 8 : 2) == 0
                     ? kit_below(&m.random, 30000)
                     : kit_below(&m.random, 300);
    if (kit_below(&m.random, 5) == 0)
        return (size_t)sprintf(value, "%u", kit_below(&m.random, 2000));
    len = len < size ? len : size;
    memset(value, 'a' + (int)kit_below(&m.random, 26), len);
    if (len > 0)
        value[len / 2] = (char)(kit_below(&m.random, 128) << 1 | 0x80);
    if (len > 1)
        value[len - 1] = '\0';
    return len;
}

static void
random_tags(bool *tag, char *text)
{
    unsigned n = 0;
    uint32_t most = kit_below(&m.random, 2) ? TAGS_OF_ENTRY : 1;
    for (uint32_t i = kit_below(&m.random, most); i > 0; i--) {
        uint32_t t = kit_below(&m.random, TAGS);
        if (!tag[t])
            text += sprintf(text, "%stag:%u", n++ ? "," : "", t);
        tag[t] = true;
    }
}

static bool
joins(const struct store_write *w)
{
    return w->mode == STORE_APPEND || w->mode == STORE_PREPEND;
}

static enum store_status
condition(const struct store_write *w, const struct entry *old)
{
    if (w->mode == STORE_ADD)
        return old->there ? STORE_NOT_STORED : STORE_OK;
    if (!old->there && (joins(w) || (w->mode == STORE_REPLACE &&
                                     !w->match_cas)))
        return STORE_NOT_STORED;
    if (!w->match_cas)
        return STORE_OK;
    if (!old->there)
        return STORE_NOT_FOUND;
    return old->cas == w->cas ? STORE_OK : STORE_EXISTS;
}

/* What a write of `tag` as of w->asof gives; *result gets the tags and the
 * asof of the entry to be. */
static enum store_status
predict(const struct store_write *w, int i, const bool *tag,
        struct entry *result)
{
    struct entry *old = &m.entries[i];
    *result = (struct entry){.asof = w->asof};
    memcpy(result->tag, tag, sizeof(result->tag));
    if (w->guarded && (m.flushed > w->asof || m.deleted[i] > w->asof))
        return STORE_STALE;
    struct entry given = *result;
    if (!w->guarded && ntags(&given) > 0 && m.flushed > w->asof)
        return STORE_STALE;
    meet(old);
    enum store_status status = condition(w, old);
    if (status != STORE_OK)
        return status;
    if (joins(w) && ntags(old) > 0) {
        if (old->asof < result->asof)
            result->asof = old->asof;
        if (m.flushed > result->asof)
            return STORE_STALE;
        for (int t = 0; t < TAGS; t++)
            result->tag[t] |= old->tag[t];
    }
    return tags_valid(result->tag, result->asof) ? STORE_OK : STORE_STALE;
}

/* The old value and the new one, as the mode joins them. */
static void
join(const struct store_write *w, const struct entry *old, const char *value,
     size_t len, struct entry *result)
{
    size_t before = w->mode == STORE_APPEND ? old->len : 0;
    result->len = joins(w) ? old->len + len : len;
    result->value = malloc(result->len + 1);
    if (joins(w))
        memcpy(result->value + (before ? 0 : len), old->value, old->len);
    memcpy(result->value + before, value, len);
    result->flags = joins(w) ? old->flags : w->flags;
    result->expire = joins(w) ? old->expire : w->expire;
}

static struct store_write
random_write(int i)
{
    const struct entry *old = &m.entries[i];
    struct store_write w = {
        .key = key_of(i),
        .mode = (enum store_mode)kit_below(&m.random, 5),
        .flags = kit_below(&m.random, 2) ? kit_below(&m.random, 9) : 0,
        .expire = kit_below(&m.random, 3)
                      ? NOW_NEVER
                      : now_expire((int64_t)kit_below(&m.random, 60) - 2),
        .asof = store_clock(m.kit.store),
        .guarded = kit_below(&m.random, 3) == 0,
    };
    if (kit_below(&m.random, 3) == 0)
        w.asof = m.clocks[kit_below(&m.random, CLOCKS)];
    if (kit_below(&m.random, 5) == 0) {
        w.match_cas = true;
        w.cas = kit_below(&m.random, 3) ? old->cas : old->cas + 1;
    }
    if (joins(&w) && old->len > 60000)
        w.mode = STORE_SET;
    return w;
}

static void
do_write(int i)
{
    static char value[32768];
    char text[256] = "";
    bool tag[TAGS] = {false};
    struct entry *e = &m.entries[i];
    struct entry result;
    struct store_write w = random_write(i);
    random_tags(tag, text);
    size_t len = random_value(value, sizeof(value));
    enum store_status expected = predict(&w, i, tag, &result);
    m.evicted = kit_stats(&m.kit).removed_evicted;
    enum store_status status =
        kit_run(&m.kit, &w, (struct span){value, len}, text);
    if (status != expected &&
        kit_stats(&m.kit).removed_evicted > m.evicted) {
        /* Evicted by its own call, to make room. */
        if (status == STORE_OK)
            forget(e);
        else
            sync_entry(i);
        expected = predict(&w, i, tag, &result);
    }
    if (status == STORE_STALE && expected != STORE_STALE) {
        /* Another key's delete in the same slot, or a tag forgotten. */
        bool collision = w.guarded && m.last_delete > w.asof;
        EXPECT(collision || kit_stats(&m.kit).floor > w.asof);
        m.collisions += collision;
        /* Refused before its dead old entry was met, which the model has. */
        store_get(m.kit.store, &w.key, (struct store_read){.peek = true}, NULL,
                  NULL);
        return;
    }
    EXPECT(status == expected);
    if (status != STORE_OK)
        return;
    join(&w, e, value, len, &result);
    forget(e);
    *e = result;
    e->there = true;
    e->cas = w.cas_out;
    e->flushes = m.flushes;
}

static bool
number_of(const struct entry *e, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < e->len; i++) {
        unsigned digit = (unsigned char)e->value[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, digit, number))
            return false;
    }
    return e->len > 0 && e->len <= 20;
}

static void
do_arith(int i)
{
    struct entry *e = &m.entries[i];
    struct store_key key = key_of(i);
    bool decrement = kit_below(&m.random, 2);
    uint64_t delta = kit_below(&m.random, 1500), number = 0, result, cas;
    enum store_status expected = meet(e);
    if (expected == STORE_OK && !number_of(e, &number))
        expected = STORE_NON_NUMERIC;
    enum store_status status =
        store_arith(m.kit.store, &key, decrement, delta, &result, &cas);
    if (!m.exact && expected == STORE_OK && status == STORE_NOT_FOUND) {
        forget(e);
        return;
    }
    EXPECT(status == expected || !m.exact);
    EXPECT(store_is_miss(status) == store_is_miss(expected));
    if (status != STORE_OK)
        return;
    number = !decrement ? number + delta : number > delta ? number - delta : 0;
    EXPECT(result == number && cas > e->cas);
    e->value = realloc(e->value, 32);
    e->len = (size_t)sprintf(e->value, "%llu", (unsigned long long)number);
    e->cas = cas;
}

static void
do_delete(int i)
{
    struct entry *e = &m.entries[i];
    struct store_key key = key_of(i);
    bool match = kit_below(&m.random, 4) == 0;
    uint64_t cas = e->cas + kit_below(&m.random, 2);
    uint64_t clock = store_clock(m.kit.store);
    enum store_status expected = meet(e);
    if (expected == STORE_OK && match && cas != e->cas)
        expected = STORE_EXISTS;
    enum store_status status = store_delete(m.kit.store, &key, match, cas);
    EXPECT(status == expected || (!m.exact && store_is_miss(status) &&
                                  store_is_miss(expected)));
    uint64_t now = store_clock(m.kit.store);
    EXPECT(now == clock + (status != STORE_EXISTS));
    if (status == STORE_EXISTS)
        return;
    m.deleted[i] = m.last_delete = now;
    forget(e);
}

static void
do_invalidate(void)
{
    bool tag[TAGS] = {false};
    char text[256] = "";
    uint64_t links = 0, before = store_clock(m.kit.store);
    do
        random_tags(tag, text);
    while (text[0] == '\0');
    for (int t = 0; t < TAGS; t++)
        for (int i = 0; tag[t] && i < KEYS; i++)
            links += m.entries[i].tag[t] && m.entries[i].asof >= m.hard[t];
    uint64_t ended = kit_invalidate(&m.kit, text);
    EXPECT(m.exact ? ended == links : ended <= links);
    uint64_t now = store_clock(m.kit.store);
    EXPECT(now == before + 1);
    for (int t = 0; t < TAGS; t++)
        if (tag[t])
            m.hard[t] = now;
}

static void
do_flush(void)
{
    store_flush(m.kit.store, NOW_NEVER);
    m.flushed = store_clock(m.kit.store);
    m.flushes++;
}

static void
check_stats(void)
{
    struct store_stats s = kit_stats(&m.kit);
    uint64_t items = 0, links = 0;
    for (int i = 0; i < KEYS; i++) {
        items += m.entries[i].there;
        links += ntags(&m.entries[i]);
    }
    EXPECT(m.exact ? s.curr_items == items : s.curr_items <= items);
    EXPECT(m.exact ? s.tag_links == links : s.tag_links <= links);
    EXPECT(!m.exact || s.removed_evicted == 0);
    EXPECT(m.kit.budget.used <= m.kit.budget.limit + 4 * 65536);
    EXPECT(s.tags <= TAGS);
}

static void
do_step(void)
{
    uint32_t dice = kit_below(&m.random, 1000);
    int i = (int)kit_below(&m.random, KEYS);
    if (kit_below(&m.random, 20) == 0)
        m.clocks[kit_below(&m.random, CLOCKS)] = store_clock(m.kit.store);
    sync_entry(i);
    if (dice < 300)
        do_get(i);
    else if (dice < 800)
        do_write(i);
    else if (dice < 880)
        do_arith(i);
    else if (dice < 940)
        do_delete(i);
    else if (dice < 950)
        do_invalidate();
    else if (dice < 951)
        do_flush();
    else if (dice < 970)
        now_advance_ms(kit_below(&m.random, 3000));
    else if (!m.exact)
        store_sweep(m.kit.store);
}

static void
run_model(uint64_t seed, bool exact, uint64_t limit)
{
    memset(&m, 0, sizeof(m));
    m.seed = seed;
    m.random.state = seed;
    m.exact = exact;
    kit_open_with(&m.kit, limit,
                  (struct store_config){.item_size_max = KIT_MB / 2,
                                        .evict = true,
                                        .cas = true,
                                        .seed = seed});
    for (int i = 0; i < CLOCKS; i++)
        m.clocks[i] = store_clock(m.kit.store);
    for (m.step = 0; m.step < STEPS; m.step++) {
        do_step();
        if (m.step % 64 == 0)
            check_stats();
        if (m.step % 8192 == 0)
            kit_audit(&m.kit);
    }
    EXPECT(m.collisions < STEPS / 100);
    EXPECT(exact || kit_stats(&m.kit).removed_evicted > 0);
    for (int i = 0; i < KEYS; i++)
        do {
            sync_entry(i);
            do_delete(i);
        } while (m.entries[i].there);
    EXPECT(kit_stats(&m.kit).curr_items == 0);
    EXPECT(kit_stats(&m.kit).tag_links == 0);
    kit_close(&m.kit);
    for (int i = 0; i < KEYS; i++)
        forget(&m.entries[i]);
}

static uint64_t first_seed = 1, last_seed = 4;

static void
test_exact(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed <= last_seed; seed++)
        run_model(seed, true, 64 * KIT_MB);
}

static void
test_evicting(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed <= last_seed; seed++)
        run_model(seed, false, KIT_MB);
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        first_seed = last_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        last_seed = strtoull(argv[2], NULL, 10);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_evicting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
