/* Collatz sweep with one counter for the steps of all starts below the size. */
#define SIZE 100000
#include "start.h"

static void run(long size)
{
    unsigned long steps = 0;
    for (long start = 1; start < size; start++) {
        unsigned long number = (unsigned long)start;
        while (number != 1) {
            number = number % 2 == 0 ? number / 2 : 3 * number + 1;
            steps++;
        }
    }
    print("steps", steps);
}
