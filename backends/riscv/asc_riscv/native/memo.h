/* Memoised runs: effects of stretches that begin at the head of the watched loop are kept, and applied where the state
 * that they read comes back.
 *
 * An entry certifies itself: all that the stretch read is compared before it is applied. So what is kept never decides
 * what a run computes, only how long it takes. */
#ifndef ASC_RISCV_MEMO_H
#define ASC_RISCV_MEMO_H

#include "machine.h"

enum memo_bound {
    MEMO_WAYS = 4,    /* entries of one set; an entry's key says which set it belongs to */
    MEMO_INDEX = 8    /* values that a key is made of at most */
};

struct packed; /* an effect, see packed.h */

/* Entries, and what became of them. All but the counts belongs to memo.c. */
struct memo {
    uint64_t hits, misses;         /* look-ups */
    uint64_t recorded;             /* stretches */
    uint64_t evictions;
    uint64_t entries, bytes;       /* that are kept now; the bytes with the entry's place in the table */
    uint64_t skipped;              /* instructions that hits leapt over */
    uint64_t tracked;              /* instructions that were recorded */
    uint64_t executed;             /* instructions of memoised runs, with those leapt over */

    uint64_t max_bytes;
    int64_t stride;                /* visits from one look-up to the next that is not after a hit */
    int64_t turns;                 /* visits after which a stretch ends */
    uint64_t least;                /* instructions of a stretch that is kept; more where it is large */
    uint64_t sets, ways;
    uint32_t *tags;
    struct packed **slots;
    struct effect *effect;         /* the last one that was recorded */
    size_t effect_bytes;
    int compares_flags;            /* whether an entry has read fcsr */
    size_t index_count;
    const uint8_t *index[8];       /* where the values are that a key is made of */
    struct packed *found;          /* by the last look-up */
    int64_t misses_left;           /* before the next recording */
    int64_t interval;              /* misses between two recordings */
};

/* Make a memo for a machine. A key is made of the registers of a mask and of words of the memory, MEMO_INDEX in all;
 * further ones are left out. Return NULL where there is not enough memory, or where a word is not in the machine's. */
struct memo *memo_new(struct machine *machine, uint64_t registers, const uint32_t *words, size_t word_count,
                      uint64_t max_entries, uint64_t max_bytes, int64_t stride, int64_t turns, uint64_t least);

void memo_free(struct memo *memo);

/* Run like `machine_run`, with a memo of the same machine. A loop must be watched. The budget counts the instructions
 * that are leapt over as well. */
enum stop machine_run_memoised(struct machine *machine, struct memo *memo, int64_t budget, int64_t arrivals);

/* Look up at a visit of a plain run; return 1 where the run is to stop there: for a hit, or for a recording. */
int memo_visit(struct memo *memo, struct machine *machine);

#endif
