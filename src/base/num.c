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

static unsigned
count_digits(uint64_t value)
{
    unsigned n = 1;
    for (; value >= 10000; value /= 10000)
        n += 4;
    return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* Two digits a division. */
size_t
num_format_u64(char *out, uint64_t value)
{
    static const char pairs[] = "00010203040506070809"
                                "10111213141516171819"
                                "20212223242526272829"
                                "30313233343536373839"
                                "40414243444546474849"
                                "50515253545556575859"
                                "60616263646566676869"
                                "70717273747576777879"
                                "80818283848586878889"
                                "90919293949596979899";
    unsigned len = count_digits(value);
    char *at = out + len;
    for (; value >= 10; value /= 100) {
        at -= 2;
        memcpy(at, &pairs[value % 100 * 2], 2);
    }
    if (at > out)
        *out = (char)('0' + value);
    return len;
}
