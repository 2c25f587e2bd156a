/* The exception flags of floating point that the host raises while a machine runs. */
#ifndef ASC_RISCV_HOST_FLAGS_H
#define ASC_RISCV_HOST_FLAGS_H

#include <stdint.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#else
#include <fenv.h>
#endif

/* `take_raised` returns what the host has raised, in fcsr's order, and clears it. `begin_floats` returns what has to be
 * put back afterwards. */
enum { FLAG_INEXACT = 1, FLAG_UNDERFLOW = 2, FLAG_OVERFLOW = 4, FLAG_DIVISION = 8, FLAG_INVALID = 16 };

#if defined(__SSE2__)
static inline uint64_t take_raised(void)
{
    unsigned state = _mm_getcsr();
    if ((state & 0x3f) == 0)
        return 0; /* to set the state takes longer */
    _mm_setcsr(state & ~0x3fu);
    return (state & 0x20 ? FLAG_INEXACT : 0) | (state & 0x10 ? FLAG_UNDERFLOW : 0) | (state & 0x08 ? FLAG_OVERFLOW : 0)
        | (state & 0x04 ? FLAG_DIVISION : 0) | (state & 0x01 ? FLAG_INVALID : 0);
}
typedef unsigned host_state;
static inline host_state begin_floats(void)
{
    unsigned state = _mm_getcsr();
    _mm_setcsr(0x1f80); /* no traps, to nearest, subnormals as they are */
    return state;
}
static inline void end_floats(host_state state)
{
    _mm_setcsr(state);
}
#else
static inline uint64_t take_raised(void)
{
    int raised = fetestexcept(FE_ALL_EXCEPT);
    feclearexcept(FE_ALL_EXCEPT);
    return (raised & FE_INEXACT ? FLAG_INEXACT : 0) | (raised & FE_UNDERFLOW ? FLAG_UNDERFLOW : 0)
        | (raised & FE_OVERFLOW ? FLAG_OVERFLOW : 0) | (raised & FE_DIVBYZERO ? FLAG_DIVISION : 0)
        | (raised & FE_INVALID ? FLAG_INVALID : 0);
}
typedef fenv_t host_state;
static inline host_state begin_floats(void)
{
    fenv_t state;
    feholdexcept(&state);
    fesetround(FE_TONEAREST);
    return state;
}
static inline void end_floats(host_state state)
{
    fesetenv(&state);
}
#endif

#endif
