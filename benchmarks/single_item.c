/* One item under (r, Q), Poisson demand of one unit, uniform lead times, backorders: the event kernel's algorithm and
 * random numbers in plain C, as the limit of what a compiler makes of them.
 *
 *   cc -O2 -o single_item single_item.c -lm
 *   ./single_item DAYS REPLICATIONS [REORDER_POINT ORDER_QUANTITY MEAN_GAP LOW WIDTH
 *                                    GAP_KEY0 GAP_KEY1 LEAD_KEY0 LEAD_KEY1]
 *
 * Left out: r 75, Q 100, 20 customers a day, lead times from 2 to 4 days, and the keys of `simulation.streams.stream_key`
 * for seed 1 and node item@site. Stock begins at r + Q. Prints names and figures, one to a line: seconds of the run
 * alone, then, summed over replications, what the kernel's tallies of the same names hold (ticks modulo 2^64).
 */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TICKS_PER_DAY INT64_C(86400000)
#define NEVER (INT64_C(1) << 62)
#define ROOM 1024 /* of orders under way, and of waiting customers: a power of two */

typedef struct {
    int64_t reorder_point, quantity, end;
    double mean_gap, low, width;
    uint64_t gap_key[2], lead_key[2];
} Item;

typedef struct {
    int64_t demand, filled, on_hand_ticks, backordered_ticks, orders, receipts, served_late, wait;
} Sums;

/* Pending receipts: a heap of four children to a node, arrays side by side. */
typedef struct {
    int64_t ticks[ROOM], keys[ROOM], units[ROOM];
    int64_t size, scheduled;
} Receipts;

typedef struct {
    int64_t ticks[ROOM], units[ROOM];
    int64_t head, size;
} Waiting;

static void philox(uint64_t counter, uint64_t entity, uint64_t replication, const uint64_t key[2], double luck[4])
{
    uint64_t c0 = counter, c1 = entity & 0xFFFFFFFFu, c2 = entity >> 32, c3 = replication;
    uint64_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = c0 * 0xD2511F53u, product1 = c2 * 0xCD9E8D57u;
        c0 = (product1 >> 32) ^ c1 ^ k0;
        c1 = product1 & 0xFFFFFFFFu;
        c2 = (product0 >> 32) ^ c3 ^ k1;
        c3 = product0 & 0xFFFFFFFFu;
        k0 = (k0 + 0x9E3779B9u) & 0xFFFFFFFFu;
        k1 = (k1 + 0xBB67AE85u) & 0xFFFFFFFFu;
    }
    luck[0] = ((double)(int64_t)c0 + 0.5) * 0x1p-32;
    luck[1] = ((double)(int64_t)c1 + 0.5) * 0x1p-32;
    luck[2] = ((double)(int64_t)c2 + 0.5) * 0x1p-32;
    luck[3] = ((double)(int64_t)c3 + 0.5) * 0x1p-32;
}

static int64_t ticks_of(double days) { return (int64_t)(days * (double)TICKS_PER_DAY + 0.5); }

static double log_of_rest(double u) { return u > 0.001 ? log(1.0 - u) : log1p(-u); }

static void next_four(int64_t customers[4], const Item *item, int64_t block, int64_t tick, int64_t replication)
{
    double luck[4];
    philox((uint64_t)block, 0, (uint64_t)replication, item->gap_key, luck);
    for (int customer = 0; customer < 4; customer++) {
        tick += ticks_of(-item->mean_gap * log_of_rest(luck[customer]));
        customers[customer] = tick;
    }
}

static void push(Receipts *queue, int64_t tick, int64_t key, int64_t units)
{
    int64_t hole = queue->size++;
    if (hole == ROOM) {
        fprintf(stderr, "more than %d orders under way\n", ROOM);
        exit(1);
    }
    while (hole > 0) {
        int64_t above = (hole - 1) >> 2;
        if (queue->ticks[above] < tick || (queue->ticks[above] == tick && queue->keys[above] < key))
            break;
        queue->ticks[hole] = queue->ticks[above];
        queue->keys[hole] = queue->keys[above];
        queue->units[hole] = queue->units[above];
        hole = above;
    }
    queue->ticks[hole] = tick;
    queue->keys[hole] = key;
    queue->units[hole] = units;
}

static int64_t pop(Receipts *queue)
{
    int64_t first = queue->units[0], size = --queue->size;
    int64_t tick = queue->ticks[size], key = queue->keys[size], units = queue->units[size], hole = 0;
    for (;;) {
        int64_t child = 4 * hole + 1, best = child;
        if (child >= size)
            break;
        for (int64_t other = child + 1; other < child + 4 && other < size; other++)
            if (queue->ticks[other] < queue->ticks[best] ||
                (queue->ticks[other] == queue->ticks[best] && queue->keys[other] < queue->keys[best]))
                best = other;
        if (tick < queue->ticks[best] || (tick == queue->ticks[best] && key < queue->keys[best]))
            break;
        queue->ticks[hole] = queue->ticks[best];
        queue->keys[hole] = queue->keys[best];
        queue->units[hole] = queue->units[best];
        hole = best;
    }
    queue->ticks[hole] = tick;
    queue->keys[hole] = key;
    queue->units[hole] = units;
    return first;
}

static int64_t next_tick(const Receipts *queue) { return queue->size ? queue->ticks[0] : NEVER; }

static void replication(const Item *item, int64_t number, Receipts *receipts, Waiting *waiting, Sums *sums)
{
    int64_t on_hand = item->reorder_point + item->quantity, position = on_hand, backordered = 0;
    int64_t on_hand_moment = 0, backordered_moment = 0, demand = 0, short_units = 0;
    int64_t day = -1, of_day = 0, block = 0, next_customer = 0, customers[4];
    receipts->size = receipts->scheduled = 0;
    waiting->head = waiting->size = 0;
    next_four(customers, item, 0, 0, number);
    int64_t tick = customers[0], receipt = NEVER;
    for (;;) {
        int64_t boundary = receipt < item->end ? receipt : item->end;
        while (tick < boundary) {
            demand++;
            position--;
            if (on_hand > 0) {
                on_hand--;
                on_hand_moment += tick;
            } else {
                int64_t at = (waiting->head + waiting->size) & (ROOM - 1);
                if (waiting->size == ROOM) {
                    fprintf(stderr, "more than %d customers waiting\n", ROOM);
                    exit(1);
                }
                waiting->ticks[at] = tick;
                waiting->units[at] = 1;
                waiting->size++;
                short_units++;
                backordered++;
                backordered_moment -= tick;
            }
            if (position <= item->reorder_point) {
                double luck[4];
                int64_t units =
                    ((item->reorder_point - position) / item->quantity + 1) * item->quantity;
                int64_t today = tick / TICKS_PER_DAY;
                if (today != day) {
                    day = today;
                    of_day = 0;
                }
                philox((uint64_t)(today >> 2), (uint64_t)of_day++, (uint64_t)number, item->lead_key, luck);
                int64_t arrives = tick + ticks_of(item->low + item->width * luck[today & 3]);
                push(receipts, arrives, ++receipts->scheduled, units);
                sums->orders++;
                position += units;
                receipt = next_tick(receipts);
                boundary = receipt < boundary ? receipt : boundary;
            }
            if (++next_customer == 4) {
                next_four(customers, item, ++block, tick, number);
                next_customer = 0;
            }
            tick = customers[next_customer];
        }
        if (receipt >= item->end)
            break;
        int64_t units = pop(receipts);
        sums->receipts++;
        while (waiting->size > 0 && units > 0) {
            int64_t there = waiting->units[waiting->head], served = there < units ? there : units;
            sums->served_late += served;
            sums->wait += served * (receipt - waiting->ticks[waiting->head]);
            backordered -= served;
            backordered_moment += served * receipt;
            units -= served;
            waiting->units[waiting->head] -= served;
            if (waiting->units[waiting->head] == 0) {
                waiting->head = (waiting->head + 1) & (ROOM - 1);
                waiting->size--;
            }
        }
        on_hand += units;
        on_hand_moment -= units * receipt;
        receipt = next_tick(receipts);
    }
    sums->demand += demand;
    sums->filled += demand - short_units;
    sums->on_hand_ticks += on_hand_moment + on_hand * item->end;
    sums->backordered_ticks += backordered_moment + backordered * item->end;
}

int main(int count, char **words)
{
    static Receipts receipts;
    static Waiting waiting;
    Sums sums = {0};
    struct timespec begun, ended;
    if (count != 3 && count != 12) {
        fprintf(stderr, "wanted 2 or 11 figures, got %d\n", count - 1);
        return 1;
    }
    Item item = {
        .reorder_point = 75,
        .quantity = 100,
        .end = ticks_of(atof(words[1])),
        .mean_gap = 1.0 / 20.0,
        .low = 2.0,
        .width = 2.0,
        .gap_key = {3523665716u, 3341855181u},
        .lead_key = {2769414239u, 3435117317u},
    };
    if (count == 12) {
        item.reorder_point = atoll(words[3]);
        item.quantity = atoll(words[4]);
        item.mean_gap = atof(words[5]);
        item.low = atof(words[6]);
        item.width = atof(words[7]);
        for (int word = 0; word < 2; word++) {
            item.gap_key[word] = strtoull(words[8 + word], NULL, 10);
            item.lead_key[word] = strtoull(words[10 + word], NULL, 10);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (int64_t number = 0; number < atoll(words[2]); number++)
        replication(&item, number, &receipts, &waiting, &sums);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("seconds %.9f\n", (double)(ended.tv_sec - begun.tv_sec) + 1e-9 * (double)(ended.tv_nsec - begun.tv_nsec));
    printf("demand %lld\nfilled %lld\n", (long long)sums.demand, (long long)sums.filled);
    printf("on_hand_ticks %lld\n", (long long)sums.on_hand_ticks);
    printf("backordered_ticks %lld\n", (long long)sums.backordered_ticks);
    printf("orders %lld\ncycles %lld\n", (long long)sums.orders, (long long)sums.receipts);
    printf("served_late %lld\nwait %lld\n", (long long)sums.served_late, (long long)sums.wait);
    return 0;
}
