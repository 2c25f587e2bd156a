/* Memoised runs: a table of effects in sets of a few places, and a run that looks up, applies and records. */
#include <stdlib.h>
#include <string.h>

#include "decoded.h"
#include "host_flags.h"
#include "memo.h"
#include "packed.h"

enum {
    BYTES_FOR_ONE = 16,   /* bytes of an entry that are compared or written while one more is executed */
    MOST_USES = 255,
    FIRST_INTERVAL = 4,   /* misses */
    LONGEST_INTERVAL = 1024,
    OVERHEAD = 200,       /* instructions that take as long as a recording beside those that it runs */
    SHARE = 4,            /* one in so many instructions is recorded at most, with the overhead, */
    SHARE_WHEN_FULL = 64  /* and once the table is nearly full, where a stretch replaces another one */
};

static uint64_t cost_of(const struct packed *entry)
{
    return sizeof(uint32_t) + sizeof entry + bytes_of_packed(entry);
}

struct memo *memo_new(struct machine *machine, uint64_t registers, const uint32_t *words, size_t word_count,
                      uint64_t max_entries, uint64_t max_bytes, int64_t stride, int64_t turns, uint64_t least)
{
    struct memo *memo = calloc(1, sizeof *memo);
    if (memo == NULL)
        return NULL;
    uint64_t most = max_bytes / (sizeof(uint32_t) + sizeof(struct packed *) + sizeof(struct packed));
    max_entries = max_entries < most ? max_entries : most; /* more could not be kept, and would only take a place */
    memo->max_bytes = max_bytes;
    memo->stride = stride > 0 ? stride : 1;
    memo->turns = turns > 0 ? turns : 1;
    memo->least = least;
    memo->misses_left = memo->interval = FIRST_INTERVAL;
    memo->ways = max_entries < MEMO_WAYS ? max_entries : MEMO_WAYS;
    memo->sets = memo->ways != 0 ? max_entries / memo->ways : 0;
    if (memo->sets > UINT32_MAX)
        memo->sets = UINT32_MAX;
    for (int number = 1; number < REGISTER_COUNT && memo->index_count < MEMO_INDEX; number++)
        if (registers >> number & 1)
            memo->index[memo->index_count++] = (const uint8_t *)&machine->registers[number];
    int is_possible = 1;
    for (size_t k = 0; k < word_count && memo->index_count < MEMO_INDEX; k++) {
        is_possible &= words[k] < machine->size / 8;
        memo->index[memo->index_count++] = machine->memory + 8 * (uint64_t)words[k];
    }
    memo->tags = calloc(memo->sets * memo->ways + 1, sizeof *memo->tags);
    memo->slots = calloc(memo->sets * memo->ways + 1, sizeof *memo->slots);
    if (memo->tags == NULL || memo->slots == NULL || !is_possible) {
        memo_free(memo);
        return NULL;
    }
    return memo;
}

void memo_free(struct memo *memo)
{
    if (memo == NULL)
        return;
    for (uint64_t k = 0; memo->slots != NULL && k < memo->sets * memo->ways; k++)
        free(memo->slots[k]);
    free(memo->slots);
    free(memo->tags);
    free(memo->effect);
    free(memo);
}

static uint64_t key_now(const struct memo *memo)
{
    uint64_t key = 0;
    for (size_t k = 0; k < memo->index_count; k++) {
        uint64_t value;
        memcpy(&value, memo->index[k], sizeof value);
        key = (key ^ value) * 0x9e3779b97f4a7c15u;
        key ^= key >> 32;
    }
    return key;
}

/* The number of the first place of the set that a key belongs to. */
static uint64_t set_of(const struct memo *memo, uint64_t key)
{
    return memo->ways * ((key & UINT32_MAX) * memo->sets >> 32);
}

/* A tag says nearly always which place of a set cannot match. Free places have none. */
static uint32_t tag_of(uint64_t key)
{
    return (uint32_t)(key >> 32) | 1;
}

/* The entry that matches the machine; NULL where there is none. */
static struct packed *look_up(struct memo *memo, struct machine *machine)
{
    uint64_t key = key_now(memo), set = set_of(memo, key);
    uint32_t tag = tag_of(key);
    for (uint64_t place = set; place < set + memo->ways; place++) {
        if (memo->tags[place] == tag && packed_matches(memo->slots[place], machine)) {
            struct packed *entry = memo->slots[place];
            memo->hits++;
            entry->uses += entry->uses < MOST_USES;
            return entry;
        }
    }
    memo->misses++;
    return NULL;
}

/* Bring the flags that the host has raised to fcsr. */
static void note_raised(struct machine *machine)
{
    machine->fcsr |= take_raised();
}

int memo_visit(struct memo *memo, struct machine *machine)
{
    machine->pc = machine->watched[0];
    if (memo->compares_flags)
        note_raised(machine);
    memo->found = look_up(memo, machine);
    if (memo->found != NULL || --memo->misses_left <= 0)
        return 1;
    machine->visits_left = memo->stride;
    return 0;
}

static void drop(struct memo *memo, uint64_t place)
{
    memo->entries--;
    memo->bytes -= cost_of(memo->slots[place]);
    free(memo->slots[place]);
    memo->slots[place] = NULL;
    memo->tags[place] = 0;
}

enum { NO_PLACE = -1 };

/* A free place in the set of a key, or the one of an entry that nothing has used lately; none where all were used. */
static int64_t place_for(struct memo *memo, uint64_t key)
{
    uint64_t set = set_of(memo, key), least = set;
    for (uint64_t place = set; place < set + memo->ways; place++) {
        if (memo->slots[place] == NULL)
            return (int64_t)place;
        if (memo->slots[place]->uses < memo->slots[least]->uses)
            least = place;
    }
    int is_used = memo->slots[least]->uses > 0;
    for (uint64_t place = set; place < set + memo->ways; place++)
        memo->slots[place]->uses /= 2;
    return is_used ? NO_PLACE : (int64_t)least;
}

/* Take the effect of the machine's stretch; NULL where it has none, or where there is not enough memory. */
static const struct effect *take_effect(struct memo *memo, struct machine *machine)
{
    size_t bytes = machine_effect_bytes(machine);
    if (bytes == 0)
        return NULL;
    if (bytes > memo->effect_bytes) {
        free(memo->effect);
        memo->effect = malloc(2 * bytes);
        memo->effect_bytes = memo->effect == NULL ? 0 : 2 * bytes;
        if (memo->effect == NULL)
            return NULL;
    }
    machine_take_effect(machine, memo->effect);
    return memo->effect;
}

/* Keep the machine's stretch under a key, if it is worth it and there is room. */
static void insert(struct memo *memo, struct machine *machine, uint64_t key, int is_arrival)
{
    const struct effect *effect = memo->sets != 0 ? take_effect(memo, machine) : NULL;
    size_t bytes = effect != NULL ? packed_bytes(effect, machine) : 0;
    if (bytes == 0 || effect->instructions < memo->least + bytes / BYTES_FOR_ONE)
        return;
    int64_t place = place_for(memo, key);
    if (place == NO_PLACE)
        return;
    struct packed *before = memo->slots[place], *entry = malloc(bytes);
    if (entry == NULL)
        return;
    pack(effect, machine, entry);
    entry->uses = 1;
    entry->is_arrival = (uint8_t)is_arrival;
    if (memo->bytes - (before == NULL ? 0 : cost_of(before)) + cost_of(entry) > memo->max_bytes) {
        free(entry);
        return;
    }
    if (before != NULL) {
        drop(memo, (uint64_t)place);
        memo->evictions++;
    }
    memo->compares_flags |= effect->registers_read >> FCSR_BIT & 1;
    memo->tags[place] = tag_of(key);
    memo->slots[place] = entry;
    memo->entries++;
    memo->bytes += cost_of(entry);
}

/* Run tracked from the head, and keep what the stretch did. Return why it stopped. */
static enum stop record(struct memo *memo, struct machine *machine, int64_t budget)
{
    uint64_t key = key_now(memo), begun = machine->instructions;
    note_raised(machine);
    if (!machine_begin_stretch(machine))
        return STOP_VISIT; /* there is no memory for that */
    machine->visits_left = memo->turns;
    machine->stops_at_exits = 1;
    enum stop reason = run_tracked(machine, budget, 1, NULL);
    machine->visits_left = INT64_MAX;
    machine->stops_at_exits = 0;
    uint64_t raised = take_raised();
    machine->fcsr |= raised;
    machine->stretch_raised |= raised;
    memo->recorded++;
    memo->tracked += machine->instructions - begun;
    if (reason == STOP_VISIT || reason == STOP_BREAKPOINT)
        insert(memo, machine, key, reason == STOP_BREAKPOINT);
    machine->stretch_is_valid = 0;
    machine->stretch_is_lost = 1;
    return reason;
}

/* Whether a recording stays within its share of the work; in how many misses that is asked again. */
static int is_due(struct memo *memo, uint64_t executed)
{
    int is_full = 8 * memo->entries > 7 * memo->sets * memo->ways || 8 * memo->bytes > 7 * memo->max_bytes;
    uint64_t share = is_full ? SHARE_WHEN_FULL : SHARE;
    uint64_t cost = memo->tracked + OVERHEAD * memo->recorded;
    int is_affordable = share * cost <= memo->executed + executed - memo->skipped;
    if (is_affordable)
        memo->interval = memo->interval > 1 ? memo->interval / 2 : 1;
    else if (memo->interval < LONGEST_INTERVAL)
        memo->interval *= 2;
    memo->misses_left = memo->interval;
    return is_affordable;
}

/* Count an arrival at a breakpoint. As in a plain run, one at which the budget is used up is not counted. */
static enum stop arrive(int64_t *arrivals, int has_budget)
{
    if (*arrivals > 1 && !has_budget)
        return STOP_BUDGET;
    return --*arrivals > 0 ? STOP_VISIT : STOP_BREAKPOINT;
}

enum stop machine_run_memoised(struct machine *machine, struct memo *memo, int64_t budget, int64_t arrivals)
{
    uint64_t begun = machine->instructions, head = machine->watched[0];
    int64_t limit = budget < INT64_MAX / 2 ? budget : INT64_MAX / 2;
    enum stop reason = STOP_VISIT;
    machine->stretch_is_valid = 0;
    machine->stretch_is_lost = 1;
    machine->stop_address = 0;
    host_state state = begin_floats();
    arm_watched(machine, 1);
    machine->memo = memo;
    memo->found = NULL;
    while (reason == STOP_VISIT) {
        uint64_t executed = machine->instructions - begun;
        int64_t left = limit - (int64_t)executed;
        const struct packed *entry = memo->found;
        int is_hit = entry != NULL && left > 0 && entry->instructions <= left, is_arrival = 0;
        memo->found = NULL;
        if (is_hit) {
            packed_apply(entry, machine);
            memo->skipped += entry->instructions;
            is_arrival = entry->is_arrival;
        } else if (memo->misses_left <= 0 && is_due(memo, executed) && left > 0 && machine->pc == head) {
            reason = record(memo, machine, left);
            is_arrival = reason == STOP_BREAKPOINT;
        }
        if (is_arrival)
            reason = arrive(&arrivals, (int64_t)(machine->instructions - begun) < limit);
        if (reason != STOP_VISIT)
            break;
        if (is_hit && machine->pc == head) {
            memo->found = look_up(memo, machine);
            if (memo->found != NULL)
                continue;
        }
        machine->visits_left = memo->stride;
        reason = run_plain(machine, limit - (int64_t)(machine->instructions - begun), arrivals, NULL);
        arrivals = machine->arrivals_left;
    }
    note_raised(machine);
    machine->arrivals_left = arrivals > 0 ? arrivals : 0;
    machine->visits_left = INT64_MAX;
    arm_watched(machine, 0);
    end_floats(state);
    memo->executed += machine->instructions - begun;
    return reason;
}
