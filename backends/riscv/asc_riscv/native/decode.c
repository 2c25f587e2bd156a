/* The decoder: bytes of code to operations, for RV64IMAFD and their 2-byte forms. */
#include <string.h>

#include "decoded.h"

static int32_t bits(uint32_t word, int low, int count)
{
    return (int32_t)(word >> low & ((1u << count) - 1));
}

static int64_t sign_extend(uint64_t value, int width)
{
    return (int64_t)(value << (64 - width)) >> (64 - width);
}

static struct decoded bad(int length)
{
    return (struct decoded){.operation = BAD, .rd = SINK, .length = (uint8_t)length};
}

static struct decoded unsupported(void)
{
    return (struct decoded){.operation = UNSUPPORTED, .rd = SINK, .length = 4};
}

static uint8_t destination(int number)
{
    return (uint8_t)(number == 0 ? SINK : number);
}

static uint8_t floating(int number)
{
    return (uint8_t)(FIRST_FLOAT + number);
}

static struct decoded with_registers(enum operation operation, int rd, int rs1, int rs2)
{
    return (struct decoded){
        .operation = operation,
        .rd = (uint8_t)rd,
        .rs1 = (uint8_t)rs1,
        .rs2 = (uint8_t)rs2,
        .length = 4,
    };
}

static struct decoded with_immediate(enum operation operation, int rd, int rs1, int64_t immediate)
{
    struct decoded decoded = with_registers(operation, rd, rs1, 0);
    decoded.immediate = immediate;
    return decoded;
}

static struct decoded relative(struct decoded decoded)
{
    decoded.is_relative = 1;
    return decoded;
}

/* addi rd, rs1, immediate: also how a constant is loaded, how a register is copied, and the instruction that does
 * nothing. */
static struct decoded add_immediate(int rd, int rs1, int64_t immediate)
{
    if (rd == SINK)
        return with_registers(NOP, SINK, 0, 0);
    if (rs1 == 0)
        return with_immediate(CONSTANT, rd, 0, immediate);
    if (immediate == 0)
        return with_registers(MOVE, rd, rs1, 0);
    return with_immediate(ADDI, rd, rs1, immediate);
}

static struct decoded decode_immediate_operation(uint32_t word)
{
    static const enum operation operations[8] = {ADDI, SLLI, SLTI, SLTIU, XORI, SRLI, ORI, ANDI};
    int rd = destination(bits(word, 7, 5)), rs1 = bits(word, 15, 5), funct3 = bits(word, 12, 3);
    int64_t immediate = sign_extend(word >> 20, 12);
    if (funct3 == 0)
        return add_immediate(rd, rs1, immediate);
    if (funct3 == 1 || funct3 == 5) {
        int upper = bits(word, 26, 6);
        int is_arithmetic = funct3 == 5 && upper == 0x10;
        if (upper != 0 && !is_arithmetic)
            return bad(4);
        return with_immediate(is_arithmetic ? SRAI : operations[funct3], rd, rs1, bits(word, 20, 6));
    }
    return with_immediate(operations[funct3], rd, rs1, immediate);
}

static struct decoded decode_immediate_operation_32(uint32_t word)
{
    int rd = destination(bits(word, 7, 5)), rs1 = bits(word, 15, 5), upper = bits(word, 25, 7);
    int shift = bits(word, 20, 5);
    switch (bits(word, 12, 3)) {
    case 0: return with_immediate(ADDIW, rd, rs1, sign_extend(word >> 20, 12));
    case 1: return upper == 0 ? with_immediate(SLLIW, rd, rs1, shift) : bad(4);
    case 5:
        if (upper == 0)
            return with_immediate(SRLIW, rd, rs1, shift);
        return upper == 0x20 ? with_immediate(SRAIW, rd, rs1, shift) : bad(4);
    default: return bad(4);
    }
}

static struct decoded decode_register_operation(uint32_t word)
{
    static const enum operation base[8] = {ADD, SLL, SLT, SLTU, XOR, SRL, OR, AND};
    static const enum operation multiply[8] = {MUL, MULH, MULHSU, MULHU, DIV, DIVU, REM, REMU};
    int rd = destination(bits(word, 7, 5)), rs1 = bits(word, 15, 5), rs2 = bits(word, 20, 5);
    int funct3 = bits(word, 12, 3);
    switch (bits(word, 25, 7)) {
    case 0:
        return with_registers(base[funct3], rd, rs1, rs2);
    case 1:
        return with_registers(multiply[funct3], rd, rs1, rs2);
    case 0x20:
        if (funct3 == 0 || funct3 == 5)
            return with_registers(funct3 == 0 ? SUB : SRA, rd, rs1, rs2);
        return bad(4);
    default:
        return bad(4);
    }
}

static struct decoded decode_register_operation_32(uint32_t word)
{
    static const enum operation base[8] = {ADDW, SLLW, BAD, BAD, BAD, SRLW, BAD, BAD};
    static const enum operation multiply[8] = {MULW, BAD, BAD, BAD, DIVW, DIVUW, REMW, REMUW};
    int rd = destination(bits(word, 7, 5)), rs1 = bits(word, 15, 5), rs2 = bits(word, 20, 5);
    int funct3 = bits(word, 12, 3);
    enum operation operation = BAD;
    switch (bits(word, 25, 7)) {
    case 0: operation = base[funct3]; break;
    case 1: operation = multiply[funct3]; break;
    case 0x20: operation = funct3 == 0 ? SUBW : funct3 == 5 ? SRAW : BAD; break;
    }
    return operation == BAD ? bad(4) : with_registers(operation, rd, rs1, rs2);
}

static struct decoded decode_load(uint32_t word)
{
    static const enum operation operations[8] = {LB, LH, LW, LD, LBU, LHU, LWU, BAD};
    enum operation operation = operations[bits(word, 12, 3)];
    if (operation == BAD)
        return bad(4);
    return with_immediate(operation, destination(bits(word, 7, 5)), bits(word, 15, 5), sign_extend(word >> 20, 12));
}

static int64_t store_offset(uint32_t word)
{
    return sign_extend((uint64_t)(bits(word, 25, 7) << 5 | bits(word, 7, 5)), 12);
}

static struct decoded with_store(enum operation operation, int rs1, int rs2, int64_t offset)
{
    struct decoded decoded = with_registers(operation, SINK, rs1, rs2);
    decoded.immediate = offset;
    return decoded;
}

static struct decoded decode_store(uint32_t word)
{
    static const enum operation operations[4] = {SB, SH, SW, SD};
    int funct3 = bits(word, 12, 3);
    if (funct3 > 3)
        return bad(4);
    return with_store(operations[funct3], bits(word, 15, 5), bits(word, 20, 5), store_offset(word));
}

static struct decoded decode_branch(uint32_t word)
{
    static const enum operation operations[8] = {BEQ, BNE, BAD, BAD, BLT, BGE, BLTU, BGEU};
    enum operation operation = operations[bits(word, 12, 3)];
    if (operation == BAD)
        return bad(4);
    struct decoded decoded = with_registers(operation, SINK, bits(word, 15, 5), bits(word, 20, 5));
    decoded.immediate = sign_extend((uint64_t)(uint32_t)(bits(word, 31, 1) << 12 | bits(word, 7, 1) << 11
                                                         | bits(word, 25, 6) << 5 | bits(word, 8, 4) << 1), 13);
    return relative(decoded);
}

static struct decoded jump(int rd, int64_t distance)
{
    return relative(with_immediate(rd == SINK ? JUMP : CALL, rd, 0, distance));
}

static struct decoded jump_register(int rd, int rs1, int64_t offset)
{
    return with_immediate(rd == SINK ? JUMP_REGISTER : CALL_REGISTER, rd, rs1, offset);
}

static struct decoded decode_jump(uint32_t word)
{
    uint32_t distance = (uint32_t)(bits(word, 31, 1) << 20 | bits(word, 12, 8) << 12 | bits(word, 20, 1) << 11
                                   | bits(word, 21, 10) << 1);
    return jump(destination(bits(word, 7, 5)), sign_extend(distance, 21));
}

/* Atomic operations. The immediate is the number of the operation (funct5). */
static struct decoded decode_atomic(uint32_t word)
{
    int funct5 = bits(word, 27, 5), width = bits(word, 12, 3), rs2 = bits(word, 20, 5);
    int is_load = funct5 == 2;
    int is_known = funct5 <= 4 || (funct5 % 4 == 0 && funct5 <= 0x1c);
    if ((width != 2 && width != 3) || !is_known || (is_load && rs2 != 0))
        return bad(4);
    struct decoded decoded = with_registers(width == 2 ? ATOMIC_W : ATOMIC_D, destination(bits(word, 7, 5)),
                                            bits(word, 15, 5), rs2);
    decoded.immediate = funct5;
    return decoded;
}

/* ecall, ebreak, and the control registers of floating point: fflags (1), frm (2) and fcsr (3). The immediate of CSR
 * holds the register's number in bits 0 and 1, then funct3, then the small constant of the forms that have one. */
static struct decoded decode_system(uint32_t word)
{
    int funct3 = bits(word, 12, 3), number = bits(word, 20, 12), rd = destination(bits(word, 7, 5));
    if (word == 0x00000073)
        return with_registers(ECALL, SINK, 0, 0);
    if (word == 0x00100073)
        return with_registers(EBREAK, SINK, 0, 0);
    if (funct3 == 0 || funct3 == 4)
        return bad(4);
    if (number < 1 || number > 3)
        return unsupported();
    int has_constant = funct3 >= 4;
    struct decoded decoded = with_registers(CSR, rd, has_constant ? 0 : bits(word, 15, 5), 0);
    decoded.immediate = number | funct3 << 2 | bits(word, 15, 5) << 5;
    return decoded;
}

/* The rounding mode of an arithmetic operation: to nearest (0), or as fcsr says (7), which is to nearest as well. The
 * others exist and are refused, since the host computes with one mode. */
static int is_to_nearest(uint32_t word)
{
    int mode = bits(word, 12, 3);
    return mode == 0 || mode == 7;
}

static struct decoded with_rounding(uint32_t word, struct decoded decoded)
{
    int mode = bits(word, 12, 3);
    if (mode == 5 || mode == 6)
        return bad(4);
    return is_to_nearest(word) ? decoded : unsupported();
}

static struct decoded decode_fused_multiply(uint32_t word)
{
    static const enum operation operations[4][2] = {
        {FMADD_S, FMADD_D}, {FMSUB_S, FMSUB_D}, {FNMSUB_S, FNMSUB_D}, {FNMADD_S, FNMADD_D}};
    int format = bits(word, 25, 2);
    if (format > 1)
        return bad(4);
    struct decoded decoded = with_registers(operations[bits(word, 2, 2)][format], floating(bits(word, 7, 5)),
                                            floating(bits(word, 15, 5)), floating(bits(word, 20, 5)));
    decoded.rs3 = floating(bits(word, 27, 5));
    return with_rounding(word, decoded);
}

static struct decoded decode_float(uint32_t word)
{
    static const enum operation arithmetic[4][2] = {
        {FADD_S, FADD_D}, {FSUB_S, FSUB_D}, {FMUL_S, FMUL_D}, {FDIV_S, FDIV_D}};
    static const enum operation signs[3][2] = {{FSGNJ_S, FSGNJ_D}, {FSGNJN_S, FSGNJN_D}, {FSGNJX_S, FSGNJX_D}};
    static const enum operation extremes[2][2] = {{FMIN_S, FMIN_D}, {FMAX_S, FMAX_D}};
    static const enum operation comparisons[3][2] = {{FLE_S, FLE_D}, {FLT_S, FLT_D}, {FEQ_S, FEQ_D}};
    static const enum operation to_integer[4][2] = {
        {FCVT_W_S, FCVT_W_D}, {FCVT_WU_S, FCVT_WU_D}, {FCVT_L_S, FCVT_L_D}, {FCVT_LU_S, FCVT_LU_D}};
    static const enum operation from_integer[4][2] = {
        {FCVT_S_W, FCVT_D_W}, {FCVT_S_WU, FCVT_D_WU}, {FCVT_S_L, FCVT_D_L}, {FCVT_S_LU, FCVT_D_LU}};
    int format = bits(word, 25, 2), funct3 = bits(word, 12, 3), second = bits(word, 20, 5);
    int frd = floating(bits(word, 7, 5)), frs1 = floating(bits(word, 15, 5)), frs2 = floating(second);
    int xrd = destination(bits(word, 7, 5)), xrs1 = bits(word, 15, 5);
    if (format > 1)
        return bad(4);
    int funct5 = bits(word, 27, 5);
    switch (funct5) {
    case 0x00: case 0x01: case 0x02: case 0x03:
        return with_rounding(word, with_registers(arithmetic[funct5][format], frd, frs1, frs2));
    case 0x0b:
        if (second != 0)
            return bad(4);
        return with_rounding(word, with_registers(format ? FSQRT_D : FSQRT_S, frd, frs1, 0));
    case 0x04:
        return funct3 < 3 ? with_registers(signs[funct3][format], frd, frs1, frs2) : bad(4);
    case 0x05:
        return funct3 < 2 ? with_registers(extremes[funct3][format], frd, frs1, frs2) : bad(4);
    case 0x14:
        return funct3 < 3 ? with_registers(comparisons[funct3][format], xrd, frs1, frs2) : bad(4);
    case 0x08: /* between single and double */
        if (second > 1 || second == format)
            return bad(4);
        return with_rounding(word, with_registers(format ? FCVT_D_S : FCVT_S_D, frd, frs1, 0));
    case 0x18: { /* to an integer, in any rounding mode */
        if (second > 3 || funct3 == 5 || funct3 == 6)
            return bad(4);
        return with_immediate(to_integer[second][format], xrd, frs1, funct3 == 7 ? 0 : funct3);
    }
    case 0x1a:
        if (second > 3)
            return bad(4);
        if ((funct3 == 5 || funct3 == 6))
            return bad(4);
        if (format == 1 && second < 2) /* 32 bits always fit a double: no rounding */
            return with_registers(from_integer[second][format], frd, xrs1, 0);
        return with_rounding(word, with_registers(from_integer[second][format], frd, xrs1, 0));
    case 0x1c:
        if (second != 0 || funct3 > 1)
            return bad(4);
        if (funct3 == 1)
            return with_registers(format ? FCLASS_D : FCLASS_S, xrd, frs1, 0);
        return with_registers(format ? FMV_X_D : FMV_X_W, xrd, frs1, 0);
    case 0x1e:
        if (second != 0 || funct3 != 0)
            return bad(4);
        return with_registers(format ? FMV_D_X : FMV_W_X, frd, xrs1, 0);
    default:
        return bad(4);
    }
}

static struct decoded decode_4_bytes(uint32_t word)
{
    int rd = destination(bits(word, 7, 5)), funct3 = bits(word, 12, 3);
    switch (bits(word, 0, 7)) {
    case 0x03: return decode_load(word);
    case 0x07: /* floating-point loads */
        if (funct3 != 2 && funct3 != 3)
            return bad(4);
        return with_immediate(funct3 == 2 ? FLW : FLD, floating(bits(word, 7, 5)), bits(word, 15, 5),
                              sign_extend(word >> 20, 12));
    case 0x0f: /* fence and fence.i: one hart, and code does not change */
        return funct3 < 2 ? with_registers(NOP, SINK, 0, 0) : bad(4);
    case 0x13: return decode_immediate_operation(word);
    case 0x17: return relative(with_immediate(CONSTANT, rd, 0, sign_extend(word & 0xfffff000u, 32)));
    case 0x1b: return decode_immediate_operation_32(word);
    case 0x23: return decode_store(word);
    case 0x27: /* floating-point stores */
        if (funct3 != 2 && funct3 != 3)
            return bad(4);
        return with_store(funct3 == 2 ? FSW : FSD, bits(word, 15, 5), floating(bits(word, 20, 5)), store_offset(word));
    case 0x2f: return decode_atomic(word);
    case 0x33: return decode_register_operation(word);
    case 0x37: return with_immediate(CONSTANT, rd, 0, sign_extend(word & 0xfffff000u, 32));
    case 0x3b: return decode_register_operation_32(word);
    case 0x43: case 0x47: case 0x4b: case 0x4f: return decode_fused_multiply(word);
    case 0x53: return decode_float(word);
    case 0x63: return decode_branch(word);
    case 0x67: return funct3 == 0 ? jump_register(rd, bits(word, 15, 5), sign_extend(word >> 20, 12)) : bad(4);
    case 0x6f: return decode_jump(word);
    case 0x73: return decode_system(word);
    default: return bad(4);
    }
}

/* Registers x8 to x15 and f8 to f15 have 3 bits in instructions of 2 bytes. */
static int short_register(uint32_t half, int low)
{
    return 8 + bits(half, low, 3);
}

static struct decoded decode_quadrant_0(uint32_t half)
{
    int rs1 = short_register(half, 7), rd = short_register(half, 2);
    int offset_w = bits(half, 10, 3) << 3 | bits(half, 6, 1) << 2 | bits(half, 5, 1) << 6;
    int offset_d = bits(half, 10, 3) << 3 | bits(half, 5, 2) << 6;
    switch (bits(half, 13, 3)) {
    case 0: { /* c.addi4spn */
        int amount = bits(half, 11, 2) << 4 | bits(half, 7, 4) << 6 | bits(half, 6, 1) << 2 | bits(half, 5, 1) << 3;
        return amount == 0 ? bad(2) : with_immediate(ADDI, rd, 2, amount);
    }
    case 1: return with_immediate(FLD, floating(rd), rs1, offset_d);
    case 2: return with_immediate(LW, rd, rs1, offset_w);
    case 3: return with_immediate(LD, rd, rs1, offset_d);
    case 5: return with_store(FSD, rs1, floating(rd), offset_d);
    case 6: return with_store(SW, rs1, rd, offset_w);
    case 7: return with_store(SD, rs1, rd, offset_d);
    default: return bad(2);
    }
}

static struct decoded decode_short_arithmetic(uint32_t half, int64_t immediate)
{
    static const enum operation operations[2][4] = {{SUB, XOR, OR, AND}, {SUBW, ADDW, BAD, BAD}};
    int rd = short_register(half, 7), shift = (int)(immediate & 63);
    switch (bits(half, 10, 2)) {
    case 0: return with_immediate(SRLI, rd, rd, shift);
    case 1: return with_immediate(SRAI, rd, rd, shift);
    case 2: return with_immediate(ANDI, rd, rd, immediate);
    default: {
        enum operation operation = operations[bits(half, 12, 1)][bits(half, 5, 2)];
        return operation == BAD ? bad(2) : with_registers(operation, rd, rd, short_register(half, 2));
    }
    }
}

static struct decoded decode_quadrant_1(uint32_t half)
{
    int number = bits(half, 7, 5), rd = destination(number);
    int64_t immediate = sign_extend((uint64_t)(bits(half, 12, 1) << 5 | bits(half, 2, 5)), 6);
    switch (bits(half, 13, 3)) {
    case 0: return add_immediate(rd, number, immediate);
    case 1: return number == 0 ? bad(2) : with_immediate(ADDIW, rd, number, immediate);
    case 2: return add_immediate(rd, 0, immediate);
    case 3:
        if (immediate == 0)
            return bad(2);
        if (number == 2) { /* c.addi16sp */
            int amount = bits(half, 12, 1) << 9 | bits(half, 6, 1) << 4 | bits(half, 5, 1) << 6
                | bits(half, 3, 2) << 7 | bits(half, 2, 1) << 5;
            return with_immediate(ADDI, 2, 2, sign_extend((uint64_t)amount, 10));
        }
        return add_immediate(rd, 0, immediate * 4096); /* c.lui */
    case 4: return decode_short_arithmetic(half, immediate);
    case 5: {
        uint32_t distance = (uint32_t)(bits(half, 12, 1) << 11 | bits(half, 11, 1) << 4 | bits(half, 9, 2) << 8
                                       | bits(half, 8, 1) << 10 | bits(half, 7, 1) << 6 | bits(half, 6, 1) << 7
                                       | bits(half, 3, 3) << 1 | bits(half, 2, 1) << 5);
        return jump(SINK, sign_extend(distance, 12));
    }
    default: {
        uint32_t distance = (uint32_t)(bits(half, 12, 1) << 8 | bits(half, 10, 2) << 3 | bits(half, 5, 2) << 6
                                       | bits(half, 3, 2) << 1 | bits(half, 2, 1) << 5);
        struct decoded decoded =
            with_registers(bits(half, 13, 1) == 0 ? BEQ : BNE, SINK, short_register(half, 7), 0);
        decoded.immediate = sign_extend(distance, 9);
        return relative(decoded);
    }
    }
}

static struct decoded decode_quadrant_2(uint32_t half)
{
    int number = bits(half, 7, 5), rd = destination(number), second = bits(half, 2, 5);
    int load_w = bits(half, 12, 1) << 5 | bits(half, 4, 3) << 2 | bits(half, 2, 2) << 6;
    int load_d = bits(half, 12, 1) << 5 | bits(half, 5, 2) << 3 | bits(half, 2, 3) << 6;
    int store_w = bits(half, 9, 4) << 2 | bits(half, 7, 2) << 6;
    int store_d = bits(half, 10, 3) << 3 | bits(half, 7, 3) << 6;
    switch (bits(half, 13, 3)) {
    case 0: return with_immediate(SLLI, rd, number, bits(half, 12, 1) << 5 | second);
    case 1: return with_immediate(FLD, floating(number), 2, load_d);
    case 2: return number == 0 ? bad(2) : with_immediate(LW, rd, 2, load_w);
    case 3: return number == 0 ? bad(2) : with_immediate(LD, rd, 2, load_d);
    case 4:
        if (bits(half, 12, 1) == 0) {
            if (second != 0) /* c.mv */
                return rd == SINK ? with_registers(NOP, SINK, 0, 0) : with_registers(MOVE, rd, second, 0);
            return number == 0 ? bad(2) : jump_register(SINK, number, 0);
        }
        if (second != 0) /* c.add */
            return with_registers(ADD, rd, number, second);
        return number == 0 ? with_registers(EBREAK, SINK, 0, 0) : jump_register(1, number, 0);
    case 5: return with_store(FSD, 2, floating(second), store_d);
    case 6: return with_store(SW, 2, second, store_w);
    default: return with_store(SD, 2, second, store_d);
    }
}

static struct decoded decode_2_bytes(uint32_t half)
{
    struct decoded decoded;
    switch (half & 3) {
    case 0: decoded = decode_quadrant_0(half); break;
    case 1: decoded = decode_quadrant_1(half); break;
    default: decoded = decode_quadrant_2(half); break;
    }
    decoded.length = 2;
    return decoded;
}

struct decoded decode(const uint8_t *bytes, uint64_t available)
{
    uint16_t half;
    uint32_t word;
    memcpy(&half, bytes, sizeof half);
    if ((half & 3) != 3)
        return decode_2_bytes(half);
    if (available < 4)
        return bad(2);
    memcpy(&word, bytes, sizeof word);
    return decode_4_bytes(word);
}

static uint64_t mask_of(int number)
{
    return number < REGISTER_COUNT ? (uint64_t)1 << number & ~(uint64_t)1 : 0;
}

struct register_use instruction_use(const struct decoded *instruction)
{
    struct register_use use = {0};
    uint64_t rd = mask_of(instruction->rd), rs1 = mask_of(instruction->rs1), rs2 = mask_of(instruction->rs2);
    use.read = rs1 | rs2 | mask_of(instruction->rs3);
    use.overwritten = use.changed = rd;
    switch (instruction->operation) {
    case ADDI: case ADD: case SUB: case XOR: case XORI: {
        /* The register only accumulates where it is the destination and exactly one operand: not in r = r + r, and not
         * in r = s - r. */
        int is_sub = instruction->operation == SUB;
        uint64_t kept = rd & (is_sub ? rs1 & ~rs2 : rs1 ^ rs2);
        int is_xor = instruction->operation == XOR || instruction->operation == XORI;
        use.read &= ~kept;
        use.overwritten &= ~kept;
        *(is_xor ? &use.xored : &use.added) = kept;
        break;
    }
    case CSR:
        use.read |= (uint64_t)1 << FCSR_BIT;
        use.changed |= (uint64_t)1 << FCSR_BIT;
        break;
    default:
        break;
    }
    return use;
}

int ends_block(enum operation operation)
{
    switch (operation) {
    case BEQ: case BNE: case BLT: case BGE: case BLTU: case BGEU: case BRANCH_OUTSIDE:
    case JUMP: case CALL: case JUMP_REGISTER: case CALL_REGISTER:
    case ECALL: case EBREAK: case BAD: case UNSUPPORTED: case OUTSIDE:
        return 1;
    default:
        return 0;
    }
}

void add_use(struct register_use *use, const struct register_use *next)
{
    uint64_t mixed = (use->added & next->xored) | (use->xored & next->added);
    uint64_t added = use->added | (next->added & ~use->overwritten);
    uint64_t xored = use->xored | (next->xored & ~use->overwritten);
    use->read |= (next->read | mixed) & ~use->overwritten;
    use->added = added & ~use->read & ~next->overwritten;
    use->xored = xored & ~use->read & ~next->overwritten;
    use->overwritten |= next->overwritten;
    use->changed |= next->changed;
}
