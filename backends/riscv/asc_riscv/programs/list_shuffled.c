/* The same list, shuffled: each node lies somewhere else. */
#define SHUFFLED 1
#include "list.h"
