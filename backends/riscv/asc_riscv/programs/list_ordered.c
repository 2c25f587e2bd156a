/* The minimum over a linked list that lies in memory in its own order. */
#define SHUFFLED 0
#include "list.h"
