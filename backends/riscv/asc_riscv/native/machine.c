/* Machines: making them, breakpoints, and running. The interpreter itself is handlers.h, compiled twice below. */
#include <stdlib.h>
#include <string.h>

#include "decoded.h"
#include "floats.h"
#include "host_flags.h"
#include "machine.h"
#include "memo.h"

#if !defined(__GNUC__)
#error "This machine needs labels as values: compile it with gcc or clang."
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "This machine needs a host that is little endian, as RISC-V is."
#endif

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#if defined(__clang__)
#define NEVER_COPIED __attribute__((noinline))
#else
#define NEVER_COPIED __attribute__((noinline, noclone))
#endif

__extension__ typedef __int128 SIGNED_WIDE;
__extension__ typedef unsigned __int128 UNSIGNED_WIDE;

/* Division by zero and overflow have defined results. */
static inline uint64_t divided(int64_t a, int64_t b)
{
    if (b == 0)
        return ~(uint64_t)0;
    return b == -1 ? 0 - (uint64_t)a : (uint64_t)(a / b);
}

static inline uint64_t remainder_of(int64_t a, int64_t b)
{
    if (b == 0)
        return (uint64_t)a;
    return b == -1 ? 0 : (uint64_t)(a % b);
}

static int is_taken(enum operation operation, uint64_t a, uint64_t b)
{
    switch (operation) {
    case BEQ: return a == b;
    case BNE: return a != b;
    case BLT: return (int64_t)a < (int64_t)b;
    case BGE: return (int64_t)a >= (int64_t)b;
    case BLTU: return a < b;
    case BGEU: return a >= b;
    default: return 1; /* jumps */
    }
}

/* Read and write fflags (1), frm (2) or fcsr (3). Return 0 where the program asks for a rounding mode other than to
 * nearest. */
static NEVER_COPIED int access_csr(struct machine *machine, int64_t what, uint64_t operand, uint64_t *old)
{
    int number = what & 3, kind = what >> 2 & 3, has_constant = what >> 4 & 1;
    int shift = number == 2 ? 5 : 0;
    uint64_t field = number == 1 ? 0x1f : number == 2 ? 0x07 : 0xff;
    uint64_t constant = (uint64_t)what >> 5 & 31;
    machine->fcsr |= take_raised();
    *old = machine->fcsr >> shift & field;
    if (has_constant)
        operand = constant;
    uint64_t value = kind == 1 ? operand : kind == 2 ? *old | operand : *old & ~operand;
    uint64_t fcsr = (machine->fcsr & ~(field << shift)) | (value & field) << shift;
    if (fcsr >> 5 != 0)
        return 0;
    machine->fcsr = fcsr;
    return 1;
}

enum { STORE_CONDITIONAL = 3, LOAD_RESERVED = 2 };

/* An atomic operation: nothing can come between, since there is one hart. sc always succeeds. Return what rd gets. */
static NEVER_COPIED uint64_t do_atomic(int64_t funct5, size_t width, uint8_t *at, uint64_t operand)
{
    uint64_t old = 0, value = operand;
    memcpy(&old, at, width);
    if (width == 4) {
        old = (uint64_t)(int64_t)(int32_t)old;
        operand = (uint64_t)(int64_t)(int32_t)operand;
    }
    switch (funct5) {
    case LOAD_RESERVED: return old;
    case STORE_CONDITIONAL: memcpy(at, &operand, width); return 0;
    case 0x00: value = old + operand; break;
    case 0x01: value = operand; break;
    case 0x04: value = old ^ operand; break;
    case 0x08: value = old | operand; break;
    case 0x0c: value = old & operand; break;
    case 0x10: value = (int64_t)old < (int64_t)operand ? old : operand; break;
    case 0x14: value = (int64_t)old > (int64_t)operand ? old : operand; break;
    case 0x18: value = old < operand ? old : operand; break;
    default: value = old > operand ? old : operand; break;
    }
    memcpy(at, &value, width);
    return old;
}

static size_t width_of(enum operation operation)
{
    switch (operation) {
    case LB: case LBU: case SB: return 1;
    case LH: case LHU: case SH: return 2;
    case LW: case LWU: case SW: case FLW: case FSW: return 4;
    default: return 8;
    }
}

static uint64_t loaded(enum operation operation, const uint8_t *at)
{
    uint64_t value = 0;
    memcpy(&value, at, width_of(operation));
    switch (operation) {
    case LB: return (uint64_t)(int64_t)(int8_t)value;
    case LH: return (uint64_t)(int64_t)(int16_t)value;
    case LW: return (uint64_t)(int64_t)(int32_t)value;
    case FLW: return boxed((uint32_t)value);
    default: return value;
    }
}

/* The flags of a word after a store. Where it was added to, it is read: a register may hold the sum. */
static inline uint8_t written_flag(uint8_t flag, int is_whole)
{
    if (flag == WORD_READ)
        return WORD_READ | WORD_WRITTEN;
    return is_whole && flag != WORD_ADDED ? WORD_WRITTEN : WORD_WRITTEN | WORD_MERGED;
}

/* Note a load of any alignment, before it is done. */
static NEVER_COPIED uint32_t *note_load(uint8_t *flags, uint32_t *read, uint64_t offset, size_t width)
{
    for (uint64_t word = offset >> 3; word <= (offset + width - 1) >> 3; word++) {
        if (flags[word] & ~WORD_ADDED)
            continue;
        if (flags[word] == 0)
            *read++ = (uint32_t)word;
        flags[word] = flags[word] == 0 ? WORD_READ : WORD_WRITTEN | WORD_MERGED;
    }
    return read;
}

/* Note a store of any alignment, before it is done. A word that is only written in part keeps the rest of its value, so
 * it is read as well. */
static NEVER_COPIED struct overwritten_word *note_store(uint8_t *flags, struct overwritten_word *overwritten,
                                                        const uint8_t *memory, uint64_t offset, size_t width)
{
    int is_whole = width == 8 && offset % 8 == 0;
    for (uint64_t word = offset >> 3; word <= (offset + width - 1) >> 3; word++) {
        if (flags[word] & WORD_WRITTEN)
            continue;
        if (flags[word] != WORD_ADDED) {
            overwritten->word = word;
            memcpy(&overwritten->value, memory + 8 * word, 8);
            overwritten++;
        }
        flags[word] = written_flag(flags[word], is_whole);
    }
    return overwritten;
}

/* What a sum adds: `operand` is the register beside the sum's own. */
static inline uint64_t amount_of(uint8_t operation, uint64_t operand, int64_t immediate)
{
    return operation == ADDI ? (uint64_t)immediate : operation == SUB ? 0 - operand : operand;
}

/* Enter a block for the first time in a stretch. Where a register may hand a sum on to an instruction that uses it, all
 * words that were added to count as read from now on, and no others are added to. */
static NEVER_COPIED void enter(struct machine *machine, struct tracked_instruction *first,
                               const struct overwritten_word *end)
{
    const struct block *block = machine->blocks + (first - machine->tracked_code);
    first->epoch = machine->epoch;
    add_use(&machine->use, &block->use);
    machine->sums.holding |= block->sums.holding;
    machine->sums.set |= block->sums.set;
    machine->sums.used |= block->sums.used;
    if (!machine->may_sum || !(machine->sums.holding & machine->sums.used))
        return;
    machine->may_sum = 0;
    for (const struct overwritten_word *each = machine->overwritten_words; each < end; each++)
        if (machine->word_flags[each->word] == WORD_ADDED)
            machine->word_flags[each->word] = WORD_WRITTEN | WORD_MERGED;
}

#define TRACKED 0
#include "handlers.h"
#undef TRACKED
#define TRACKED 1
#include "handlers.h"
#undef TRACKED

static uint64_t parcel_count(const struct machine *machine)
{
    return machine->code_size / 2;
}

/* Decode the instruction at a parcel, with its target or immediate as the handlers want it. */
static struct instruction prepared(const struct machine *machine, uint64_t parcel, const struct decoded *decoded)
{
    uint64_t pc = machine->code_start + 2 * parcel;
    struct instruction instruction = {
        .immediate = decoded->immediate,
        .rd = decoded->rd,
        .rs1 = decoded->rs1,
        .rs2 = decoded->rs2,
        .rs3 = decoded->rs3,
        .operation = (uint8_t)decoded->operation,
        .is_4_bytes = decoded->length == 4,
    };
    switch (decoded->operation) {
    case LB: case LH: case LW: case LD: case LBU: case LHU: case LWU: case FLW: case FLD:
        instruction.immediate -= (int64_t)machine->base;
        break;
    case SB: case SH: case SW: case SD: case FSW: case FSD:
        instruction.immediate -= (int64_t)machine->writable_start;
        break;
    case CONSTANT:
        if (decoded->is_relative)
            instruction.immediate += (int64_t)pc;
        break;
    case BEQ: case BNE: case BLT: case BGE: case BLTU: case BGEU: case JUMP: case CALL: {
        uint64_t target = pc + (uint64_t)decoded->immediate;
        uint64_t target_parcel = (target - machine->code_start) >> 1;
        if (target_parcel < parcel_count(machine)) {
            instruction.target = machine->code + target_parcel;
        } else {
            instruction.rs3 = instruction.operation;
            instruction.operation = BRANCH_OUTSIDE;
            instruction.immediate = (int64_t)target;
        }
        break;
    }
    default:
        break;
    }
    return instruction;
}

static const void *handler_of(const void *const *handlers, const struct instruction *instruction)
{
    return handlers[2 * instruction->operation + instruction->is_4_bytes];
}

static struct decoded decode_parcel(const struct machine *machine, uint64_t parcel)
{
    const uint8_t *code = machine->memory + (machine->code_start - machine->base);
    return decode(code + 2 * parcel, machine->code_size - 2 * parcel);
}

static void decode_all(struct machine *machine)
{
    const void *const *handlers;
    uint64_t parcels = parcel_count(machine), next_in_line = 0;
    int32_t ordinal = 0;
    run_plain(NULL, 0, 0, &handlers);
    for (uint64_t parcel = 0; parcel < parcels; parcel++) {
        struct decoded decoded = decode_parcel(machine, parcel);
        struct instruction *instruction = machine->code + parcel;
        *instruction = prepared(machine, parcel, &decoded);
        instruction->handler = handler_of(handlers, instruction);
        instruction->ordinal = ordinal;
        if (parcel == next_in_line) {
            ordinal++;
            next_in_line += decoded.length / 2;
        }
    }
    for (uint64_t parcel = parcels; parcel < parcels + 2; parcel++) {
        struct instruction end = {.rd = SINK, .operation = OUTSIDE, .ordinal = ordinal};
        end.handler = handler_of(handlers, &end);
        machine->code[parcel] = end;
    }
    for (uint64_t parcel = 0; parcel < parcels; parcel++) {
        struct instruction *instruction = machine->code + parcel;
        if (has_target(instruction))
            instruction->skipped = 1 + instruction->ordinal - instruction->target->ordinal;
    }
}

/* 1 where a tracked run may stop before an instruction: at a breakpoint, and at the watched loop. */
static int is_mark(const struct tracked_instruction *instruction, const void *const *handlers)
{
    return instruction->handler == handlers[BREAKPOINT_HANDLER] || instruction->handler == handlers[VISIT_HANDLER];
}

/* The register that holds a sum in memory which begins at a parcel; 0 where none begins. `behind` is where it ends. */
static int find_sum(const struct machine *machine, uint64_t parcel, const void *const *handlers, uint64_t *behind)
{
    uint64_t parcels = parcel_count(machine);
    struct decoded load = decode_parcel(machine, parcel);
    uint64_t second = parcel + load.length / 2;
    if (load.operation != LD || load.rd == SINK || load.rd == load.rs1 || second >= parcels)
        return 0;
    struct decoded sum = decode_parcel(machine, second);
    uint64_t third = second + sum.length / 2;
    int is_first = sum.rs1 == load.rd, is_second = sum.rs2 == load.rd;
    int is_sum = (sum.operation == ADD && is_first != is_second) || (sum.operation == ADDI && is_first)
        || (sum.operation == SUB && is_first && !is_second);
    if (!is_sum || sum.rd != load.rd || third >= parcels)
        return 0;
    struct decoded store = decode_parcel(machine, third);
    *behind = third + store.length / 2;
    if (store.operation != SD || store.rs1 != load.rs1 || store.rs2 != load.rd || store.immediate != load.immediate)
        return 0;
    const struct tracked_instruction *code = machine->tracked_code;
    if (is_mark(code + second, handlers) || is_mark(code + third, handlers))
        return 0;
    uint64_t later = is_mark(code + *behind, handlers) ? 0 : machine->blocks[*behind].sums.used;
    return later >> load.rd & 1 ? 0 : load.rd;
}

/* What the block from a parcel on does to registers, from the blocks behind it. A block also ends before a mark. */
static void find_block(struct machine *machine, uint64_t parcel, const void *const *handlers)
{
    static const struct block nothing;
    struct tracked_instruction *instruction = machine->tracked_code + parcel;
    struct block *block = machine->blocks + parcel;
    struct decoded decoded = decode_parcel(machine, parcel);
    uint64_t next = parcel + decoded.length / 2, behind = 0;
    int is_last = ends_block(decoded.operation) || is_mark(machine->tracked_code + next, handlers);
    const struct block *rest = is_last ? &nothing : machine->blocks + next;
    *block = (struct block){.use = instruction_use(&decoded), .sums = rest->sums};
    block->sums.set |= block->use.changed & ~rest->use.changed;
    add_use(&block->use, &rest->use);
    int sum = find_sum(machine, parcel, handlers, &behind);
    if (sum != 0) {
        rest = is_mark(machine->tracked_code + behind, handlers) ? &nothing : machine->blocks + behind;
        block->sums = rest->sums;
        block->sums.holding |= (uint64_t)1 << sum & ~rest->use.changed;
    }
    block->sums.used = block->use.read | block->use.added | block->use.xored;
    instruction->is_sum = sum != 0;
    if (!is_mark(instruction, handlers))
        instruction->handler = sum != 0 ? handlers[SUM_HANDLER] : handler_of(handlers, machine->code + parcel);
}

/* Find the blocks again that a mark's coming or going changes: those from it up to where none has changed. */
static void update_blocks(struct machine *machine, uint64_t address)
{
    const void *const *handlers;
    run_tracked(NULL, 0, 0, &handlers);
    int unchanged = 0;
    for (uint64_t parcel = ((address - machine->code_start) >> 1) + 1; parcel-- > 0 && unchanged <= SUM_PARCELS;) {
        struct block before = machine->blocks[parcel];
        find_block(machine, parcel, handlers);
        unchanged = memcmp(&before, machine->blocks + parcel, sizeof before) == 0 ? unchanged + 1 : 0;
    }
}

static void mark_breakpoints(struct machine *machine, int are_set)
{
    const void *const *plain, *const *tracked;
    run_plain(NULL, 0, 0, &plain);
    run_tracked(NULL, 0, 0, &tracked);
    for (size_t k = 0; k < machine->breakpoint_count; k++) {
        uint64_t parcel = (machine->breakpoints[k] - machine->code_start) >> 1;
        struct instruction *instruction = machine->code + parcel;
        instruction->handler = are_set ? plain[BREAKPOINT_HANDLER] : handler_of(plain, instruction);
        if (machine->tracked_code != NULL)
            machine->tracked_code[parcel].handler = are_set ? tracked[BREAKPOINT_HANDLER] : handler_of(tracked, instruction);
    }
}

static uint64_t parcel_of(const struct machine *machine, uint64_t address)
{
    return (address - machine->code_start) >> 1;
}

/* Mark the watched loop for tracked runs. A breakpoint goes before. */
static void mark_watched(struct machine *machine, int is_watched)
{
    const void *const *handlers;
    run_tracked(NULL, 0, 0, &handlers);
    for (size_t k = 0; machine->tracked_code != NULL && k < machine->watched_count; k++) {
        uint64_t parcel = parcel_of(machine, machine->watched[k]);
        const void **handler = &machine->tracked_code[parcel].handler;
        if (*handler != handlers[BREAKPOINT_HANDLER])
            *handler = is_watched ? handlers[VISIT_HANDLER] : handler_of(handlers, machine->code + parcel);
    }
}

void arm_watched(struct machine *machine, int is_armed)
{
    const void *const *handlers;
    run_plain(NULL, 0, 0, &handlers);
    struct instruction *head = machine->code + parcel_of(machine, machine->watched[0]);
    head->handler = is_armed ? handlers[VISIT_HANDLER] : handler_of(handlers, head);
}

static int is_breakpoint(const struct machine *machine, uint64_t address)
{
    for (size_t k = 0; k < machine->breakpoint_count; k++)
        if (machine->breakpoints[k] == address)
            return 1;
    return 0;
}

/* Make what tracked runs need. */
static int prepare_tracking(struct machine *machine)
{
    if (machine->tracked_code != NULL)
        return 1;
    uint64_t parcels = parcel_count(machine), words = machine->size / 8;
    struct tracked_instruction *tracked = calloc(parcels + 2, sizeof *tracked);
    struct block *blocks = calloc(parcels + 2, sizeof *blocks);
    uint8_t *flags = calloc(words, 1);
    uint32_t *read = malloc(words * sizeof *read);
    struct overwritten_word *overwritten = malloc(words * sizeof *overwritten);
    if (tracked == NULL || blocks == NULL || flags == NULL || read == NULL || overwritten == NULL) {
        free(tracked);
        free(blocks);
        free(flags);
        free(read);
        free(overwritten);
        return 0;
    }
    const void *const *handlers;
    run_tracked(NULL, 0, 0, &handlers);
    for (uint64_t parcel = 0; parcel < parcels + 2; parcel++) {
        const struct instruction *from = machine->code + parcel;
        struct tracked_instruction *to = tracked + parcel;
        to->handler = handler_of(handlers, from);
        if (has_target(from))
            to->target = tracked + (from->target - machine->code);
        else
            to->immediate = from->immediate;
        to->ordinal = from->ordinal;
        to->skipped = from->skipped;
        to->rd = from->rd;
        to->rs1 = from->rs1;
        to->rs2 = from->rs2;
        to->rs3 = from->rs3;
        to->operation = from->operation;
        to->is_4_bytes = from->is_4_bytes;
    }
    machine->tracked_code = tracked;
    machine->blocks = blocks;
    machine->word_flags = flags;
    machine->read_words = read;
    machine->overwritten_words = overwritten;
    mark_breakpoints(machine, 1);
    mark_watched(machine, 1);
    for (uint64_t parcel = parcels; parcel-- > 0;)
        find_block(machine, parcel, handlers);
    return 1;
}

struct machine *machine_new(uint8_t *memory, uint64_t base, uint64_t size, uint64_t code_start, uint64_t code_size,
                            uint64_t writable_start)
{
    uint64_t end = base + size, code_end = code_start + code_size;
    if (base % 8 || size % 8 || size < 64 || size / 8 > UINT32_MAX || end < base || code_start % 2 || code_size % 2 || code_size == 0)
        return NULL;
    if (code_start < base || code_end < code_start || code_end > end)
        return NULL;
    if (writable_start % 8 || writable_start < code_end || writable_start > end - 8)
        return NULL;
    struct machine *machine = calloc(1, sizeof *machine);
    if (machine == NULL)
        return NULL;
    machine->memory = memory;
    machine->base = base;
    machine->size = size;
    machine->code_start = code_start;
    machine->code_size = code_size;
    machine->writable_start = writable_start;
    machine->visits_left = INT64_MAX;
    machine->code = calloc(code_size / 2 + 2, sizeof *machine->code);
    if (machine->code == NULL) {
        machine_free(machine);
        return NULL;
    }
    decode_all(machine);
    return machine;
}

void machine_free(struct machine *machine)
{
    if (machine == NULL)
        return;
    free(machine->code);
    free(machine->tracked_code);
    free(machine->blocks);
    free(machine->breakpoints);
    free(machine->watched);
    free(machine->word_flags);
    free(machine->read_words);
    free(machine->overwritten_words);
    free(machine);
}

/* Return a copy of addresses; NULL where one is not in the code, or where there is not enough memory. */
static uint64_t *copy_of(const struct machine *machine, const uint64_t *addresses, size_t count)
{
    uint64_t *kept = malloc((count + 1) * sizeof *kept);
    for (size_t k = 0; kept != NULL && k < count; k++) {
        uint64_t offset = addresses[k] - machine->code_start;
        if (offset >= machine->code_size || offset % 2 != 0) {
            free(kept);
            return NULL;
        }
        kept[k] = addresses[k];
    }
    return kept;
}

static void update_all_blocks(struct machine *machine, const uint64_t *addresses, size_t count)
{
    for (size_t k = 0; machine->tracked_code != NULL && k < count; k++)
        update_blocks(machine, addresses[k]);
}

static void begin_next_stretch(struct machine *machine)
{
    if (machine->tracked_code != NULL)
        machine_begin_stretch(machine);
}

static void unwatch(struct machine *machine)
{
    mark_watched(machine, 0);
    update_all_blocks(machine, machine->watched, machine->watched_count);
    machine->watched_count = 0;
}

int machine_set_breakpoints(struct machine *machine, const uint64_t *addresses, size_t count)
{
    unwatch(machine);
    mark_breakpoints(machine, 0);
    uint64_t *before = machine->breakpoints, *kept = copy_of(machine, addresses, count);
    size_t before_count = machine->breakpoint_count;
    machine->breakpoints = kept;
    machine->breakpoint_count = kept != NULL ? count : 0;
    mark_breakpoints(machine, 1);
    update_all_blocks(machine, before, before_count);
    update_all_blocks(machine, kept, machine->breakpoint_count);
    begin_next_stretch(machine);
    free(before);
    return kept != NULL;
}

int machine_watch(struct machine *machine, const uint64_t *addresses, size_t count)
{
    unwatch(machine);
    uint64_t *kept = is_breakpoint(machine, addresses[0]) ? NULL : copy_of(machine, addresses, count);
    if (kept != NULL) {
        free(machine->watched);
        machine->watched = kept;
        machine->watched_count = count;
        mark_watched(machine, 1);
        update_all_blocks(machine, kept, count);
    }
    begin_next_stretch(machine);
    return kept != NULL;
}

void machine_remove_breakpoint(struct machine *machine, uint64_t address)
{
    for (size_t k = 0; k < machine->breakpoint_count; k++) {
        if (machine->breakpoints[k] != address)
            continue;
        mark_breakpoints(machine, 0);
        machine->breakpoints[k] = machine->breakpoints[--machine->breakpoint_count];
        mark_breakpoints(machine, 1);
        update_all_blocks(machine, &address, 1);
        begin_next_stretch(machine);
        return;
    }
}

size_t machine_jump_targets(const struct machine *machine, int are_backward, uint64_t *targets)
{
    size_t count = 0;
    for (uint64_t parcel = 0; parcel < parcel_count(machine);) {
        const struct instruction *instruction = machine->code + parcel;
        if (has_target(instruction) && !(are_backward && instruction->target >= instruction))
            targets[count++] = machine->code_start + 2 * (uint64_t)(instruction->target - machine->code);
        parcel += instruction->is_4_bytes ? 2 : 1;
    }
    return count;
}

static int64_t without_overflow(int64_t budget)
{
    return budget < INT64_MAX / 2 ? budget : INT64_MAX / 2;
}

enum stop machine_run(struct machine *machine, int64_t budget, int64_t arrivals)
{
    machine->stretch_is_valid = 0;
    machine->stretch_is_lost = 1;
    host_state state = begin_floats();
    enum stop reason = run_plain(machine, without_overflow(budget), arrivals, NULL);
    machine->fcsr |= take_raised();
    end_floats(state);
    return reason;
}

int machine_begin_stretch(struct machine *machine)
{
    if (!prepare_tracking(machine))
        return 0;
    for (size_t k = 0; k < machine->read_count; k++)
        machine->word_flags[machine->read_words[k]] = 0;
    for (size_t k = 0; k < machine->overwritten_count; k++)
        machine->word_flags[machine->overwritten_words[k].word] = 0;
    machine->read_count = machine->overwritten_count = 0;
    if (++machine->epoch == 0) { /* after 4 billion stretches, old marks could be taken for new ones */
        for (uint64_t parcel = 0; parcel < parcel_count(machine); parcel++)
            machine->tracked_code[parcel].epoch = 0;
        machine->epoch = 1;
    }
    machine->use = (struct register_use){0};
    machine->sums = (struct sum_use){0};
    machine->may_sum = 1;
    memset(machine->sum_word, 0xff, sizeof machine->sum_word);
    machine->stretch_is_valid = 1;
    machine->stretch_is_lost = 0;
    machine->stretch_pc = machine->pc;
    machine->stretch_fcsr = machine->fcsr;
    machine->stretch_raised = 0;
    machine->stretch_instructions = machine->instructions;
    memcpy(machine->stretch_registers, machine->registers, sizeof machine->stretch_registers);
    return 1;
}

int machine_run_tracked(struct machine *machine, int64_t budget, int64_t arrivals)
{
    if (machine->epoch == 0 && !machine_begin_stretch(machine))
        return -1;
    host_state state = begin_floats();
    enum stop reason = run_tracked(machine, without_overflow(budget), arrivals, NULL);
    uint64_t raised = take_raised();
    machine->fcsr |= raised;
    machine->stretch_raised |= raised;
    end_floats(state);
    return (int)reason;
}
