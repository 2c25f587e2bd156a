/* Floating point as RISC-V defines it, on a host with IEEE 754 arithmetic.
 *
 * The host's own sticky exception flags collect what a run raises; machine.c brings them to fcsr. Every result that is
 * not a number is the canonical NaN. A single sits in the lower half of a register whose upper half is all ones. */
#ifndef ASC_RISCV_FLOATS_H
#define ASC_RISCV_FLOATS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define NAN_SINGLE 0x7fc00000u
#define NAN_DOUBLE 0x7ff8000000000000u
#define SIGN_SINGLE 0x80000000u
#define SIGN_DOUBLE 0x8000000000000000u

static inline uint64_t boxed(uint32_t bits)
{
    return 0xffffffff00000000u | bits;
}

static inline uint32_t unboxed(uint64_t value)
{
    return value >> 32 == 0xffffffffu ? (uint32_t)value : NAN_SINGLE;
}

static inline float single_of(uint64_t value)
{
    uint32_t bits = unboxed(value);
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static inline double double_of(uint64_t value)
{
    double number;
    memcpy(&number, &value, sizeof number);
    return number;
}

static inline uint64_t of_single(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return boxed(number != number ? NAN_SINGLE : bits);
}

static inline uint64_t of_double(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return number != number ? NAN_DOUBLE : bits;
}

/* Operations that make the host raise a flag. */
static inline void raise_invalid(void)
{
    volatile float zero = 0;
    zero = zero / zero;
}

static inline void raise_inexact(void)
{
    volatile float one = 1;
    one = one + 1e-30f;
}

static inline int is_signaling_single(uint32_t bits)
{
    return (bits & 0x7fc00000u) == 0x7f800000u && (bits & 0x003fffffu) != 0;
}

static inline int is_signaling_double(uint64_t bits)
{
    return (bits & 0x7ff8000000000000u) == 0x7ff0000000000000u && (bits & 0x0007ffffffffffffu) != 0;
}

/* a * b + c, rounded once. Infinity times zero is invalid even where c is NaN. */
static inline float fused_single(float a, float b, float c)
{
    float result = fmaf(a, b, c);
    if (result != result && ((isinf(a) && b == 0) || (a == 0 && isinf(b))))
        raise_invalid();
    return result;
}

static inline double fused_double(double a, double b, double c)
{
    double result = fma(a, b, c);
    if (result != result && ((isinf(a) && b == 0) || (a == 0 && isinf(b))))
        raise_invalid();
    return result;
}

/* The smaller of two, where -0 is smaller than 0, and a number is taken rather than NaN. */
static inline uint64_t extreme_single(uint64_t a, uint64_t b, int is_maximum)
{
    uint32_t bits_a = unboxed(a), bits_b = unboxed(b);
    float number_a = single_of(a), number_b = single_of(b);
    if (is_signaling_single(bits_a) || is_signaling_single(bits_b))
        raise_invalid();
    if (isnan(number_a))
        return boxed(isnan(number_b) ? NAN_SINGLE : bits_b);
    if (isnan(number_b))
        return boxed(bits_a);
    int a_is_smaller = number_a < number_b || (number_a == number_b && bits_a >> 31 > bits_b >> 31);
    return boxed(a_is_smaller != is_maximum ? bits_a : bits_b);
}

static inline uint64_t extreme_double(uint64_t a, uint64_t b, int is_maximum)
{
    double number_a = double_of(a), number_b = double_of(b);
    if (is_signaling_double(a) || is_signaling_double(b))
        raise_invalid();
    if (isnan(number_a))
        return isnan(number_b) ? NAN_DOUBLE : b;
    if (isnan(number_b))
        return a;
    int a_is_smaller = number_a < number_b || (number_a == number_b && a >> 63 > b >> 63);
    return a_is_smaller != is_maximum ? a : b;
}

/* Comparisons. A NaN makes "less" invalid; only a signaling NaN makes "equal" invalid, which the host sees to. */
static inline int is_comparable(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        raise_invalid();
        return 0;
    }
    return 1;
}

/* The class of a number, one bit of ten: negative infinity, normal, subnormal, zero; positive zero, subnormal, normal,
 * infinity; signaling NaN, quiet NaN. */
static inline uint64_t class_of(int is_negative, int is_infinite, int is_nan, int is_signaling, int is_zero,
                                int is_subnormal)
{
    if (is_nan)
        return is_signaling ? 1 << 8 : 1 << 9;
    int size = is_infinite ? 3 : is_zero ? 0 : is_subnormal ? 1 : 2;
    return (uint64_t)1 << (is_negative ? 3 - size : 4 + size);
}

static inline uint64_t class_of_single(uint64_t value)
{
    uint32_t bits = unboxed(value), exponent = bits >> 23 & 0xff, fraction = bits & 0x7fffff;
    return class_of((int)(bits >> 31), exponent == 0xff && fraction == 0, exponent == 0xff && fraction != 0,
                    is_signaling_single(bits), exponent == 0 && fraction == 0, exponent == 0 && fraction != 0);
}

static inline uint64_t class_of_double(uint64_t bits)
{
    uint64_t exponent = bits >> 52 & 0x7ff, fraction = bits & 0xfffffffffffffu;
    return class_of((int)(bits >> 63), exponent == 0x7ff && fraction == 0, exponent == 0x7ff && fraction != 0,
                    is_signaling_double(bits), exponent == 0 && fraction == 0, exponent == 0 && fraction != 0);
}

/* The whole part of a number. The C library's functions may raise inexact, and here that is not always right. */
static inline double whole_part(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    if (exponent >= 52)
        return number;
    bits &= exponent < 0 ? SIGN_DOUBLE : ~(uint64_t)0 << (52 - exponent);
    memcpy(&number, &bits, sizeof number);
    return number;
}

static inline int is_odd(double whole)
{
    return whole_part(whole / 2) != whole / 2;
}

/* A number rounded in one of the five modes: to nearest and ties to even, towards zero, down, up, to nearest and ties
 * away from zero. All of this is exact, and raises nothing. */
static inline double rounded(double number, int mode)
{
    if (isnan(number) || fabs(number) >= 0x1p52)
        return number;
    double whole = whole_part(number), rest = fabs(number - whole), away = whole + copysign(1, number);
    if (rest == 0)
        return whole;
    switch (mode) {
    case 0: return rest > 0.5 || (rest == 0.5 && is_odd(whole)) ? away : whole;
    case 1: return whole;
    case 2: return number < 0 ? away : whole;
    case 3: return number < 0 ? whole : away;
    default: return rest >= 0.5 ? away : whole;
    }
}

/* To integers. What lies outside the range becomes the nearest bound, and NaN becomes the highest; both are invalid. */
static inline uint64_t to_signed(double number, int mode, double low, double above, int64_t lowest, int64_t highest)
{
    if (mode == 1 && number > low && number < above) /* the host truncates, and raises inexact itself */
        return (uint64_t)(int64_t)number;
    double whole = rounded(number, mode);
    if (isnan(whole) || whole >= above || whole < low) {
        raise_invalid();
        return (uint64_t)(!isnan(number) && number < 0 ? lowest : highest);
    }
    if (whole != number)
        raise_inexact();
    return (uint64_t)(int64_t)whole;
}

static inline uint64_t to_unsigned(double number, int mode, double above, uint64_t highest)
{
    double whole = rounded(number, mode);
    if (isnan(whole) || whole >= above || whole < 0) {
        raise_invalid();
        return !isnan(number) && number < 0 ? 0 : highest;
    }
    if (whole != number)
        raise_inexact();
    return whole >= 0x1p63 ? (uint64_t)(int64_t)(whole - 0x1p63) + SIGN_DOUBLE : (uint64_t)(int64_t)whole;
}

static inline uint64_t to_w(double number, int mode)
{
    return to_signed(number, mode, -0x1p31, 0x1p31, INT32_MIN, INT32_MAX);
}

static inline uint64_t to_wu(double number, int mode)
{
    return (uint64_t)(int64_t)(int32_t)to_unsigned(number, mode, 0x1p32, UINT32_MAX);
}

static inline uint64_t to_l(double number, int mode)
{
    return to_signed(number, mode, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX);
}

static inline uint64_t to_lu(double number, int mode)
{
    return to_unsigned(number, mode, 0x1p64, UINT64_MAX);
}

#endif
