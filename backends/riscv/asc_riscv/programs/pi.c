/* Pi by throwing points into a square, with a 64-bit linear congruential generator. */
#define SIZE 1000000
#include "start.h"

static void run(long size)
{
    unsigned long state = 42, inside = 0;
    for (long k = 0; k < size; k++) {
        state = state * 6364136223846793005ul + 1442695040888963407ul;
        unsigned long x = state >> 33;
        state = state * 6364136223846793005ul + 1442695040888963407ul;
        unsigned long y = state >> 33;
        inside += x * x + y * y < 1ul << 62;
    }
    print("inside", inside);
    print("pi in millionths", inside * 4000000 / (unsigned long)size);
}
