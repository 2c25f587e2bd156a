/* The sieve of Eratosthenes: how many primes are there below the size? */
#define SIZE 1000000
#include "start.h"

#define LARGEST 8000000

static unsigned char is_composite[LARGEST];

static void run(long size)
{
    unsigned long primes = 0;
    if (size > LARGEST)
        size = LARGEST;
    for (long number = 2; number < size; number++) {
        if (is_composite[number])
            continue;
        primes++;
        for (long multiple = number * number; multiple < size; multiple += number)
            is_composite[multiple] = 1;
    }
    print("primes", primes);
}
