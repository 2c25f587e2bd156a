/* A chain of SHA-256: each hash is the next message. Nothing about it can be predicted. */
#define SIZE 10000
#include "start.h"

typedef unsigned int word;

static word constants[64];

static word rotated(word value, int count)
{
    return value >> count | value << (32 - count);
}

/* The first 32 bits of the fractional part of a root of a number, found bit by bit. */
static word root_fraction(unsigned long number, int is_cubic)
{
    unsigned long root = 0;
    for (int bit = 36; bit >= 0; bit--) {
        unsigned long candidate = root | 1ul << bit;
        unsigned __int128 power = (unsigned __int128)candidate * candidate * (is_cubic ? candidate : 1);
        if (power <= (unsigned __int128)number << (is_cubic ? 96 : 64))
            root = candidate;
    }
    return (word)root;
}

static int is_prime(unsigned long number)
{
    for (unsigned long divisor = 2; divisor * divisor <= number; divisor++)
        if (number % divisor == 0)
            return 0;
    return 1;
}

static void fill_constants(word *start)
{
    int found = 0;
    for (unsigned long number = 2; found < 64; number++)
        if (is_prime(number)) {
            if (found < 8)
                start[found] = root_fraction(number, 0);
            constants[found++] = root_fraction(number, 1);
        }
}

/* Hash a message of 32 bytes, which with its padding is one block. */
static void hash(word *message, const word *start)
{
    word schedule[64], s[8];
    for (int k = 0; k < 8; k++) {
        schedule[k] = message[k];
        schedule[k + 8] = 0;
        s[k] = start[k];
    }
    schedule[8] = 0x80000000u;
    schedule[15] = 256;
    for (int k = 16; k < 64; k++) {
        word low = schedule[k - 15], high = schedule[k - 2];
        schedule[k] = schedule[k - 16] + (rotated(low, 7) ^ rotated(low, 18) ^ low >> 3) + schedule[k - 7]
            + (rotated(high, 17) ^ rotated(high, 19) ^ high >> 10);
    }
    for (int k = 0; k < 64; k++) {
        word first = s[7] + (rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6]))
            + constants[k] + schedule[k];
        word second = (rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22))
            + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (int j = 7; j > 0; j--)
            s[j] = s[j - 1];
        s[4] += first;
        s[0] = first + second;
    }
    for (int k = 0; k < 8; k++)
        message[k] = start[k] + s[k];
}

static void run(long size)
{
    word message[8] = {0}, start[8];
    fill_constants(start);
    for (long k = 0; k < size; k++)
        hash(message, start);
    print("first word", message[0]);
    print("last word", message[7]);
}
