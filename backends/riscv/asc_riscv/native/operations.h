/* Every operation that an instruction is decoded to. An instruction of 2 bytes is decoded to the operation of the 4-byte
 * instruction that it abbreviates; the handler differs by the step to the next instruction. */

/* Operations of instructions of 4 bytes and of 2 bytes. */
#define OPERATIONS_OF_BOTH_LENGTHS(X) \
    X(CONSTANT) X(MOVE) X(ADD) X(ADDI) X(ADDW) X(ADDIW) X(SUB) X(SUBW) X(AND) X(ANDI) X(OR) X(XOR) \
    X(SLLI) X(SRLI) X(SRAI) X(LW) X(LD) X(SW) X(SD) X(FSD) X(FLD) X(BEQ) X(BNE) X(BRANCH_OUTSIDE) \
    X(JUMP) X(CALL) X(JUMP_REGISTER) X(CALL_REGISTER) X(NOP) \
    X(ECALL) X(EBREAK) X(BAD) X(UNSUPPORTED) X(OUTSIDE)

/* Operations of instructions of 4 bytes alone. */
#define OPERATIONS_OF_FOUR_BYTES(X) \
    X(SLT) X(SLTU) X(SLTI) X(SLTIU) X(ORI) X(XORI) X(SLL) X(SRL) X(SRA) \
    X(SLLIW) X(SRLIW) X(SRAIW) X(SLLW) X(SRLW) X(SRAW) \
    X(MUL) X(MULH) X(MULHSU) X(MULHU) X(DIV) X(DIVU) X(REM) X(REMU) \
    X(MULW) X(DIVW) X(DIVUW) X(REMW) X(REMUW) \
    X(LB) X(LH) X(LBU) X(LHU) X(LWU) X(SB) X(SH) X(BLT) X(BGE) X(BLTU) X(BGEU) \
    X(ATOMIC_W) X(ATOMIC_D) X(CSR) X(FLW) X(FSW) \
    X(FADD_S) X(FSUB_S) X(FMUL_S) X(FDIV_S) X(FSQRT_S) X(FMADD_S) X(FMSUB_S) X(FNMSUB_S) X(FNMADD_S) \
    X(FSGNJ_S) X(FSGNJN_S) X(FSGNJX_S) X(FMIN_S) X(FMAX_S) X(FEQ_S) X(FLT_S) X(FLE_S) X(FCLASS_S) \
    X(FCVT_W_S) X(FCVT_WU_S) X(FCVT_L_S) X(FCVT_LU_S) X(FCVT_S_W) X(FCVT_S_WU) X(FCVT_S_L) X(FCVT_S_LU) \
    X(FMV_X_W) X(FMV_W_X) X(FCVT_S_D) \
    X(FADD_D) X(FSUB_D) X(FMUL_D) X(FDIV_D) X(FSQRT_D) X(FMADD_D) X(FMSUB_D) X(FNMSUB_D) X(FNMADD_D) \
    X(FSGNJ_D) X(FSGNJN_D) X(FSGNJX_D) X(FMIN_D) X(FMAX_D) X(FEQ_D) X(FLT_D) X(FLE_D) X(FCLASS_D) \
    X(FCVT_W_D) X(FCVT_WU_D) X(FCVT_L_D) X(FCVT_LU_D) X(FCVT_D_W) X(FCVT_D_WU) X(FCVT_D_L) X(FCVT_D_LU) \
    X(FMV_X_D) X(FMV_D_X) X(FCVT_D_S)
