/* What a program needs where there is no C library: a start, output and an end.
 *
 * A program defines SIZE, its size when none is given, and `void run(long size)`. On RISC-V it is linked without a
 * library (-nostdlib), and talks to the system by ecall. Anywhere else it is an ordinary program, for comparison. */
#ifndef ASC_RISCV_START_H
#define ASC_RISCV_START_H

static void run(long size);

static long number_in(const char *text)
{
    long number = 0;
    while (*text >= '0' && *text <= '9')
        number = 10 * number + (*text++ - '0');
    return number;
}

#ifdef __riscv
static long call_system(long number, long first, long second, long third)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = first;
    register long a1 __asm__("a1") = second;
    register long a2 __asm__("a2") = third;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}

static void write_bytes(const char *bytes, long count)
{
    call_system(64, 1, (long)bytes, count);
}

/* The stack holds the number of arguments, then their addresses. */
__attribute__((used)) static void begin(long *stack)
{
    run(stack[0] > 1 ? number_in((const char *)stack[2]) : SIZE);
    call_system(93, 0, 0, 0);
}

__asm__(".globl _start\n"
        "_start:\n"
        ".option push\n"
        ".option norelax\n"
        "la gp, __global_pointer$\n"
        ".option pop\n"
        "mv a0, sp\n"
        "andi sp, sp, -16\n"
        "call begin\n");

/* Compilers call these for assignments of structures and for loops that they recognise. */
__attribute__((used)) void *memset(void *to, int value, unsigned long count)
{
    volatile unsigned char *place = (volatile unsigned char *)to;
    while (count-- > 0)
        *place++ = (unsigned char)value;
    return to;
}

__attribute__((used)) void *memcpy(void *to, const void *from, unsigned long count)
{
    volatile unsigned char *place = (volatile unsigned char *)to;
    const unsigned char *source = (const unsigned char *)from;
    while (count-- > 0)
        *place++ = *source++;
    return to;
}
#else
#include <stdio.h>
#include <string.h>

static void write_bytes(const char *bytes, long count)
{
    fwrite(bytes, 1, (unsigned long)count, stdout);
}

int main(int count, char **arguments)
{
    run(count > 1 ? number_in(arguments[1]) : SIZE);
    return 0;
}
#endif

/* Print a name and a number on a line. */
static void print(const char *name, unsigned long number)
{
    char text[64];
    long end = sizeof text, length = 0;
    text[--end] = '\n';
    do {
        text[--end] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    text[--end] = ' ';
    while (name[length] != 0)
        length++;
    write_bytes(name, length);
    write_bytes(text + end, (long)sizeof text - end);
}

#endif
