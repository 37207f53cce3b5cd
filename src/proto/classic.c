#include "tagcached/classic.h"

#include "tagcached/num.h"
#include "tagcached/token.h"

/* A form's words into the request, `noreply` at their end taken off. */
typedef void parse_form(struct span words, struct request *request);

static bool
take_key(struct span *words, struct request *request)
{
    return token_next(words, &request->key) &&
           request->key.len <= REQUEST_KEY_MAX;
}

static bool
take_i64(struct span *words, int64_t *number)
{
    struct span word;
    return token_next(words, &word) && num_parse_i64(word, number);
}

bool
classic_length(struct span word, uint32_t *len)
{
    return num_parse_u32(word, len) && *len <= REQUEST_VALUE_MAX;
}

static void
parse_words(struct span words, struct request *request)
{
    request->rest = words;
}

static void
parse_key(struct span words, struct request *request)
{
    struct span more;
    if (!take_key(&words, request))
        request_refuse(request, REPLY_BAD_FORMAT);
    else if (token_next(&words, &more))
        request_refuse(request, REPLY_INVALID_FLAG);
}

/* Every key is looked at before the first is answered: a bad one anywhere is
 * answered by one line only. */
static void
parse_keys(struct span words, struct request *request)
{
    if (!take_key(&words, request)) {
        request_refuse(request, REPLY_BAD_FORMAT);
        return;
    }
    request->rest = words;
    struct span key;
    while (token_next(&words, &key))
        if (key.len > REQUEST_KEY_MAX) {
            request_refuse(request, REPLY_BAD_FORMAT);
            return;
        }
}

static void
parse_touch_keys(struct span words, struct request *request)
{
    struct span exptime;
    if (!token_next(&words, &exptime)) {
        request_refuse(request, REPLY_BAD_FORMAT);
        return;
    }
    parse_keys(words, request);
    if (request->refusal == REPLY_NOTHING &&
        !num_parse_i64(exptime, &request->exptime))
        request_refuse(request, REPLY_BAD_EXPTIME);
}

/* The words of all storage commands; returns whether <bytes> says where the
 * data block ends. Without that, nothing behind this line can be trusted to be
 * a command: the connection is closed. */
static bool
take_store(struct span *words, struct request *request)
{
    struct span flags, exptime, bytes;
    if (!token_next(words, &request->key) || !token_next(words, &flags) ||
        !token_next(words, &exptime) || !token_next(words, &bytes) ||
        !classic_length(bytes, &request->value_len)) {
        request_refuse(request, REPLY_BAD_FORMAT);
        request->hang_up = true;
        return false;
    }
    request->has_value = true;
    if (request->key.len > REQUEST_KEY_MAX ||
        !num_parse_u32(flags, &request->client_flags) ||
        !num_parse_i64(exptime, &request->exptime))
        request_refuse(request, REPLY_BAD_FORMAT);
    return true;
}

static void
parse_store(struct span words, struct request *request)
{
    take_store(&words, request);
}

static void
parse_cas(struct span words, struct request *request)
{
    struct span unique;
    if (take_store(&words, request) &&
        (!token_next(&words, &unique) ||
         !num_parse_u64(unique, &request->number)))
        request_refuse(request, REPLY_BAD_FORMAT);
}

static void
parse_delete(struct span words, struct request *request)
{
    struct span hold = SPAN("0"), more;
    if (!take_key(&words, request))
        request_refuse(request, REPLY_BAD_FORMAT);
    else if (token_next(&words, &hold) &&
             (!span_equals(hold, SPAN("0")) || token_next(&words, &more)))
        request_refuse(request, REPLY_BAD_DELETE);
}

static void
parse_delta(struct span words, struct request *request)
{
    struct span delta;
    if (!take_key(&words, request) || !token_next(&words, &delta))
        request_refuse(request, REPLY_BAD_FORMAT);
    else if (!num_parse_u64(delta, &request->number))
        request_refuse(request, REPLY_BAD_DELTA);
}

static void
parse_touch(struct span words, struct request *request)
{
    struct span exptime;
    if (!take_key(&words, request) || !token_next(&words, &exptime))
        request_refuse(request, REPLY_BAD_FORMAT);
    else if (!num_parse_i64(exptime, &request->exptime))
        request_refuse(request, REPLY_BAD_EXPTIME);
}

static void
parse_delay(struct span words, struct request *request)
{
    struct span delay;
    request->exptime = 0;
    if (token_next(&words, &delay) && !num_parse_i64(delay, &request->exptime))
        request_refuse(request, REPLY_BAD_EXPTIME);
}

static void
parse_level(struct span words, struct request *request)
{
    int64_t level;
    if (!take_i64(&words, &level) || level < 0)
        request_refuse(request, REPLY_BAD_FORMAT);
    else
        request->number = (uint64_t)level;
}

/* memcached's own answer to a word that is no number. */
static void
parse_megabytes(struct span words, struct request *request)
{
    struct span number;
    if (!token_next(&words, &number) ||
        !num_parse_u64(number, &request->number))
        request_refuse(request, REPLY_ERROR);
}

static void
parse_tags(struct span words, struct request *request)
{
    request->rest = words;
    struct span first;
    if (!token_next(&words, &first))
        request_refuse(request, REPLY_BAD_FORMAT);
}

static const struct {
    parse_form *parse;
    bool noreply; /* may end in the word `noreply` */
} forms[] = {
    [FORM_WORDS] = {parse_words, false},
    [FORM_KEYS] = {parse_keys, false},
    [FORM_TOUCH_KEYS] = {parse_touch_keys, false},
    [FORM_STORE] = {parse_store, true},
    [FORM_CAS] = {parse_cas, true},
    [FORM_DELETE] = {parse_delete, true},
    [FORM_DELTA] = {parse_delta, true},
    [FORM_TOUCH] = {parse_touch, true},
    [FORM_DELAY] = {parse_delay, true},
    [FORM_LEVEL] = {parse_level, true},
    [FORM_MEGABYTES] = {parse_megabytes, true},
    [FORM_TAGS] = {parse_tags, true},
    [FORM_KEY] = {parse_key, false},
};

/* A word that is the only one is a key or a tag of that name (and for a key it
 * silences the command all the same, as memcached has it). */
static void
take_noreply(enum form form, struct span *words, struct request *request)
{
    struct span before = *words, word;
    if (!token_take_last(&before, SPAN("noreply")))
        return;
    struct span rest = before;
    bool alone = !token_next(&rest, &word);
    if (alone && form == FORM_TAGS)
        return;
    request->noreply = true;
    bool keyless = form == FORM_DELAY || form == FORM_LEVEL ||
                   form == FORM_MEGABYTES;
    if (!alone || keyless)
        *words = before;
}

void
classic_parse(enum form form, struct span words, struct request *request)
{
    if (forms[form].noreply)
        take_noreply(form, &words, request);
    forms[form].parse(words, request);
}
