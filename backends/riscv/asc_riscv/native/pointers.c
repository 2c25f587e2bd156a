/* Chains of pointers in memory: a list whose nodes each hold the address of the next one at some offset. */
#include <string.h>

#include "machine.h"

/* The pointer that is `offset` behind an address; 0 where that is not in the memory. */
static uint64_t next_of(const struct machine *machine, uint64_t address, int64_t offset)
{
    uint64_t place = address + (uint64_t)offset - machine->base, pointer;
    if (place > machine->size - sizeof pointer)
        return 0;
    memcpy(&pointer, machine->memory + place, sizeof pointer);
    return pointer;
}

uint64_t machine_follow(const struct machine *machine, uint64_t address, int64_t offset, uint64_t hops)
{
    for (; hops > 0 && address != 0; hops--)
        address = next_of(machine, address, offset);
    return address;
}

uint64_t machine_hops(const struct machine *machine, uint64_t from, uint64_t to, int64_t offset, uint64_t most)
{
    for (uint64_t hops = 1; hops <= most && from != 0; hops++) {
        from = next_of(machine, from, offset);
        if (from == to)
            return hops;
    }
    return 0;
}
