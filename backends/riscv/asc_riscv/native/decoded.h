/* Decoded instructions: what decode.c makes of the code, and what the handlers in handlers.h read. */
#ifndef ASC_RISCV_DECODED_H
#define ASC_RISCV_DECODED_H

#include "machine.h"
#include "operations.h"

#define ENUMERATOR(NAME) NAME,
enum operation { OPERATIONS_OF_BOTH_LENGTHS(ENUMERATOR) OPERATIONS_OF_FOUR_BYTES(ENUMERATOR) OPERATION_COUNT };
#undef ENUMERATOR

/* One for every 2 bytes of the code, since a jump may lead to any even address.
 *
 * `ordinal` numbers the instructions in the order of their addresses. A run that goes from one instruction to a later
 * one without a jump has executed as many as their ordinals differ by, so that only jumps need to count. */
struct instruction {
    const void *handler;
    union {
        int64_t immediate;
        struct instruction *target;
    };
    int32_t ordinal;
    int32_t skipped;    /* of a jump: 1 + its own ordinal - the target's ordinal */
    uint8_t rd, rs1, rs2, rs3;
    uint8_t operation;
    uint8_t is_4_bytes;
};

/* The same for tracked runs. */
struct tracked_instruction {
    const void *handler;
    union {
        int64_t immediate;
        struct tracked_instruction *target;
    };
    int32_t ordinal;
    int32_t skipped;
    uint8_t rd, rs1, rs2, rs3;
    uint8_t operation;
    uint8_t is_4_bytes;
    uint8_t is_sum;     /* this and the next two instructions add to a word of the memory (see struct sum_use) */
    uint32_t epoch;     /* the last stretch that entered a block here */
};

enum { SUM_PARCELS = 6 }; /* parcels of 2 bytes that the three instructions of a sum have at most */

/* What the instructions from one on to the next jump or breakpoint do to registers. */
struct block {
    struct register_use use;
    struct sum_use sums;
};

/* A word of the memory is noted at most twice in a stretch: when it is first read, by its number alone, and when it is
 * first written, with its value until then. Until a word is written, its value is the one that was read. */
struct overwritten_word {
    uint64_t value;
    uint64_t word;
};

enum word_flag {
    WORD_READ = 1,    /* is among read_words */
    WORD_WRITTEN = 2, /* is among overwritten_words */
    WORD_MERGED = 4,  /* is written and read, and not among read_words: it was first written in part, for instance */
    WORD_ADDED = 8    /* is among overwritten_words, and was only added to; alone */
};

/* An instruction as the decoder returns it. Operands that an instruction does not have are 0; rd is SINK then. */
struct decoded {
    enum operation operation;
    uint8_t rd, rs1, rs2, rs3;
    uint8_t length;      /* 2 or 4 */
    int64_t immediate;   /* of a jump: the distance to its target; of CONSTANT after auipc: to be added to pc */
    int is_relative;     /* immediate is a distance from pc */
};

/* 1 for a branch or a jump that names its target. */
static inline int has_target(const struct instruction *instruction)
{
    switch (instruction->operation) {
    case BEQ: case BNE: case BLT: case BGE: case BLTU: case BGEU: case JUMP: case CALL: return 1;
    default: return 0;
    }
}

/* Decode the instruction at the start of `available` bytes. */
struct decoded decode(const uint8_t *bytes, uint64_t available);

/* What a single instruction does to registers. */
struct register_use instruction_use(const struct decoded *instruction);

/* 1 for an instruction after which the next one is not simply the one behind it, or where every run stops. */
int ends_block(enum operation operation);

/* Extend `use` by what came next. */
void add_use(struct register_use *use, const struct register_use *next);

/* Run. Where `machine` is NULL, only say where the handlers are: that of operation k at 2 * k for instructions of 2
 * bytes, at 2 * k + 1 for those of 4; then the one that takes their place at a breakpoint,
 * and the one at the watched loop (see machine_watch); last, for tracked runs, the one that does a sum in memory. */
enum stop run_plain(struct machine *machine, int64_t budget, int64_t arrivals, const void *const **handlers);
enum stop run_tracked(struct machine *machine, int64_t budget, int64_t arrivals, const void *const **handlers);

/* Let plain runs come to `memo_visit` at the head of the watched loop, or no longer. */
void arm_watched(struct machine *machine, int is_armed);

enum { BREAKPOINT_HANDLER = 2 * OPERATION_COUNT, VISIT_HANDLER, SUM_HANDLER };

#endif
