/* One hash over all nodes of a shuffled list, lap after lap; the work at each node takes long. */
#define SIZE 4
#include "start.h"

#define COUNT 65536
#define ROUNDS 100

struct node {
    unsigned long key;
    struct node *next;
};

static struct node nodes[COUNT];

static unsigned long next_random(unsigned long *state)
{
    *state = *state * 6364136223846793005ul + 1442695040888963407ul;
    return *state >> 33;
}

/* Sattolo's shuffle: one cycle through all nodes. */
static void build(void)
{
    unsigned long state = 1;
    for (long k = 0; k < COUNT; k++) {
        nodes[k].key = next_random(&state);
        nodes[k].next = &nodes[k];
    }
    for (long k = COUNT - 1; k > 0; k--) {
        long other = (long)(next_random(&state) % (unsigned long)k);
        struct node *kept = nodes[k].next;
        nodes[k].next = nodes[other].next;
        nodes[other].next = kept;
    }
}

static void run(long size)
{
    unsigned long total = 0;
    const struct node *node = nodes;
    build();
    for (long k = 0; k < size * COUNT; k++) {
        unsigned long hash = node->key + (unsigned long)k;
        for (long round = 0; round < ROUNDS; round++)
            hash = (hash ^ hash >> 31) * 0x9e3779b97f4a7c15ul;
        total += hash;
        node = node->next;
    }
    print("total", total);
}
