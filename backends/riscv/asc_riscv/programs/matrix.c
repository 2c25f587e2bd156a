/* Two matrix products, D = A B C, row by row, in double precision (the program 2mm). */
#define SIZE 100
#include "start.h"

#define LARGEST 512

static double a[LARGEST][LARGEST], b[LARGEST][LARGEST], c[LARGEST][LARGEST], ab[LARGEST][LARGEST], d[LARGEST][LARGEST];

static void multiply(double (*to)[LARGEST], double (*left)[LARGEST], double (*right)[LARGEST], long size)
{
    for (long row = 0; row < size; row++)
        for (long column = 0; column < size; column++) {
            double sum = 0;
            for (long k = 0; k < size; k++)
                sum += left[row][k] * right[k][column];
            to[row][column] = sum;
        }
}

static void run(long size)
{
    double trace = 0;
    if (size > LARGEST)
        size = LARGEST;
    for (long row = 0; row < size; row++)
        for (long column = 0; column < size; column++) {
            a[row][column] = (double)(row * column % 7);
            b[row][column] = (double)((row + column) % 5);
            c[row][column] = (double)((row + 3 * column) % 11);
        }
    multiply(ab, a, b, size);
    multiply(d, ab, c, size);
    for (long k = 0; k < size; k++)
        trace += d[k][k];
    print("trace", (unsigned long)trace);
}
