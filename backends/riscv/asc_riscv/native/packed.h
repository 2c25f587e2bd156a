/* Effects in as few bytes as possible, for a table with many small ones: what a look-up reads should be near. */
#ifndef ASC_RISCV_PACKED_H
#define ASC_RISCV_PACKED_H

#include "machine.h"

enum { MOST_WORDS = UINT16_MAX };

/* Behind it: values of 8 bytes (registers read, written, added, xored, copied; words read, written, added), then numbers
 * of words of 4 bytes (copied, read, written, added), then numbers of registers of 1 byte (as their values). */
struct packed {
    uint32_t end;             /* offset of the end's pc in the code */
    uint32_t instructions;
    uint8_t registers_read, registers_written, registers_added, registers_xored, registers_copied; /* counts */
    uint8_t raised;
    uint8_t uses;             /* recent ones */
    uint8_t is_arrival;       /* whether the stretch ended at a breakpoint */
    uint16_t words_read, words_written, words_added; /* counts */
    uint16_t unused;
};

/* Bytes of an effect when it is packed; 0 where it is too large for that. */
size_t packed_bytes(const struct effect *effect, const struct machine *machine);

void pack(const struct effect *effect, const struct machine *machine, struct packed *packed);

/* As `effect_matches` and `effect_apply`, at the pc where the effect starts. */
int packed_matches(const struct packed *packed, const struct machine *machine);
void packed_apply(const struct packed *packed, struct machine *machine);

/* Bytes of a packed effect. */
size_t bytes_of_packed(const struct packed *packed);

#endif
