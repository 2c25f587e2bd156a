/* Packing effects, and comparing and applying packed ones. */
#include <string.h>

#include "access.h"
#include "packed.h"

static uint64_t count_registers(const struct packed *packed)
{
    return (uint64_t)packed->registers_read + packed->registers_written + packed->registers_added
        + packed->registers_xored + packed->registers_copied;
}

static uint64_t count_words(const struct packed *packed)
{
    return (uint64_t)packed->words_read + packed->words_written + packed->words_added;
}

static const uint64_t *values_of(const struct packed *packed)
{
    return (const uint64_t *)(packed + 1);
}

static const uint32_t *words_of(const struct packed *packed)
{
    return (const uint32_t *)(values_of(packed) + count_registers(packed) + count_words(packed));
}

static const uint8_t *numbers_of(const struct packed *packed)
{
    return (const uint8_t *)(words_of(packed) + packed->registers_copied + count_words(packed));
}

size_t bytes_of_packed(const struct packed *packed)
{
    uint64_t registers = count_registers(packed), words = count_words(packed);
    return sizeof *packed + 8 * (registers + words) + 4 * (packed->registers_copied + words) + (registers + 7) / 8 * 8;
}

static struct packed head_of(const struct effect *effect, const struct machine *machine)
{
    return (struct packed){
        .end = (uint32_t)(effect->end_pc - machine->code_start),
        .instructions = (uint32_t)effect->instructions,
        .registers_read = (uint8_t)count_bits(effect->registers_read),
        .registers_written = (uint8_t)count_bits(effect->registers_written),
        .registers_added = (uint8_t)count_bits(effect->registers_added),
        .registers_xored = (uint8_t)count_bits(effect->registers_xored),
        .registers_copied = (uint8_t)count_bits(effect->registers_copied),
        .raised = (uint8_t)effect->raised,
        .words_read = (uint16_t)effect->words_read,
        .words_written = (uint16_t)effect->words_written,
        .words_added = (uint16_t)effect->words_added,
    };
}

size_t packed_bytes(const struct effect *effect, const struct machine *machine)
{
    if (effect->instructions > UINT32_MAX || effect->end_pc - machine->code_start > UINT32_MAX)
        return 0;
    if (effect->words_read > MOST_WORDS || effect->words_written > MOST_WORDS || effect->words_added > MOST_WORDS)
        return 0;
    struct packed head = head_of(effect, machine);
    return bytes_of_packed(&head);
}

static uint8_t *put_numbers(uint8_t *at, uint64_t mask)
{
    while (mask != 0)
        *at++ = (uint8_t)next_register(&mask);
    return at;
}

void pack(const struct effect *effect, const struct machine *machine, struct packed *packed)
{
    *packed = head_of(effect, machine);
    /* An effect has its values and numbers of words in the same order. */
    uint64_t values = count_registers(packed) + count_words(packed);
    uint64_t words = packed->registers_copied + count_words(packed);
    memcpy(packed + 1, effect + 1, 8 * values + 4 * words);
    uint8_t *numbers = put_numbers((uint8_t *)numbers_of(packed), effect->registers_read);
    numbers = put_numbers(numbers, effect->registers_written);
    numbers = put_numbers(numbers, effect->registers_added);
    numbers = put_numbers(numbers, effect->registers_xored);
    put_numbers(numbers, effect->registers_copied);
}

int packed_matches(const struct packed *packed, const struct machine *machine)
{
    const uint64_t *value = values_of(packed);
    const uint8_t *number = numbers_of(packed);
    for (uint64_t k = 0; k < packed->registers_read; k++)
        if (register_at(machine, number[k]) != value[k])
            return 0;
    value += count_registers(packed);
    const uint32_t *word = words_of(packed) + packed->registers_copied;
    for (uint64_t k = 0; k < packed->words_read; k++)
        if (word_at(machine, word[k]) != value[k])
            return 0;
    return 1;
}

void packed_apply(const struct packed *packed, struct machine *machine)
{
    const uint64_t *value = values_of(packed) + packed->registers_read;
    const uint8_t *number = numbers_of(packed) + packed->registers_read;
    const uint32_t *copied = words_of(packed);
    machine->pc = machine->code_start + packed->end;
    machine->instructions += packed->instructions;
    machine->fcsr |= packed->raised;
    for (uint64_t k = 0; k < packed->registers_written; k++)
        set_register(machine, *number++, *value++);
    for (uint64_t k = 0; k < packed->registers_added; k++)
        machine->registers[*number++] += *value++;
    for (uint64_t k = 0; k < packed->registers_xored; k++)
        machine->registers[*number++] ^= *value++;
    const uint64_t *distance = value;
    value += packed->registers_copied + packed->words_read;
    const uint32_t *word = copied + packed->registers_copied + packed->words_read;
    for (uint64_t k = 0; k < packed->words_written; k++)
        set_word(machine, *word++, *value++);
    for (uint64_t k = 0; k < packed->words_added; k++, word++)
        set_word(machine, *word, word_at(machine, *word) + *value++);
    for (uint64_t k = 0; k < packed->registers_copied; k++)
        machine->registers[*number++] = word_at(machine, copied[k]) + distance[k];
}
