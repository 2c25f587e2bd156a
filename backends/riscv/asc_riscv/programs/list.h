/* The minimum of an energy over a linked list, lap after lap. SHUFFLED says whether the list's order is the memory's. */
#define SIZE 100
#include "start.h"

#define COUNT 16384

struct node {
    struct node *next;
    long spin;
    long coupling;
    long field;
};

static struct node nodes[COUNT];
static unsigned order[COUNT];

static unsigned long next_random(unsigned long *state)
{
    *state = *state * 6364136223846793005ul + 1442695040888963407ul;
    return *state >> 33;
}

static void build(void)
{
    unsigned long state = 1;
    for (long k = 0; k < COUNT; k++)
        order[k] = (unsigned)k;
    for (long k = COUNT - 1; SHUFFLED && k > 0; k--) {
        long other = (long)(next_random(&state) % (unsigned long)(k + 1));
        unsigned kept = order[k];
        order[k] = order[other];
        order[other] = kept;
    }
    for (long k = 0; k < COUNT; k++) {
        struct node *node = &nodes[order[k]];
        node->next = k + 1 < COUNT ? &nodes[order[k + 1]] : 0;
        node->spin = next_random(&state) % 2 == 0 ? 1 : -1;
        node->coupling = (long)(next_random(&state) % 1000);
        node->field = (long)(next_random(&state) % 1000);
    }
}

static void run(long size)
{
    long lowest = 1l << 60;
    unsigned long where = 0;
    build();
    for (long lap = 0; lap < size; lap++) {
        long before = 1;
        for (const struct node *node = &nodes[order[0]]; node != 0; node = node->next) {
            long energy = -node->coupling * node->spin * before - node->field * node->spin * (lap + 1);
            if (energy < lowest) {
                lowest = energy;
                where = (unsigned long)(node - nodes);
            }
            before = node->spin;
        }
    }
    print("minus energy", (unsigned long)-lowest);
    print("node", where);
}
