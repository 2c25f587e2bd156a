/* The interpreter: a function RUN with a handler for each operation. machine.c includes this file twice, with TRACKED 0
 * and 1, so that plain and tracked runs are one text.
 *
 * A handler does its instruction and jumps to the handler of the next one. The handlers with the ending _2 belong to
 * instructions of 2 bytes: they differ by the step to the next instruction alone.
 *
 * What is tracked. Registers: whenever a block of instructions is entered for the first time in a stretch, what the
 * whole block does to registers is added to the stretch (`struct register_use`); to enter it again adds nothing new.
 * Memory: each word has a byte of flags, and is noted when it is first read and when it is first written. */

#if TRACKED
#define INSTRUCTION struct tracked_instruction
#define RUN run_tracked
#define CODE machine->tracked_code
#else
#define INSTRUCTION struct instruction
#define RUN run_plain
#define CODE machine->code
#endif

#define A x[i->rs1]
#define B x[i->rs2]
#define IMMEDIATE i->immediate
#define SIGNED(value) ((int64_t)(value))
#define LOW(value) ((uint32_t)(value))
#define EXTENDED(value) ((uint64_t)(int64_t)(int32_t)(value))

#define DISPATCH goto *i->handler

/* Go to the handler that a breakpoint may have replaced. */
#define DISPATCH_PLAINLY goto *handler_of[2 * i->operation + i->is_4_bytes]
#if TRACKED
#define DISPATCH_PAST_BREAKPOINT   \
    do {                           \
        if (i->is_sum)             \
            goto sum;              \
        DISPATCH_PLAINLY;          \
    } while (0)
#else
#define DISPATCH_PAST_BREAKPOINT DISPATCH_PLAINLY
#endif

/* Arrive at the first instruction of a block. */
#if TRACKED
#define ARRIVE                             \
    do {                                   \
        if (UNLIKELY(i->epoch != epoch))   \
            goto enter_block;              \
        DISPATCH;                          \
    } while (0)
#else
#define ARRIVE DISPATCH
#endif

#define NEXT(STEP)      \
    do {                \
        i += (STEP);    \
        DISPATCH;       \
    } while (0)

#define NEXT_BLOCK(STEP) \
    do {                 \
        i += (STEP);     \
        ARRIVE;          \
    } while (0)

#define GO_TO_TARGET                    \
    do {                                \
        left -= i->skipped;             \
        i = i->target;                  \
        if (UNLIKELY(left <= i->ordinal)) \
            goto out_of_budget;         \
        ARRIVE;                         \
    } while (0)

#define GO_TO_REGISTER(ADDRESS)                                    \
    do {                                                           \
        uint64_t parcel = ((ADDRESS) - code_start) >> 1;           \
        if (UNLIKELY(parcel >= parcels))                           \
            goto jumped_outside;                                   \
        left -= i->ordinal + 1;                                    \
        i = code + parcel;                                         \
        left += i->ordinal;                                        \
        if (UNLIKELY(left <= i->ordinal))                          \
            goto out_of_budget;                                    \
        ARRIVE;                                                    \
    } while (0)

/* Handlers by the lengths that their instructions can have. */
#define BOTH(NAME, ...)               \
    NAME##_2: { enum { STEP = 1 }; __VA_ARGS__ } \
    NAME##_4: { enum { STEP = 2 }; __VA_ARGS__ }
#define FOUR(NAME, ...) NAME##_4: { enum { STEP = 2 }; __VA_ARGS__ }

#define SET(VALUE)              \
    do {                        \
        x[i->rd] = (VALUE);     \
        NEXT(STEP);             \
    } while (0)

/* Memory. `offset` counts from memory[0] in loads, and from the first writable byte in stores. The decoded immediates
 * already have the addresses of these subtracted.
 *
 * Tracked accesses must be aligned to take the short way. Rotating the offset right turns an offset that is not aligned
 * into a huge number, so that the one comparison finds both faults. */
#if TRACKED
#define ROTATED(OFFSET, COUNT) ((COUNT) == 0 ? (OFFSET) : (OFFSET) >> (COUNT) | (OFFSET) << ((64 - (COUNT)) & 63))

#define NOTE_OVERWRITTEN(WORD)                                     \
    do {                                                           \
        overwritten->word = (WORD);                                \
        memcpy(&overwritten->value, memory + 8 * (WORD), 8);       \
        overwritten++;                                             \
    } while (0)

/* Note an access that takes the long way. */
#define NOTE_LOAD(OFFSET, WIDTH) (read = note_load(flags, read, OFFSET, WIDTH))
#define NOTE_STORE(OFFSET, WIDTH) (overwritten = note_store(flags, overwritten, memory, OFFSET, WIDTH))

#define FIND_LOAD(LOG2)                                            \
    uint64_t offset = A + IMMEDIATE;                               \
    uint64_t unit = ROTATED(offset, LOG2);                         \
    if (UNLIKELY(unit >= limit_##LOG2)) {                          \
        address = offset;                                          \
        goto unusual_load;                                         \
    }                                                              \
    uint64_t word = unit >> (3 - (LOG2));                          \
    uint8_t flag = flags[word];                                    \
    if (UNLIKELY(!(flag & ~WORD_ADDED))) {                         \
        if (flag == 0) {                                           \
            flags[word] = WORD_READ;                               \
            *read++ = (uint32_t)word;                              \
        } else {                                                   \
            flags[word] = WORD_WRITTEN | WORD_MERGED;              \
        }                                                          \
    }

#define FIND_STORE(LOG2)                                           \
    uint64_t offset = A + IMMEDIATE;                               \
    uint64_t unit = ROTATED(offset, LOG2);                         \
    if (UNLIKELY(unit >= writable_limit_##LOG2)) {                 \
        address = offset;                                          \
        goto unusual_store;                                        \
    }                                                              \
    uint64_t word = (unit >> (3 - (LOG2))) + first_writable_word;  \
    uint8_t flag = flags[word];                                    \
    if (UNLIKELY(!(flag & WORD_WRITTEN))) {                        \
        if (flag != WORD_ADDED)                                    \
            NOTE_OVERWRITTEN(word);                                \
        flags[word] = written_flag(flag, (LOG2) == 3);             \
    }
#else
#define FIND_LOAD(LOG2)                                            \
    uint64_t offset = A + IMMEDIATE;                               \
    if (UNLIKELY(offset >= limit)) {                               \
        address = offset;                                          \
        goto bad_access;                                           \
    }

#define FIND_STORE(LOG2)                                           \
    uint64_t offset = A + IMMEDIATE;                               \
    if (UNLIKELY(offset >= writable_limit)) {                      \
        address = offset;                                          \
        goto bad_store;                                            \
    }
#endif

#define LOAD(LOG2, TYPE)                                           \
    FIND_LOAD(LOG2)                                                \
    TYPE value;                                                    \
    memcpy(&value, memory + offset, sizeof value);                 \
    SET((uint64_t)(int64_t)value);

#define LOAD_SINGLE                                                \
    FIND_LOAD(2)                                                   \
    uint32_t value;                                                \
    memcpy(&value, memory + offset, sizeof value);                 \
    SET(boxed(value));

#define STORE(LOG2, TYPE)                                          \
    FIND_STORE(LOG2)                                               \
    TYPE value = (TYPE)B;                                          \
    memcpy(writable + offset, &value, sizeof value);               \
    NEXT(STEP);

#define BRANCH(CONDITION)       \
    if (CONDITION)              \
        GO_TO_TARGET;           \
    NEXT_BLOCK(STEP);

#define RETURN_ADDRESS (code_start + 2 * (uint64_t)(i - code) + 2 * STEP)

#define STOP(REASON)            \
    do {                        \
        reason = (REASON);      \
        goto stop;              \
    } while (0)

#define S(REGISTER) single_of(x[i->REGISTER])
#define D(REGISTER) double_of(x[i->REGISTER])

NEVER_COPIED enum stop RUN(struct machine *machine, int64_t budget, int64_t arrivals, const void *const **handlers)
{
#define BOTH_LABELS(NAME) __extension__ &&NAME##_2, __extension__ &&NAME##_4,
#define FOUR_LABELS(NAME) __extension__ &&BAD_4, __extension__ &&NAME##_4,
    static const void *const handler_of[] = {
        OPERATIONS_OF_BOTH_LENGTHS(BOTH_LABELS) OPERATIONS_OF_FOUR_BYTES(FOUR_LABELS) __extension__ &&breakpoint,
        __extension__ &&visit,
#if TRACKED
        __extension__ &&sum,
#endif
    };
#undef BOTH_LABELS
#undef FOUR_LABELS
    if (machine == NULL) {
        *handlers = handler_of;
        return STOP_BUDGET;
    }

    uint64_t *const x = machine->registers;
    uint8_t *const memory = machine->memory;
    uint8_t *const writable = memory + (machine->writable_start - machine->base);
    INSTRUCTION *const code = CODE;
    const uint64_t code_start = machine->code_start;
    const uint64_t parcels = machine->code_size / 2;
    const uint64_t limit = machine->size - 8;
    const uint64_t writable_limit = machine->base + machine->size - 8 - machine->writable_start;
#if TRACKED
    const uint64_t limit_0 = limit, limit_1 = limit >> 1, limit_2 = limit >> 2, limit_3 = limit >> 3;
    const uint64_t writable_limit_0 = writable_limit, writable_limit_1 = writable_limit >> 1;
    const uint64_t writable_limit_2 = writable_limit >> 2, writable_limit_3 = writable_limit >> 3;
    const uint64_t first_writable_word = (machine->writable_start - machine->base) >> 3;
    const uint32_t epoch = machine->epoch;
    uint8_t *const flags = machine->word_flags;
    uint32_t *read = machine->read_words + machine->read_count;
    struct overwritten_word *overwritten = machine->overwritten_words + machine->overwritten_count;
#endif
    INSTRUCTION *i;
    int64_t left;     /* of the budget, after the instructions before `i`, plus the ordinal of `i` */
    uint64_t address; /* of an access that takes the long way: an offset first */
    enum stop reason;

    machine->stop_address = 0;
    x[0] = 0;
    machine->arrivals_left = arrivals;
    if (machine->pc & 1)
        return STOP_MISALIGNED_JUMP;
    if ((machine->pc - code_start) >> 1 >= parcels)
        return STOP_JUMP_OUTSIDE_CODE;
    i = code + ((machine->pc - code_start) >> 1);
    if (budget <= 0)
        return STOP_BUDGET;
    left = budget + i->ordinal;
#if TRACKED
    if (i->epoch != epoch)
        enter(machine, i, overwritten);
#endif
    DISPATCH_PAST_BREAKPOINT;

    BOTH(NOP, NEXT(STEP);)
    BOTH(CONSTANT, SET((uint64_t)IMMEDIATE);)
    BOTH(MOVE, SET(A);)
    BOTH(ADD, SET(A + B);)
    BOTH(ADDI, SET(A + IMMEDIATE);)
    BOTH(ADDW, SET(EXTENDED(A + B));)
    BOTH(ADDIW, SET(EXTENDED(A + IMMEDIATE));)
    BOTH(SUB, SET(A - B);)
    BOTH(SUBW, SET(EXTENDED(A - B));)
    BOTH(AND, SET(A & B);)
    BOTH(ANDI, SET(A & IMMEDIATE);)
    BOTH(OR, SET(A | B);)
    BOTH(XOR, SET(A ^ B);)
    BOTH(SLLI, SET(A << IMMEDIATE);)
    BOTH(SRLI, SET(A >> IMMEDIATE);)
    BOTH(SRAI, SET((uint64_t)(SIGNED(A) >> IMMEDIATE));)
    FOUR(ORI, SET(A | IMMEDIATE);)
    FOUR(XORI, SET(A ^ IMMEDIATE);)
    FOUR(SLT, SET(SIGNED(A) < SIGNED(B));)
    FOUR(SLTU, SET(A < B);)
    FOUR(SLTI, SET(SIGNED(A) < IMMEDIATE);)
    FOUR(SLTIU, SET(A < (uint64_t)IMMEDIATE);)
    FOUR(SLL, SET(A << (B & 63));)
    FOUR(SRL, SET(A >> (B & 63));)
    FOUR(SRA, SET((uint64_t)(SIGNED(A) >> (B & 63)));)
    FOUR(SLLIW, SET(EXTENDED(LOW(A) << IMMEDIATE));)
    FOUR(SRLIW, SET(EXTENDED(LOW(A) >> IMMEDIATE));)
    FOUR(SRAIW, SET(EXTENDED((int32_t)LOW(A) >> IMMEDIATE));)
    FOUR(SLLW, SET(EXTENDED(LOW(A) << (B & 31)));)
    FOUR(SRLW, SET(EXTENDED(LOW(A) >> (B & 31)));)
    FOUR(SRAW, SET(EXTENDED((int32_t)LOW(A) >> (B & 31)));)

    FOUR(MUL, SET(A * B);)
    FOUR(MULH, SET((uint64_t)((SIGNED_WIDE)SIGNED(A) * SIGNED(B) >> 64));)
    FOUR(MULHSU, SET((uint64_t)((SIGNED_WIDE)SIGNED(A) * (SIGNED_WIDE)B >> 64));)
    FOUR(MULHU, SET((uint64_t)((UNSIGNED_WIDE)A * B >> 64));)
    FOUR(DIV, SET(divided(SIGNED(A), SIGNED(B)));)
    FOUR(DIVU, SET(B == 0 ? ~(uint64_t)0 : A / B);)
    FOUR(REM, SET(remainder_of(SIGNED(A), SIGNED(B)));)
    FOUR(REMU, SET(B == 0 ? A : A % B);)
    FOUR(MULW, SET(EXTENDED(A * B));)
    FOUR(DIVW, SET(EXTENDED(divided((int32_t)A, (int32_t)B)));)
    FOUR(DIVUW, SET(LOW(B) == 0 ? ~(uint64_t)0 : EXTENDED(LOW(A) / LOW(B)));)
    FOUR(REMW, SET(EXTENDED(remainder_of((int32_t)A, (int32_t)B)));)
    FOUR(REMUW, SET(EXTENDED(LOW(B) == 0 ? LOW(A) : LOW(A) % LOW(B)));)

    FOUR(LB, LOAD(0, int8_t))
    FOUR(LH, LOAD(1, int16_t))
    BOTH(LW, LOAD(2, int32_t))
    BOTH(LD, LOAD(3, uint64_t))
    FOUR(LBU, LOAD(0, uint8_t))
    FOUR(LHU, LOAD(1, uint16_t))
    FOUR(LWU, LOAD(2, uint32_t))
    FOUR(SB, STORE(0, uint8_t))
    FOUR(SH, STORE(1, uint16_t))
    BOTH(SW, STORE(2, uint32_t))
    BOTH(SD, STORE(3, uint64_t))
    FOUR(FLW, LOAD_SINGLE)
    BOTH(FLD, LOAD(3, uint64_t))
    FOUR(FSW, STORE(2, uint32_t))
    BOTH(FSD, STORE(3, uint64_t))

    BOTH(BEQ, BRANCH(A == B))
    BOTH(BNE, BRANCH(A != B))
    FOUR(BLT, BRANCH(SIGNED(A) < SIGNED(B)))
    FOUR(BGE, BRANCH(SIGNED(A) >= SIGNED(B)))
    FOUR(BLTU, BRANCH(A < B))
    FOUR(BGEU, BRANCH(A >= B))
    BOTH(JUMP, GO_TO_TARGET;)
    BOTH(CALL, x[i->rd] = RETURN_ADDRESS; GO_TO_TARGET;)
    BOTH(JUMP_REGISTER, address = (A + IMMEDIATE) & ~(uint64_t)1; GO_TO_REGISTER(address);)
    BOTH(CALL_REGISTER, address = (A + IMMEDIATE) & ~(uint64_t)1; x[i->rd] = RETURN_ADDRESS; GO_TO_REGISTER(address);)
    /* A jump or branch whose target is no place in the code: rs3 is its operation, the immediate its target. */
    BOTH(BRANCH_OUTSIDE,
        if (!is_taken((enum operation)i->rs3, A, B))
            NEXT_BLOCK(STEP);
        if (i->rs3 == CALL)
            x[i->rd] = RETURN_ADDRESS;
        address = (uint64_t)IMMEDIATE;
        goto jumped_outside;)

    BOTH(ECALL, STOP(STOP_ECALL);)
    BOTH(EBREAK, STOP(STOP_EBREAK);)
    BOTH(BAD, STOP(STOP_BAD_INSTRUCTION);)
    BOTH(UNSUPPORTED, STOP(STOP_UNSUPPORTED_INSTRUCTION);)
    BOTH(OUTSIDE, STOP(STOP_JUMP_OUTSIDE_CODE);)

    FOUR(ATOMIC_W, goto atomic;)
    FOUR(ATOMIC_D, goto atomic;)

    FOUR(CSR,
        uint64_t old;
        if (!access_csr(machine, IMMEDIATE, A, &old))
            STOP(STOP_UNSUPPORTED_INSTRUCTION);
        SET(old);)


    FOUR(FADD_S, SET(of_single(S(rs1) + S(rs2)));)
    FOUR(FSUB_S, SET(of_single(S(rs1) - S(rs2)));)
    FOUR(FMUL_S, SET(of_single(S(rs1) * S(rs2)));)
    FOUR(FDIV_S, SET(of_single(S(rs1) / S(rs2)));)
    FOUR(FSQRT_S, SET(of_single(sqrtf(S(rs1))));)
    FOUR(FMADD_S, SET(of_single(fused_single(S(rs1), S(rs2), S(rs3))));)
    FOUR(FMSUB_S, SET(of_single(fused_single(S(rs1), S(rs2), -S(rs3))));)
    FOUR(FNMSUB_S, SET(of_single(fused_single(-S(rs1), S(rs2), S(rs3))));)
    FOUR(FNMADD_S, SET(of_single(fused_single(-S(rs1), S(rs2), -S(rs3))));)
    FOUR(FSGNJ_S, SET(boxed((unboxed(A) & ~SIGN_SINGLE) | (unboxed(B) & SIGN_SINGLE)));)
    FOUR(FSGNJN_S, SET(boxed((unboxed(A) & ~SIGN_SINGLE) | (~unboxed(B) & SIGN_SINGLE)));)
    FOUR(FSGNJX_S, SET(boxed(unboxed(A) ^ (unboxed(B) & SIGN_SINGLE)));)
    FOUR(FMV_X_W, SET(EXTENDED(A));)
    FOUR(FMV_W_X, SET(boxed(LOW(A)));)
    FOUR(FCVT_S_D, SET(of_single((float)D(rs1)));)
    FOUR(FMIN_S, SET(extreme_single(A, B, 0));)
    FOUR(FMAX_S, SET(extreme_single(A, B, 1));)
    FOUR(FEQ_S, SET(S(rs1) == S(rs2));)
    FOUR(FLT_S, SET(is_comparable(S(rs1), S(rs2)) && S(rs1) < S(rs2));)
    FOUR(FLE_S, SET(is_comparable(S(rs1), S(rs2)) && S(rs1) <= S(rs2));)
    FOUR(FCLASS_S, SET(class_of_single(A));)
    FOUR(FCVT_W_S, SET(to_w(S(rs1), (int)IMMEDIATE));)
    FOUR(FCVT_WU_S, SET(to_wu(S(rs1), (int)IMMEDIATE));)
    FOUR(FCVT_L_S, SET(to_l(S(rs1), (int)IMMEDIATE));)
    FOUR(FCVT_LU_S, SET(to_lu(S(rs1), (int)IMMEDIATE));)
    FOUR(FCVT_S_W, SET(of_single((float)(int32_t)A));)
    FOUR(FCVT_S_WU, SET(of_single((float)LOW(A)));)
    FOUR(FCVT_S_L, SET(of_single((float)SIGNED(A)));)
    FOUR(FCVT_S_LU, SET(of_single((float)A));)

    FOUR(FADD_D, SET(of_double(D(rs1) + D(rs2)));)
    FOUR(FSUB_D, SET(of_double(D(rs1) - D(rs2)));)
    FOUR(FMUL_D, SET(of_double(D(rs1) * D(rs2)));)
    FOUR(FDIV_D, SET(of_double(D(rs1) / D(rs2)));)
    FOUR(FSQRT_D, SET(of_double(sqrt(D(rs1))));)
    FOUR(FMADD_D, SET(of_double(fused_double(D(rs1), D(rs2), D(rs3))));)
    FOUR(FMSUB_D, SET(of_double(fused_double(D(rs1), D(rs2), -D(rs3))));)
    FOUR(FNMSUB_D, SET(of_double(fused_double(-D(rs1), D(rs2), D(rs3))));)
    FOUR(FNMADD_D, SET(of_double(fused_double(-D(rs1), D(rs2), -D(rs3))));)
    FOUR(FSGNJ_D, SET((A & ~SIGN_DOUBLE) | (B & SIGN_DOUBLE));)
    FOUR(FSGNJN_D, SET((A & ~SIGN_DOUBLE) | (~B & SIGN_DOUBLE));)
    FOUR(FSGNJX_D, SET(A ^ (B & SIGN_DOUBLE));)
    FOUR(FMV_X_D, SET(A);)
    FOUR(FMV_D_X, SET(A);)
    FOUR(FCVT_D_S, SET(of_double((double)S(rs1)));)
    FOUR(FMIN_D, SET(extreme_double(A, B, 0));)
    FOUR(FMAX_D, SET(extreme_double(A, B, 1));)
    FOUR(FEQ_D, SET(D(rs1) == D(rs2));)
    FOUR(FLT_D, SET(is_comparable(D(rs1), D(rs2)) && D(rs1) < D(rs2));)
    FOUR(FLE_D, SET(is_comparable(D(rs1), D(rs2)) && D(rs1) <= D(rs2));)
    FOUR(FCLASS_D, SET(class_of_double(A));)
    FOUR(FCVT_W_D, SET(to_w(D(rs1), (int)IMMEDIATE));)
    FOUR(FCVT_WU_D, SET(to_wu(D(rs1), (int)IMMEDIATE));)
    FOUR(FCVT_L_D, SET(to_l(D(rs1), (int)IMMEDIATE));)
    FOUR(FCVT_LU_D, SET(to_lu(D(rs1), (int)IMMEDIATE));)
    FOUR(FCVT_D_W, SET(of_double((double)(int32_t)A));)
    FOUR(FCVT_D_WU, SET(of_double((double)LOW(A)));)
    FOUR(FCVT_D_L, SET(of_double((double)SIGNED(A)));)
    FOUR(FCVT_D_LU, SET(of_double((double)A));)

breakpoint:
    /* The count stays in memory: registers are for what every jump needs. */
    if (--machine->arrivals_left <= 0) {
        machine->arrivals_left = 0;
        STOP(STOP_BREAKPOINT);
    }
#if TRACKED
    if (i->epoch != epoch)
        enter(machine, i, overwritten);
#endif
    DISPATCH_PAST_BREAKPOINT;

visit:
#if TRACKED
    if (--machine->visits_left <= 0 || (machine->stops_at_exits && i != code + (machine->watched[0] - code_start) / 2))
        STOP(STOP_VISIT);
    if (i->epoch != epoch)
        enter(machine, i, overwritten);
#else
    if (--machine->visits_left <= 0 && memo_visit(machine->memo, machine))
        STOP(STOP_VISIT);
#endif
    DISPATCH_PAST_BREAKPOINT;

#if TRACKED
enter_block:
    /* A run may stop here, and then nothing of the block has been executed. */
    if (i->handler == handler_of[BREAKPOINT_HANDLER])
        goto breakpoint;
    if (i->handler == handler_of[VISIT_HANDLER])
        goto visit;
    enter(machine, i, overwritten);
    DISPATCH;

/* Load, add and store, where all that the stretch does to the word is adding. Otherwise do the load alone. */
sum: {
    const INSTRUCTION *addition = i + 1 + i->is_4_bytes;
    uint64_t offset = A + IMMEDIATE, word = ROTATED(offset, 3), value;
    if (UNLIKELY(word >= limit_3 || flags[word] != WORD_ADDED)) {
        if (word >= limit_3 || flags[word] != 0 || word < first_writable_word || !machine->may_sum) {
            machine->sums.set |= (uint64_t)1 << i->rd;
            DISPATCH_PLAINLY;
        }
        flags[word] = WORD_ADDED;
        NOTE_OVERWRITTEN(word);
    }
    memcpy(&value, memory + offset, sizeof value);
    value += amount_of(addition->operation, addition->rd == addition->rs1 ? x[addition->rs2] : x[addition->rs1],
                       addition->immediate);
    memcpy(memory + offset, &value, sizeof value);
    x[i->rd] = value;
    machine->sum_word[i->rd] = (uint32_t)word;
    machine->sum_value[i->rd] = value;
    i = i + 1 + i->is_4_bytes;
    i = i + 1 + i->is_4_bytes;
    i = i + 1 + i->is_4_bytes;
    DISPATCH;
}
#endif

#if TRACKED
/* An access that is not aligned, or outside the memory. */
unusual_load:
    if (address >= limit)
        goto bad_access;
    NOTE_LOAD(address, width_of((enum operation)i->operation));
    x[i->rd] = loaded((enum operation)i->operation, memory + address);
    i += 1 + i->is_4_bytes;
    DISPATCH;

unusual_store:
    if (address >= writable_limit)
        goto bad_store;
    NOTE_STORE(address + 8 * first_writable_word, width_of((enum operation)i->operation));
    memcpy(writable + address, &B, width_of((enum operation)i->operation));
    i += 1 + i->is_4_bytes;
    DISPATCH;
#endif

atomic: {
    /* lr only loads; the others need writable memory. */
    size_t width = i->operation == ATOMIC_W ? 4 : 8;
    int is_load = IMMEDIATE == LOAD_RESERVED;
    uint64_t old;
    address = A - machine->base;
    if (address % width != 0 || (is_load && address >= limit))
        goto bad_access;
    address = A - machine->writable_start;
    if (!is_load && address >= writable_limit)
        goto bad_store;
    address = A - machine->base;
#if TRACKED
    if (IMMEDIATE != STORE_CONDITIONAL)
        NOTE_LOAD(address, width);
    if (!is_load)
        NOTE_STORE(address, width);
#endif
    old = do_atomic(IMMEDIATE, width, memory + address, B);
    x[i->rd] = old;
    i += 2;
    DISPATCH;
}

bad_store:
    address += machine->writable_start - machine->base;
    if (address + machine->base - code_start < machine->code_size)
        reason = STOP_STORE_INTO_CODE;
    else
        reason = address < limit ? STOP_READ_ONLY : STOP_BAD_ACCESS;
    goto fault;

bad_access:
    reason = STOP_BAD_ACCESS;

fault:
    machine->stop_address = address + machine->base;
#if TRACKED
    machine->stretch_is_valid = 0;
#endif
    goto stop;

jumped_outside:
    machine->instructions += (uint64_t)(budget - left + i->ordinal + 1);
    machine->pc = address;
    reason = STOP_JUMP_OUTSIDE_CODE;
    goto leave;

out_of_budget:
    reason = STOP_BUDGET;

stop:
    machine->instructions += (uint64_t)(budget - left + i->ordinal);
    machine->pc = code_start + 2 * (uint64_t)(i - code);

leave:
#if TRACKED
    machine->read_count = (size_t)(read - machine->read_words);
    machine->overwritten_count = (size_t)(overwritten - machine->overwritten_words);
#endif
    return reason;
}

#undef INSTRUCTION
#undef RUN
#undef CODE
#undef A
#undef B
#undef IMMEDIATE
#undef SIGNED
#undef LOW
#undef EXTENDED
#undef DISPATCH
#undef DISPATCH_PLAINLY
#undef DISPATCH_PAST_BREAKPOINT
#undef ARRIVE
#undef NEXT
#undef NEXT_BLOCK
#undef GO_TO_TARGET
#undef GO_TO_REGISTER
#undef BOTH
#undef FOUR
#undef SET
#undef ROTATED
#undef NOTE_OVERWRITTEN
#undef NOTE_LOAD
#undef NOTE_STORE
#undef FIND_LOAD
#undef FIND_STORE
#undef LOAD
#undef LOAD_SINGLE
#undef STORE
#undef BRANCH
#undef RETURN_ADDRESS
#undef STOP
#undef S
#undef D
