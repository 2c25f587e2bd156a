/* Effects: what a tracked stretch read and wrote, taken from a machine, compared with another one, and applied to it. */
#include <string.h>

#include "access.h"
#include "decoded.h"
#include "machine.h"

/* Where the parts of an effect are. */
struct parts {
    uint64_t *registers_read, *registers_written, *added, *xored, *distances;
    uint64_t *read_values, *written_values, *increments;
    uint32_t *copied_words, *read_words, *written_words, *added_words;
};

static struct parts parts_of(const struct effect *effect)
{
    struct parts parts;
    parts.registers_read = (uint64_t *)(effect + 1);
    parts.registers_written = parts.registers_read + count_bits(effect->registers_read);
    parts.added = parts.registers_written + count_bits(effect->registers_written);
    parts.xored = parts.added + count_bits(effect->registers_added);
    parts.distances = parts.xored + count_bits(effect->registers_xored);
    parts.read_values = parts.distances + count_bits(effect->registers_copied);
    parts.written_values = parts.read_values + effect->words_read;
    parts.increments = parts.written_values + effect->words_written;
    parts.copied_words = (uint32_t *)(parts.increments + effect->words_added);
    parts.read_words = parts.copied_words + count_bits(effect->registers_copied);
    parts.written_words = parts.read_words + effect->words_read;
    parts.added_words = parts.written_words + effect->words_written;
    return parts;
}

static size_t bytes_of(const struct effect *effect)
{
    uint64_t registers = count_bits(effect->registers_read) + count_bits(effect->registers_written)
        + count_bits(effect->registers_added) + count_bits(effect->registers_xored)
        + count_bits(effect->registers_copied);
    uint64_t words = effect->words_read + effect->words_written + effect->words_added;
    uint64_t numbers = words + count_bits(effect->registers_copied);
    return sizeof *effect + 8 * (registers + words) + (4 * numbers + 7) / 8 * 8;
}

/* Registers that end as the value of a word that was added to, plus a distance. Whether a register still holds its last
 * sum follows from its value, or from nothing else having set it. Where neither tells, the word counts as read, and so
 * the value is known anyway. */
static uint64_t settle_copies(struct machine *machine)
{
    uint64_t copied = 0;
    for (uint64_t mask = machine->sums.holding; mask != 0;) {
        int number = next_register(&mask);
        uint32_t word = machine->sum_word[number];
        if (word == UINT32_MAX || machine->registers[number] != machine->sum_value[number])
            continue;
        uint8_t *flags = machine->word_flags + word;
        if (*flags != WORD_ADDED)
            continue; /* it is read */
        if (!(machine->sums.set >> number & 1))
            copied |= (uint64_t)1 << number;
        else
            *flags = WORD_WRITTEN | WORD_MERGED;
    }
    /* A word that one register needs as read is no word that another one is copied from. */
    for (uint64_t mask = copied; mask != 0;) {
        int number = next_register(&mask);
        if (machine->word_flags[machine->sum_word[number]] != WORD_ADDED)
            copied &= ~((uint64_t)1 << number);
    }
    return copied;
}

/* The head of the stretch's effect. */
static struct effect head_of(const struct machine *machine, uint64_t copied)
{
    struct effect effect = {
        .start_pc = machine->stretch_pc,
        .end_pc = machine->pc,
        .instructions = machine->instructions - machine->stretch_instructions,
        .registers_read = machine->use.read,
        .registers_added = machine->use.added,
        .registers_xored = machine->use.xored,
        .registers_written = machine->use.changed & ~(machine->use.added | machine->use.xored | copied),
        .registers_copied = copied,
        .raised = machine->stretch_raised,
    };
    effect.words_read = machine->read_count;
    for (size_t k = 0; k < machine->overwritten_count; k++) {
        uint8_t flags = machine->word_flags[machine->overwritten_words[k].word];
        effect.words_read += (flags & WORD_MERGED) != 0;
        effect.words_added += flags == WORD_ADDED;
    }
    effect.words_written = machine->overwritten_count - effect.words_added;
    effect.bytes = bytes_of(&effect);
    return effect;
}

size_t machine_effect_bytes(struct machine *machine)
{
    return machine->stretch_is_valid ? head_of(machine, settle_copies(machine)).bytes : 0;
}

void machine_take_effect(struct machine *machine, struct effect *effect)
{
    *effect = head_of(machine, settle_copies(machine));
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
    for (uint64_t mask = effect->registers_copied; mask != 0;) {
        int number = next_register(&mask);
        uint32_t word = machine->sum_word[number];
        *parts.distances++ = machine->registers[number] - word_at(machine, word);
        *parts.copied_words++ = word;
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
        if (machine->word_flags[overwritten->word] == WORD_ADDED) {
            *parts.added_words++ = (uint32_t)overwritten->word;
            *parts.increments++ = word_at(machine, overwritten->word) - overwritten->value;
            continue;
        }
        if (machine->word_flags[overwritten->word] & (WORD_READ | WORD_MERGED)) {
            *parts.read_words++ = (uint32_t)overwritten->word;
            *parts.read_values++ = overwritten->value;
        }
        *parts.written_words++ = (uint32_t)overwritten->word;
        *parts.written_values++ = word_at(machine, overwritten->word);
    }
    if ((uint8_t *)parts.added_words < (uint8_t *)effect + effect->bytes)
        *parts.added_words = 0; /* the last four bytes are there to fill the last eight */
}

int machine_undo_stretch(struct machine *machine)
{
    if (machine->epoch == 0 || machine->stretch_is_lost)
        return 0;
    for (size_t k = 0; k < machine->overwritten_count; k++)
        set_word(machine, machine->overwritten_words[k].word, machine->overwritten_words[k].value);
    machine->pc = machine->stretch_pc;
    machine->fcsr = machine->stretch_fcsr;
    machine->instructions = machine->stretch_instructions;
    memcpy(machine->registers, machine->stretch_registers, sizeof machine->stretch_registers);
    return machine_begin_stretch(machine);
}

int effect_is_sound(const struct effect *effect, size_t bytes, const struct machine *machine)
{
    uint64_t words = machine->size / 8;
    if (bytes < sizeof *effect || effect->bytes != bytes)
        return 0;
    if (effect->words_read > words || effect->words_written > words || effect->words_added > words)
        return 0;
    uint64_t others = effect->registers_added | effect->registers_xored | effect->registers_copied;
    if (bytes_of(effect) != bytes || (others >> FCSR_BIT & 1))
        return 0;
    struct parts parts = parts_of(effect);
    for (uint64_t k = 0; k < effect->words_read; k++)
        if (parts.read_words[k] >= words)
            return 0;
    uint64_t first = (machine->writable_start - machine->base) / 8;
    for (uint64_t k = 0; k < effect->words_written; k++)
        if (parts.written_words[k] < first || parts.written_words[k] >= words)
            return 0;
    for (uint64_t k = 0; k < effect->words_added; k++)
        if (parts.added_words[k] < first || parts.added_words[k] >= words)
            return 0;
    for (uint64_t k = 0; k < count_bits(effect->registers_copied); k++)
        if (parts.copied_words[k] >= words)
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
    machine->stretch_is_lost = 1;
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
        set_word(machine, parts.written_words[k], parts.written_values[k]);
    for (uint64_t k = 0; k < effect->words_added; k++)
        set_word(machine, parts.added_words[k], word_at(machine, parts.added_words[k]) + parts.increments[k]);
    for (uint64_t mask = effect->registers_copied; mask != 0;)
        machine->registers[next_register(&mask)] = word_at(machine, *parts.copied_words++) + *parts.distances++;
}
