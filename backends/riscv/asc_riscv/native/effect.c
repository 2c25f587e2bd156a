/* Effects: what a tracked stretch read and wrote, taken from a machine, compared with another one, and applied to it. */
#include <string.h>

#include "decoded.h"
#include "machine.h"

static uint64_t count_bits(uint64_t mask)
{
    return (uint64_t)__builtin_popcountll(mask);
}

static uint64_t word_at(const struct machine *machine, uint64_t word)
{
    uint64_t value;
    memcpy(&value, machine->memory + 8 * word, 8);
    return value;
}

/* Registers as masks number them: fcsr has the place of x0. */
static uint64_t register_at(const struct machine *machine, int number)
{
    return number == FCSR_BIT ? machine->fcsr : machine->registers[number];
}

static void set_register(struct machine *machine, int number, uint64_t value)
{
    *(number == FCSR_BIT ? &machine->fcsr : &machine->registers[number]) = value;
}

/* Take the lowest register off a mask, and return its number. */
static int next_register(uint64_t *mask)
{
    int number = __builtin_ctzll(*mask);
    *mask &= *mask - 1;
    return number;
}

/* Where the parts of an effect are. */
struct parts {
    uint64_t *registers_read, *registers_written, *added, *xored, *read_values, *written_values;
    uint32_t *read_words, *written_words;
};

static struct parts parts_of(const struct effect *effect)
{
    struct parts parts;
    parts.registers_read = (uint64_t *)(effect + 1);
    parts.registers_written = parts.registers_read + count_bits(effect->registers_read);
    parts.added = parts.registers_written + count_bits(effect->registers_written);
    parts.xored = parts.added + count_bits(effect->registers_added);
    parts.read_values = parts.xored + count_bits(effect->registers_xored);
    parts.written_values = parts.read_values + effect->words_read;
    parts.read_words = (uint32_t *)(parts.written_values + effect->words_written);
    parts.written_words = parts.read_words + effect->words_read;
    return parts;
}

static size_t bytes_of(const struct effect *effect)
{
    uint64_t registers = count_bits(effect->registers_read) + count_bits(effect->registers_written)
        + count_bits(effect->registers_added) + count_bits(effect->registers_xored);
    uint64_t words = effect->words_read + effect->words_written;
    return sizeof *effect + 8 * (registers + words) + (4 * words + 7) / 8 * 8;
}

/* The head of the stretch's effect. */
static struct effect head_of(const struct machine *machine)
{
    struct effect effect = {
        .start_pc = machine->stretch_pc,
        .end_pc = machine->pc,
        .instructions = machine->instructions - machine->stretch_instructions,
        .registers_read = machine->use.read,
        .registers_added = machine->use.added,
        .registers_xored = machine->use.xored,
        .registers_written = machine->use.changed & ~(machine->use.added | machine->use.xored),
        .raised = machine->stretch_raised,
    };
    effect.words_read = machine->read_count;
    for (size_t k = 0; k < machine->overwritten_count; k++)
        effect.words_read += (machine->word_flags[machine->overwritten_words[k].word] & WORD_MERGED) != 0;
    effect.words_written = machine->overwritten_count;
    effect.bytes = bytes_of(&effect);
    return effect;
}

size_t machine_effect_bytes(const struct machine *machine)
{
    return machine->stretch_is_valid ? head_of(machine).bytes : 0;
}

void machine_take_effect(const struct machine *machine, struct effect *effect)
{
    *effect = head_of(machine);
    struct parts parts = parts_of(effect);
    for (uint64_t mask = effect->registers_read; mask != 0;) {
        int number = next_register(&mask);
        *parts.registers_read++ = number == FCSR_BIT ? machine->stretch_fcsr : machine->stretch_registers[number];
    }
    for (uint64_t mask = effect->registers_written; mask != 0;)
        *parts.registers_written++ = register_at(machine, next_register(&mask));
    for (uint64_t mask = effect->registers_added; mask != 0;) {
        int number = next_register(&mask);
        *parts.added++ = machine->registers[number] - machine->stretch_registers[number];
    }
    for (uint64_t mask = effect->registers_xored; mask != 0;) {
        int number = next_register(&mask);
        *parts.xored++ = machine->registers[number] ^ machine->stretch_registers[number];
    }
    for (size_t k = 0; k < machine->read_count; k++) {
        uint32_t word = machine->read_words[k];
        if (machine->word_flags[word] & WORD_WRITTEN)
            continue; /* its value is among the overwritten ones */
        *parts.read_words++ = word;
        *parts.read_values++ = word_at(machine, word);
    }
    for (size_t k = 0; k < machine->overwritten_count; k++) {
        const struct overwritten_word *overwritten = machine->overwritten_words + k;
        if (machine->word_flags[overwritten->word] & (WORD_READ | WORD_MERGED)) {
            *parts.read_words++ = (uint32_t)overwritten->word;
            *parts.read_values++ = overwritten->value;
        }
        *parts.written_words++ = (uint32_t)overwritten->word;
        *parts.written_values++ = word_at(machine, overwritten->word);
    }
    if ((effect->words_read + effect->words_written) % 2 != 0)
        *parts.written_words = 0; /* the last four bytes are there to fill the last eight */
}

int machine_undo_stretch(struct machine *machine)
{
    for (size_t k = 0; k < machine->overwritten_count; k++)
        memcpy(machine->memory + 8 * machine->overwritten_words[k].word, &machine->overwritten_words[k].value, 8);
    machine->pc = machine->stretch_pc;
    machine->fcsr = machine->stretch_fcsr;
    machine->instructions = machine->stretch_instructions;
    memcpy(machine->registers, machine->stretch_registers, sizeof machine->stretch_registers);
    return machine_begin_stretch(machine);
}

int effect_is_sound(const struct effect *effect, size_t bytes, const struct machine *machine)
{
    uint64_t words = machine->size / 8;
    if (bytes < sizeof *effect || effect->bytes != bytes || effect->words_read > words || effect->words_written > words)
        return 0;
    if (bytes_of(effect) != bytes || ((effect->registers_added | effect->registers_xored) >> FCSR_BIT & 1))
        return 0;
    struct parts parts = parts_of(effect);
    for (uint64_t k = 0; k < effect->words_read; k++)
        if (parts.read_words[k] >= words)
            return 0;
    uint64_t first = (machine->writable_start - machine->base) / 8;
    for (uint64_t k = 0; k < effect->words_written; k++)
        if (parts.written_words[k] < first || parts.written_words[k] >= words)
            return 0;
    return 1;
}

int effect_matches(const struct effect *effect, const struct machine *machine)
{
    struct parts parts = parts_of(effect);
    if (effect->start_pc != machine->pc)
        return 0;
    for (uint64_t mask = effect->registers_read; mask != 0;)
        if (register_at(machine, next_register(&mask)) != *parts.registers_read++)
            return 0;
    for (uint64_t k = 0; k < effect->words_read; k++)
        if (word_at(machine, parts.read_words[k]) != parts.read_values[k])
            return 0;
    return 1;
}

void effect_apply(const struct effect *effect, struct machine *machine)
{
    struct parts parts = parts_of(effect);
    machine->stretch_is_valid = 0;
    machine->pc = effect->end_pc;
    machine->instructions += effect->instructions;
    machine->fcsr |= effect->raised;
    for (uint64_t mask = effect->registers_written; mask != 0;)
        set_register(machine, next_register(&mask), *parts.registers_written++);
    for (uint64_t mask = effect->registers_added; mask != 0;)
        machine->registers[next_register(&mask)] += *parts.added++;
    for (uint64_t mask = effect->registers_xored; mask != 0;)
        machine->registers[next_register(&mask)] ^= *parts.xored++;
    for (uint64_t k = 0; k < effect->words_written; k++)
        memcpy(machine->memory + 8 * (uint64_t)parts.written_words[k], &parts.written_values[k], 8);
}
