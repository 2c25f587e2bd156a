/* Where a loop is left. */
#include "decoded.h"
#include "machine.h"

/* A branch or a jump, and the instruction behind it. */
struct jump {
    const struct instruction *from, *behind, *to;
    int is_conditional;
};

/* The next one from `at` on that is no call; 0 behind the last. */
static int next_jump(const struct machine *machine, const struct instruction *at, struct jump *jump)
{
    const struct instruction *end = machine->code + machine->code_size / 2;
    for (; at < end; at += 1 + at->is_4_bytes) {
        if (!has_target(at) || at->operation == CALL)
            continue;
        *jump = (struct jump){at, at + 1 + at->is_4_bytes, at->target, at->operation != JUMP};
        return 1;
    }
    return 0;
}

size_t machine_exits(const struct machine *machine, uint64_t head, uint64_t outer, uint64_t *exits, size_t most)
{
    const struct instruction *around = machine->code + (outer - machine->code_start) / 2;
    const struct instruction *start = machine->code + (head - machine->code_start) / 2, *end = start;
    struct jump jump;
    for (const struct instruction *at = machine->code; next_jump(machine, at, &jump); at = jump.behind)
        if (jump.to == start && jump.from >= start)
            end = jump.behind;
    for (int grows = start < end; grows;) {
        grows = 0;
        for (const struct instruction *at = machine->code; next_jump(machine, at, &jump); at = jump.behind) {
            if (jump.from < jump.to || jump.to == around)
                continue;
            if (jump.to < start && start < jump.behind && jump.behind < end) {
                start = jump.to;
                grows = 1;
            } else if (start < jump.to && jump.to < end && end < jump.behind) {
                end = jump.behind;
                grows = 1;
            }
        }
    }
    size_t count = 0;
    int falls_through = start < end;
    for (const struct instruction *at = machine->code; next_jump(machine, at, &jump); at = jump.behind) {
        if (jump.from < start || jump.from >= end)
            continue;
        if ((jump.to < start || jump.to >= end) && count < most)
            exits[count++] = machine->code_start + 2 * (uint64_t)(jump.to - machine->code);
        falls_through &= jump.behind != end || jump.is_conditional;
    }
    if (falls_through && end < machine->code + machine->code_size / 2 && count < most)
        exits[count++] = machine->code_start + 2 * (uint64_t)(end - machine->code);
    return count;
}
