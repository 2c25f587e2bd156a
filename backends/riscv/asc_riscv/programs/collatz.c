/* Collatz sweep: which start below the size takes the most steps to 1? */
#define SIZE 100000
#include "start.h"

static void run(long size)
{
    long best = 0, longest = 0;
    for (long start = 1; start < size; start++) {
        unsigned long number = (unsigned long)start;
        long steps = 0;
        while (number != 1) {
            number = number % 2 == 0 ? number / 2 : 3 * number + 1;
            steps++;
        }
        if (steps > longest) {
            longest = steps;
            best = start;
        }
    }
    print("start", (unsigned long)best);
    print("steps", (unsigned long)longest);
}
