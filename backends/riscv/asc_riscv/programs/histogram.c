/* How often does each of 256 values occur in a sequence of random numbers? The counters are in memory. */
#define SIZE 1000000
#include "start.h"

#define LARGEST 4000000

static unsigned char values[LARGEST];
static unsigned long counts[256];

static void run(long size)
{
    unsigned long state = 3, most = 0;
    long value = 0;
    if (size > LARGEST)
        size = LARGEST;
    for (long k = 0; k < size; k++) {
        state = state * 6364136223846793005ul + 1442695040888963407ul;
        values[k] = (unsigned char)(state >> 56);
    }
    for (long k = 0; k < size; k++)
        counts[values[k]]++;
    for (long k = 0; k < 256; k++)
        if (counts[k] > most) {
            most = counts[k];
            value = k;
        }
    print("value", (unsigned long)value);
    print("count", most);
}
