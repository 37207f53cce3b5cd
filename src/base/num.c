#include "tagcached/num.h"

bool
num_parse_u64(struct span text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > NUM_U64_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool
num_parse_u32(struct span text, uint32_t *out)
{
    uint64_t value;
    if (!num_parse_u64(text, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool
num_parse_i64(struct span text, int64_t *out)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    if (negative)
        text = (struct span){text.data + 1, text.len - 1};
    uint64_t value;
    if (!num_parse_u64(text, &value) ||
        value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool
num_parse_i32(struct span text, int32_t *out)
{
    int64_t value;
    if (!num_parse_i64(text, &value) || value < INT32_MIN || value > INT32_MAX)
        return false;
    *out = (int32_t)value;
    return true;
}

size_t
num_format_u64(char *out, uint64_t value)
{
    char reversed[NUM_U64_DIGITS];
    size_t n = 0;
    do {
        reversed[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    return n;
}
