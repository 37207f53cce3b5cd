#include "key.h"

void
key_init(struct key_template *key, unsigned length)
{
    static const char text[] = "key:";
    key->length = length;
    for (unsigned i = 0; i < length; i++)
        key->text[i] = i < sizeof(text) - 1 ? text[i] : '0';
}

int64_t
key_parse_digits(const char *text)
{
    int64_t number = 0;
    for (int i = 0; i < KEY_DIGITS; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9')
            number = number << 4 | (c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number << 4 | (c - 'a' + 10);
        else
            return -1;
    }
    return number;
}

int64_t
key_parse(const struct key_template *key, const char *text, size_t length)
{
    size_t fixed = key->length - KEY_DIGITS;
    if (length != key->length || memcmp(text, key->text, fixed) != 0)
        return -1;
    return key_parse_digits(text + fixed);
}
