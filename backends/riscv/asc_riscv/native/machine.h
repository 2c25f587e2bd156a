/* A RISC-V machine for programs in user mode (RV64IMAFDC), and the effects of stretches of its run.
 *
 * Everything here may be called without Python. No function keeps static state, so machines of different threads are
 * independent of each other. A machine starts from any registers and any memory, and every run ends: each access is
 * checked, and each run has a budget.
 *
 * The build reads the declarations below for Python as well. It drops the lines that begin with a hash sign, so that
 * constants are enumerators and no declaration uses a macro.
 */
#ifndef ASC_RISCV_MACHINE_H
#define ASC_RISCV_MACHINE_H

#include <stddef.h>
#include <stdint.h>

enum register_number {
    FIRST_FLOAT = 32,     /* registers[0..31] are x0 to x31, registers[32..63] are f0 to f31 */
    REGISTER_COUNT = 64,
    SINK = 64             /* takes what a program writes to x0 */
};

enum register_bit {
    FCSR_BIT = 0          /* x0 is always zero, so its place in register masks stands for fcsr */
};

enum stop {
    STOP_ECALL,                    /* pc is at an ecall, which is not executed yet */
    STOP_BREAKPOINT,               /* pc is at a breakpoint */
    STOP_BUDGET,                   /* the budget is used up */
    STOP_EBREAK,                   /* pc is at an ebreak */
    STOP_BAD_ACCESS,               /* stop_address lies outside the memory, or an atomic access is misaligned there */
    STOP_READ_ONLY,                /* a store to stop_address, where constants are */
    STOP_STORE_INTO_CODE,          /* a store to stop_address, where code is */
    STOP_BAD_INSTRUCTION,          /* pc is at something that is no instruction */
    STOP_UNSUPPORTED_INSTRUCTION,  /* pc is at an instruction that this machine refuses */
    STOP_JUMP_OUTSIDE_CODE,        /* pc lies outside the code */
    STOP_MISALIGNED_JUMP,          /* pc is odd */
    STOP_VISIT                     /* pc is at the watched loop; only code in C sees this */
};

struct instruction;         /* decoded, for plain runs */
struct tracked_instruction; /* decoded, for tracked runs */
struct block;               /* what the instructions up to the next jump do to registers */
struct memo;                /* see memo.h */
struct overwritten_word;    /* a word that a stretch has written, and its value before */

/* What a stretch has done to registers. Bit k of a mask is register k. */
struct register_use {
    uint64_t read;        /* used before they were overwritten, other than by adding to them */
    uint64_t overwritten; /* their value no longer depends on the value at the start */
    uint64_t added;       /* only ever added to */
    uint64_t xored;       /* only ever combined by exclusive or */
    uint64_t changed;     /* written in any way */
};

/* Sums in memory: `ld t, o(b)`, then t = t + s, t = t - s or t = t + constant, then `sd t, o(b)`. A word that a stretch
 * only ever changes in this way is an increment, if nothing else uses the sum that is left in t. The three masks say
 * which registers could break this. */
struct sum_use {
    uint64_t holding; /* some block ends while the register holds a sum */
    uint64_t set;     /* some block ends while the register holds anything else that it has set */
    uint64_t used;    /* some block uses the value that the register has when it begins */
};

struct machine {
    uint64_t registers[65]; /* the last one is SINK */
    uint64_t pc;
    uint64_t fcsr;          /* exception flags in bits 0 to 4; the rounding mode in bits 5 to 7 is always 0 */
    uint64_t instructions;  /* executed since the machine was made */
    uint64_t stop_address;  /* of the access that the last run stopped at */
    int64_t arrivals_left;  /* arrivals at breakpoints that the last run did not reach */

    uint8_t *memory;        /* belongs to the caller */
    uint64_t base;          /* guest address of memory[0], a multiple of 8 */
    uint64_t size;          /* bytes, a multiple of 8, below 32 GiB; no access starts in the last 8 */
    uint64_t code_start;    /* even */
    uint64_t code_size;     /* bytes, even */
    uint64_t writable_start; /* stores below are refused; a multiple of 8, not below the end of the code */

    struct instruction *code;
    struct tracked_instruction *tracked_code; /* NULL until the first tracked run */
    struct block *blocks;
    size_t breakpoint_count;
    uint64_t *breakpoints;

    /* The watched loop: its head, then its exits. */
    size_t watched_count;
    uint64_t *watched;
    int64_t visits_left;    /* arrivals at its head after which a run stops there */
    int stops_at_exits;     /* whether a tracked run stops at its exits */
    struct memo *memo;      /* of the memoised run that is going on */

    /* The stretch that is being tracked. */
    int stretch_is_valid;   /* 0 after a bad access, where the sets hold too much, and where stretch_is_lost */
    int stretch_is_lost;    /* 1 after a plain run and after an effect was applied: nothing was noted there */
    uint32_t epoch;         /* number of the stretch; marks the blocks that it has entered */
    uint64_t stretch_pc;
    uint64_t stretch_fcsr;
    uint64_t stretch_raised; /* floating-point exception flags raised since */
    uint64_t stretch_instructions;
    uint64_t stretch_registers[64]; /* values at its start */
    struct register_use use;
    struct sum_use sums;
    int may_sum;                    /* 0 once a sum may have been used */
    uint32_t sum_word[64];          /* the word of the last sum that a register held; UINT32_MAX for none */
    uint64_t sum_value[64];         /* that sum */
    uint8_t *word_flags;
    uint32_t *read_words;                       /* words that were read before they were written, if ever */
    struct overwritten_word *overwritten_words; /* words that were written */
    size_t read_count, overwritten_count;
};

/* What a stretch read, and what it wrote. One block of bytes that can be copied, kept or sent anywhere: this head; then
 * values of 8 bytes: registers read, registers written, increments added, increments xored, distances of copied registers
 * (each by ascending register number), memory words read, memory words written, increments of memory words; then word
 * numbers of 4 bytes: those of copied registers, words read, words written, words added to. Word k of the memory is its
 * bytes from 8 * k. */
struct effect {
    uint64_t bytes;             /* of the whole effect, a multiple of 8 */
    uint64_t start_pc;
    uint64_t end_pc;
    uint64_t instructions;
    uint64_t registers_read;    /* masks; FCSR_BIT for fcsr */
    uint64_t registers_written;
    uint64_t registers_added;
    uint64_t registers_xored;
    uint64_t registers_copied;  /* end as the value of a word that was added to, plus a distance */
    uint64_t raised;            /* floating-point exception flags that the stretch raised */
    uint64_t words_read;        /* counts */
    uint64_t words_written;
    uint64_t words_added;
};

/* Make a machine over a memory that already holds the program. Return NULL where there is not enough memory for the
 * decoded program, or where an argument breaks what `struct machine` says of its fields. */
struct machine *machine_new(uint8_t *memory, uint64_t base, uint64_t size, uint64_t code_start, uint64_t code_size,
                            uint64_t writable_start);

void machine_free(struct machine *machine);

/* Replace all breakpoints, watch no loop any more, and begin a new stretch. Return 0 where an address is not in the code,
 * or where there is not enough memory; the machine has no breakpoints then. */
int machine_set_breakpoints(struct machine *machine, const uint64_t *addresses, size_t count);

/* Remove a breakpoint, if it is there, and begin a new stretch then. */
void machine_remove_breakpoint(struct machine *machine, uint64_t address);

/* Write where branches and jumps lead to whose place is in the instruction, or only those that lead back, one for each of
 * them, and return how many that are. There is room for one for every 2 bytes of the code. What lies between functions
 * may look like instructions. */
size_t machine_jump_targets(const struct machine *machine, int are_backward, uint64_t *targets);

/* Write the addresses to which the loop at a head is left, as far as branches and jumps tell, each once or several times,
 * and return how many that are, `most` at most. A loop is what lies between its head and the last jump back to it. Loops
 * that overlap, and of which neither lies in the other, are one, except for the loop around them, whose head is `outer`. */
size_t machine_exits(const struct machine *machine, uint64_t head, uint64_t outer, uint64_t *exits, size_t most);

/* Watch a loop for memoised runs, instead of the one before: the address of its head, then those of its exits, at which
 * nothing of the loop is left to do. Other runs do not stop there. A new stretch begins. Return 0 where an address is not
 * in the code, where the head is a breakpoint, or where there is not enough memory; no loop is watched then. */
int machine_watch(struct machine *machine, const uint64_t *addresses, size_t count);

/* Run until the machine stops, and return why. The budget counts instructions. It is looked at where a jump or a branch
 * is taken, so a run can exceed it by the instructions up to there. The run also stops when it has come `arrivals` times
 * to a breakpoint; the instruction that the run starts at is not counted. */
enum stop machine_run(struct machine *machine, int64_t budget, int64_t arrivals);

/* The same, and note what is read and written. Return -1 where there is not enough memory for that. */
int machine_run_tracked(struct machine *machine, int64_t budget, int64_t arrivals);

/* Forget what was read and written. Registers and memory may be changed from outside before, and not again until the
 * effect is taken. Return 0 where there is not enough memory. */
int machine_begin_stretch(struct machine *machine);

/* Bytes of the stretch's effect; 0 where it has none (see stretch_is_valid). */
size_t machine_effect_bytes(struct machine *machine);

/* Write the stretch's effect to `effect`, a place of that many bytes, aligned to 8. */
void machine_take_effect(struct machine *machine, struct effect *effect);

/* Undo the stretch: registers, pc and memory become what they were at its start. A new stretch begins. Return 0 where
 * there is none, or where it is lost. */
int machine_undo_stretch(struct machine *machine);

/* 1 where an effect of `bytes` bytes is well formed and names no word beyond the memory. For effects from outside. */
int effect_is_sound(const struct effect *effect, size_t bytes, const struct machine *machine);

/* 1 where the machine is at the effect's start and agrees with everything that the stretch read. */
int effect_matches(const struct effect *effect, const struct machine *machine);

/* Bring the machine to the end of the stretch. `effect_matches` must hold. */
void effect_apply(const struct effect *effect, struct machine *machine);

/* Follow a chain of pointers, each `offset` behind the address before. Return the last; 0 where one leaves the memory. */
uint64_t machine_follow(const struct machine *machine, uint64_t address, int64_t offset, uint64_t hops);

/* Return after how many such pointers the chain comes from one address to another, `most` at most; 0 if it does not. */
uint64_t machine_hops(const struct machine *machine, uint64_t from, uint64_t to, int64_t offset, uint64_t most);

#endif
