#include "tagcached/token.h"

static struct span
without_trailing_spaces(struct span words)
{
    while (words.len > 0 && words.data[words.len - 1] == ' ')
        words.len--;
    return words;
}

struct span
token_last(struct span words)
{
    words = without_trailing_spaces(words);
    size_t at = words.len;
    while (at > 0 && words.data[at - 1] != ' ')
        at--;
    return (struct span){words.data + at, words.len - at};
}

bool
token_take_last(struct span *words, struct span word)
{
    struct span line = without_trailing_spaces(*words);
    if (line.len < word.len)
        return false;
    size_t at = line.len - word.len;
    if (memcmp(line.data + at, word.data, word.len) != 0 ||
        (at > 0 && line.data[at - 1] != ' '))
        return false;
    words->len = at;
    return true;
}
