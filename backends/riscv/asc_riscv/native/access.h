/* How effects see the registers and the memory of a machine. */
#ifndef ASC_RISCV_ACCESS_H
#define ASC_RISCV_ACCESS_H

#include <string.h>

#include "machine.h"

static inline uint64_t count_bits(uint64_t mask)
{
    return (uint64_t)__builtin_popcountll(mask);
}

static inline uint64_t word_at(const struct machine *machine, uint64_t word)
{
    uint64_t value;
    memcpy(&value, machine->memory + 8 * word, 8);
    return value;
}

static inline void set_word(const struct machine *machine, uint64_t word, uint64_t value)
{
    memcpy(machine->memory + 8 * word, &value, 8);
}

/* Registers as masks number them: fcsr has the place of x0. */
static inline uint64_t register_at(const struct machine *machine, int number)
{
    return number == FCSR_BIT ? machine->fcsr : machine->registers[number];
}

static inline void set_register(struct machine *machine, int number, uint64_t value)
{
    *(number == FCSR_BIT ? &machine->fcsr : &machine->registers[number]) = value;
}

/* Take the lowest register off a mask, and return its number. */
static inline int next_register(uint64_t *mask)
{
    int number = __builtin_ctzll(*mask);
    *mask &= *mask - 1;
    return number;
}

#endif
